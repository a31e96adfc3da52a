"""Money that loanbook asks for or pays out: what goes to the bank, what it rests on, what comes back of it.

Nothing here writes a file: `pipelines/formats/bank_out` does, of what stands here.

- `accounts` - what form an account has by the rails, check digits included
- `mandates` - what lets an account be debited, as its events make it
- `presentment` - which debits go out on a day, and what stands in the way of others
- `returns` - what becomes of money that comes back, by its code
- `changes` - what a notification of change says of an account
- `return_rates` - how much comes back, against the limits of the rail
- `links` - payment links: one loan, one amount, once, until a day
- `instructions` - debits and credits for a bank, in one form for all rails
"""
