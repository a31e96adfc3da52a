"""Books with a known truth: synthetic tapes, and payment histories derived from a tape.

- `tape` - the public tape, and synthetic ones in the same columns
- `history` - dates and payments that end a loan near what its tape reports
- `landing` - a tape and its history as the daily files a lender would drop
- `applicants` - what the public tape tells of its borrowers as they applied
- `lending` - borrowers of the tape who paid off, taken from a second application to money out
- `bank_files` - payments of a simulated folder as files of a bank or a collector
- `products` - synthetic books of any product
"""
