"""Changes of the contract: each closes the schedule in force and opens the next.

- `terms` - rate, term, due date, re-amortisation, capitalised interest
- `tranche` - further disbursements and down payments of schedules held as rows
- `reage` - arrears and what is to come make a new schedule
- `roll_in_arrears` - what is due and unpaid goes back to what is to come
- `interest_pause` - nights that bear no interest; the instalments stay
- `acceleration` - the contract is terminated: all that is owed is due on the day
- `flags` - what becomes known of a borrower, with the loan's terms from the day on
- `migration_in` - loans that already lived elsewhere, with their opening balances
"""
