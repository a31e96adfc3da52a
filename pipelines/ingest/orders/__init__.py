"""Orders of command files: judged by their loans, then events of the kind that each orders.

- `entering` - a command file: its orders as events, and the charges that some call for
- `signed` - whose file it is: what may enter as it stands, what waits for another person
- `judging` - orders against the loans they name: what may enter, and what breaks which rule
- `eve` - how loans stand on the eve of the file's day, lived by the engine where no close has been
- `context` - what the rules read of the loan, its product and the orders before
- `payloads` - what an order says of each field of its event
- `targets` - what an order names: a payment, a charge, a refund, another loan
- `interest_refunds` - each on a refund that it names, in the amount that is told or worked out
- `chargeback_parts` - what a chargeback asks again, by the product's order
- `returned_payments` - fees that returned payments call for
- `mandates` - what lets an account be debited: its form, what names it, the account sealed
"""
