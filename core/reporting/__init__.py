"""Definitions of metrics and the functions that compute them, once for pages, exports and notebooks.

- `metrics` - each metric with its title and definition
- `portfolio` - figures of one date's positions, by days past due and status
- `journal` - the general-ledger journal of a day, per entity
- `reconciliation` - the engine's balances beside those that another servicer reports
"""
