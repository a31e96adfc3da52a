"""The pages of applications and of duplicates.

- `page` - funnel, what waits and for how long, the queue
- `underwriting` - a person's decision on a case that the policy refers
- `screening` - hits of lists of sanctions of the people of a case
- `duplicates` - records that may be of one person: what it weighs, what people say
- `case` - one case: what was asked, its events, the decision's trace, what is missing
"""
