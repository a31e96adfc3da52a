"""What runs beside the daily run.

- `maintenance` - the asset, job and schedule that keep a night's cost from growing with the ledger's age
"""
