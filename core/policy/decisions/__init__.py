"""Policies of decisions: what is asked of an application, and what it may cost.

- `conditions` - a rule's condition in SQL: which words it may have, compiled and tried on an empty frame
- `scorecard` - points by bins and words, grades by points, prices and limits by grade
- `partners` - how partners' files of applications are read, and what they may send
- `decision` - a file of `data/policies/decisions`: rules, scorecard, prices, limits, affordability
- `screening` - a file of `data/policies/screening`: when a name is a hit, and who clears it
- `duplicates` - a file of `data/policies/duplicates`: what likeness of two records weighs, and who merges them
- `adverse_action` - a file of `data/policies/adverse_action`: what letters to the rejected say beside their reasons
- `underwriting` - a file of `data/policies/underwriting`: who decides what the policy refers, and up to what
"""
