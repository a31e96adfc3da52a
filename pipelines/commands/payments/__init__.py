"""`loanbook payments`: what banks told, what became of it, and what people decide.

- `incoming` - files of banks, entries, suspense, assignments
- `sending` - mandates, debits and payouts, what comes back of them
"""
