"""The payments room: what banks tell of money, and what becomes of it. No other room makes events of payments.

Nothing here reads a file: `pipelines/formats/bank` does, and hands over what stands in it.

- `ach_codes` - return and change codes of the ACH network
- `bank_file` - what a bank's file says: statements, entries, returns, controls, and what is wrong with it
- `out` - debits and credits that go to a bank, and what they rest on
- `incoming` - money in: entries, what loan each is of, what waits in suspense, what is booked of it
"""
