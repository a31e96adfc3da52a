"""The day: the order of its steps, the order of its events, and the close of the whole book.

- `steps` - a day of loans that something happens to, in the order of a day
- `transactions` - a day's events in order of replay, one a loan at a time over the whole portfolio
- `night` - the night before: interest is earned, deferred income is recognised
- `next_dates` - the next date on which more happens to a loan than another night of interest
- `close` - the close: night, visit of the busy loans, the day's book
"""
