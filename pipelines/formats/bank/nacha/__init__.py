"""NACHA files: fixed width, 94 characters a record.

- `records` - lines as records, and the fields of each
- `reader` - a file, whole or in part, as a `BankFile`
- `checks` - what NACHA's rules ask of it
"""
