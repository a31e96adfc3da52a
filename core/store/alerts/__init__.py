"""What alerts are made of, as a reader's views have it.

- `gathering` - orders, failed payments, payouts, suspense, held loans and contacts of the windows that are compared
"""
