"""A loan on a date: its terms, its position, its dues, and what a day may do to them.

- `positions` - what is calculated of a loan: one row a loan and date, each column declared
- `dues` - what is billed or paid ahead, by instalment and component
- `book` - terms, positions and dues of every live loan, as the next day's close needs them
- `business_date` - the date that each loan stands at, as a column beside it
- `posting` - the state of a day while it runs: loans, dues and the transfers so far
- `segment` - the interest segment that runs: who changes it, calls this
- `balances` - what is owed and due, by component: who changes it, calls this
- `line` - a line of credit's statement, grace and cash advances: who changes them, calls this
- `claim` - what the borrower owes, and what the books show of it
- `opening` - the first position: nothing paid out, cursor before instalment 1
- `taxes` - taxes on what a borrower is asked, due with their base
"""
