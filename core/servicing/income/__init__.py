"""Income: what the lender may show of what a loan earns, and when.

- `accounting_basis` - cash, non-accrual and memorandum: one translation of what the contract moves
- `deferred_income` - fees taken as income over the loan's life, evenly by nights
- `buy_down` - what another pays for the borrower's rate, by order
- `effective_interest` - fees taken as income at the loan's effective rate (IFRS 9, ASC 310-20)
"""
