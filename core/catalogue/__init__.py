"""Every list that is stored as a number. Append only: a number never changes its meaning.

- `components` - what a claim is made of: a row a component, and the maps made of the rows
- `codes` - kinds of event with their words, timings, states of a loan, product choices
- `counting` - conventions of days past due that a policy may count by
- `accounts` - account roles; the lender's own account numbers come from the accounts policy
"""
