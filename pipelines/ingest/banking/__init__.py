"""Files of banks: each entry of them decided, and payments made of those that are of a loan.

- `files` - a bank's file: read, tied, its entries decided
- `collected` - money that another collected, by a mapping
- `assignments` - what people decide of entries in suspense
- `assets` - Dagster asset and checks of entries
- `stored` - what the ledger keeps of a file, its statements and entries
- `returning` - returns and notifications of change: the instruction that each is of, and what it orders
- `taken_back` - refunds and chargebacks of collectors: the payment that each takes back
- `cheques` - cheques of a lockbox that come back, told by number and amount
- `acknowledged` - what became of instructions, as a status report tells
"""
