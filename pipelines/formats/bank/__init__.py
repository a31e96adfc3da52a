"""Files that banks send and take: bytes in, a `BankFile` out, whatever is wrong with them.

A reader raises `IntakeError` for what it can't begin to read (too large, another format); all else it
reads as far as it goes, and names in the problems what it could not.

- `reading` - which reader reads a file, by how it begins
- `limits` - how large a file may be, and how its bytes become text
- `nacha_records` - the fields of NACHA's records, and lines as records
- `nacha` - NACHA files, whole or in part
- `nacha_checks` - what NACHA's rules ask of them
- `values` - amounts and dates in files of text
- `mt` - SWIFT's statements MT940 and interim reports MT942
- `mt_remittance` - what the text of their entries tells
- `bai2` - BAI2 cash management files
"""
