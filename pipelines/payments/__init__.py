"""Money that goes out: the day's debits and payouts to files for banks, and how they are handed over.

- `outbox` - files handed over to what takes them to the bank, each once
- `recording` - instructions to a file, its record and the payments that it asks for, in one transaction
- `presenting` - the debits of a day
- `paying` - payouts of the ledger as credits
- `links` - payment links: an adapter for who offers them, and a stand-in
- `assets` - what Dagster knows of it
"""
