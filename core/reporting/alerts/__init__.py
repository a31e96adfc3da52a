"""Alerts: what is unusual, waits too long or came close to a breach, each with the rows that it is made of.

- `unusual` - acts and failed payments beyond their own history, by user and by product
- `waiting` - payouts that came back, suspense and held loans by age, contacts that came close to a breach
- `alerts` - all of them, by one policy
"""
