"""The page of applications.

- `page` - funnel, what waits and for how long, the queue
- `case` - one case: what was asked, its events, the decision's trace, what is missing
"""
