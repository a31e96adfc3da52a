"""Policies of money at banks: which accounts there are, and by what an entry finds its loan.

- `bank_accounts` - accounts at banks: how files name them, what of them is the book's
- `collections` - how files are read of those who collect for the lender
- `matching` - how sure it must be that an entry is of a loan
"""
