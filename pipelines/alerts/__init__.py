"""Alerts as people are told of them.

- `assets` - a check of Dagster for each sort of alert, with the rows that it is made of
- `telling` - findings that were not told of yet: to the audit trail, and to the program of `[alerts]`
"""
