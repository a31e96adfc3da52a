"""Every list that is stored as a number. Append only: a number never changes its meaning.

- `events` - kinds of event, one row a kind: words, step of the day, payload, commands, states
- `statuses` - states of a loan, and what is known of its borrower
- `codes` - components, timings, product choices; with them the codes of the two above
- `accounts` - account roles; the lender's own account numbers come from the accounts policy
"""
