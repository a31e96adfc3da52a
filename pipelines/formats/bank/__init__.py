"""Files that banks send and take: bytes in, a `BankFile` out, whatever is wrong with them.

A reader raises `IntakeError` for what it can't begin to read (too large, a document type in XML); all else it
reads as far as it goes, and names in the problems what it could not.

- `reading` - which reader reads a format
- `sniffing` - which format a file has, by how it begins
- `limits` - how large a file may be, and how its bytes become text
- `values` - amounts and dates in files of text
- `nacha` - NACHA files, returns and notifications of change among them
- `iso20022` - camt.052, 053 and 054, pain.001, 002 and 008
- `swift` - MT940 and MT942
- `lockbox` - a lockbox's file: cheques and what came with them, as rows of a collector's file
- `bai2` - BAI2 cash management files
- `metro2` - what furnishers report to credit bureaus, read back
"""
