"""Questions over any part of a book: by any dimension, with any filter, as SQL that a page shows and a notebook runs.

- `question` - SQL with its parameters, as it can be read, copied and run elsewhere
- `dimensions` - what loans can be grouped and filtered by, attributes of tapes among them
- `questions` - the questions themselves: cohorts, rolls, balances, cash flows
- `finder` - loans by number, borrower or amount
"""
