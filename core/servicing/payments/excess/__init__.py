"""Excess: money beyond what is due.

- `placement` - a payoff, instalments to come, the principal, or the borrower's credit: which comes first
- `lines` - the lines that it is poured over, by kind of product
- `daily_lines` - the same where interest follows the balance
"""
