"""`loanbook payments`: what banks told, what became of it, and what people decide.

- `incoming` - files of banks, entries, suspense, assignments
"""
