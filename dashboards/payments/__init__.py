"""Pages of money in and out: they read; what people decide leaves them as files of orders.

- `suspense` - what waits in suspense, its candidates, and a decision to take along
- `returns` - what came back, rates against limits, a loan's own chain of debits
- `sending` - mandates, the debits of the next file, files sent and what banks booked of them
- `page` - the page: files of a date with their ties, accounts by day, what clears; and its other parts
"""
