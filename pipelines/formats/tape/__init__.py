"""Loan tapes: a lender's own columns, mapped to canonical terms by a policy file, and judged row by row.

- `cells` - cells of a loan tape as its mapping has them: amounts, rates, units, whole numbers, dates
- `dates` - dates of a loan tape: the day on which instalments fall due, the maturity, and the cycle that they keep or leave
- `openings` - what loans that live already bring: balances on a date, and the event that brings them
- `rows` - rows of a loan tape as they came, each with its key, before any is judged
- `quoted` - what is quoted of a refused row of a loan tape: its cells, and the bounds that it breaks
- `terms` - what a row of a loan tape says of its loan, and what its product says of such rows
- `parsing` - loan tapes: a lender's own columns, mapped to canonical terms by a policy file
- `rules` - what a row must be to enter the book
"""
