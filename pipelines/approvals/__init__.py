"""Orders with two people: judged when proposed, shown with what they would do, released when approved.

- `judged` - an order as intake would take it: the events it makes, or the rule that it breaks
- `preview` - what an order would do: balances, schedule and postings, before and after
- `approving` - proposing, approving, rejecting and withdrawing, by the roles and the approval rules
- `releasing` - an approved order as a signed command file
"""
