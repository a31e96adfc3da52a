"""Alerts as people are told of them.

- `gathering` - what they are made of, from a reader
- `assets` - a check of Dagster for each sort of alert, with the rows that it is made of
- `telling` - findings that were not told of yet: to the audit trail, and to the program of `[alerts]`
"""
