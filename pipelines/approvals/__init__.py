"""Orders with two people: judged when proposed, shown with what they would do, released when approved.

- `judged` - an order as intake would take it: the events it makes, or the rule that it breaks
- `preview` - what an order would do: balances, schedule and postings, before and after
- `desk` - what orders are proposed and approved with
- `settlement` - settlement offers: their floor, who may make them, and what they would book
- `approving` - proposing, approving, rejecting and withdrawing, by the roles and the approval rules
- `releasing` - an approved order as a signed command file
"""
