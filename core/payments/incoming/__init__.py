"""Money in: every entry of a bank's file is applied, settled, in suspense, outside the book, known or refused.

- `entries` - entries of files as rows of one form, each known again by what it says
- `ties` - totals and balances that a file states beside what its entries make
- `matching` - what loan an entry is of, by references first
- `candidates` - loans that an entry may be of, by name, amount and due date, with a confidence
- `own_files` - files of ours that a bank books as one amount
- `deciding` - what becomes of each entry, by which rule
- `cash` - what is booked of entries: bank, payment clearing, unidentified receipts
- `emitting` - the events of payments
"""
