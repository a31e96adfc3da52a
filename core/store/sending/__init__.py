"""What the ledger keeps of money that goes out: accounts, sealed, and what was handed to banks.

- `vault` - particulars of accounts as tokens and sealed bytes, with a key of the instance
- `instructions` - files for banks and what is in them: recorded, then handed over
- `asking` - mandates on a day, the debits of a day and what of them is not asked for
- `rates` - rates of returns on a date
- `reading` - returns, changes and what was asked of a loan, as people read them
"""
