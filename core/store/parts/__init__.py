"""A book cut into parts by borrower, each of which is read by itself.

- `part` - which loans are a part, and reads of them alone
- `groups` - loans that are never set apart, and the bounds of a day's parts
"""
