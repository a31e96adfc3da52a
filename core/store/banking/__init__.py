"""What the ledger keeps of banks: entries that are known, what loans await, and how alike names are.

- `context` - what intake must know of loans and of earlier entries
- `names` - how alike names are
- `reading` - files, entries, suspense and days of accounts, as people read them
"""
