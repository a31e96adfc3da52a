"""Every list that is stored as a number. Append only: a number never changes its meaning.

- `kinds` - kinds of event by their number, and what a row of one says
- `events` - kinds of event, one row a kind: words, step of the day, payload, commands, states
- `statuses` - states of a loan, and what is known of its borrower
- `components` - what a claim is made of: a row a component, and the maps made of the rows
- `codes` - timings, product choices; with them the codes of events and statuses
- `counting` - conventions of days past due that a policy may count by
- `inputs` - what a decision on an application may look at
- `personal` - what the vault keeps of a person, how it is masked, by what persons are found
- `accounts` - account roles; the lender's own account numbers come from the accounts policy
"""
