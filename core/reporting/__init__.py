"""Definitions of metrics and the functions that compute them, once for pages, exports and notebooks.

- `metrics` - each metric with its title and definition
- `portfolio` - figures of one date's positions, by days past due and status
- `journal` - the general-ledger journal of a day, per entity
- `prepayment` - speeds of prepayment and default (SMM, CPR, PSA, ABS, SDA), scheduled balances
- `pool_cash_flow` - the cash flow of pools at such speeds
- `roll_rates` - net flow from bucket to bucket, and the losses that it says
- `misuse` - orders beyond those of peers, of one's own loans, and pairs that always agree
- `reconciliation` - the engine's balances beside those that another servicer reports
"""
