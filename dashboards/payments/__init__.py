"""Pages of money in and out: they read; what people decide leaves them as files of orders.

- `suspense` - what waits in suspense, its candidates, and a decision to take along
- `page` - the page: files of a date with their ties, accounts by day, what clears
"""
