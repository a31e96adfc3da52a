"""Explain: why a loan's figures are what they are, and what a change did to them.

- `explain` - every cent of a loan and every day past due, from its events
- `by_rule` - what no event moved: billing, charges, interest at once, another accounting
- `lines` - what happened, and what it moved of each part of the claim
- `instalments` - what was asked and paid of each instalment, and what is to come
- `contract_changes` - the payments to come before and after a change, their worth, forbearance
- `disclosure` - what a loan costs as it is disclosed at boarding
"""
