"""Reminders of a day: gathered from the ledger, decided by core, sent by the lender's own services.

- `channels` - the services that send, behind one adapter; in a demo a file
- `gathering` - what is due, who can be reached, and what becomes of each at an instant
- `sending` - recorded, sent, recorded what came of it; a run that was killed is settled by policy
- `assets` - Dagster's asset, and its schedule by the hour
"""
