"""Rules by which a row goes to quarantine, by room: to add one, add its row where its file or order stands.

- `rule` - what is told of a rule
- `any_file` - rules of any file
- `tape` - of loan tapes
- `money` - of payments, banks, collectors, decisions about entries in suspense, values of reference rates
- `orders` - of orders
- `origination` - of applications, and of what is known of who applies
- `collections` - of work on late loans
"""
