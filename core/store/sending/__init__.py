"""What the ledger keeps of money that goes out: accounts, sealed, and what was handed to banks.

- `vault` - particulars of accounts as tokens and sealed bytes, with a key of the instance
- `instructions` - files for banks and what is in them: recorded, then handed over
- `reading` - returns, changes and what was asked of a loan, as people read them
"""
