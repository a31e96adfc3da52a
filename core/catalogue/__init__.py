"""Every list that is stored as a number. Append only: a number never changes its meaning.

- `codes` - kinds of event with their words, components, timings, states of a loan, product choices
- `accounts` - account roles; the lender's own account numbers come from the accounts policy
"""
