"""Changes of the contract: each closes the schedule in force and opens the next.

- `terms` - rate, term, due date, pauses, limits: one file an event
- `tranche` - further disbursements and down payments of schedules held as rows
- `own_term` - tranches that each are a schedule of their own
- `disbursement` - principal is paid out, and what is lent joins what is to come
- `fee_capitalisation` - a fee joins the principal; it is income over the loan's life
- `reage` - arrears and what is to come make a new schedule
- `roll_in_arrears` - what is due and unpaid goes back to what is to come
- `acceleration` - the contract is terminated: all that is owed is due on the day
- `flags` - what becomes known of a borrower, with the loan's terms from the day on
- `migration_in` - loans that already lived elsewhere, with their opening balances
"""
