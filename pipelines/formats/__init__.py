"""One module a file format: raw text in, typed rows with line numbers and quarantine out.

To add a format: write a module with `COLUMNS` and `parse`, and its row in `KINDS` of `registry`.

- `registry` - the kinds of file: name, order of the day, who reads it; one row a kind
- `columns` - what the columns of each mean, and their form
- `rules` - every rule of quarantine: what it means, what to do, which cell is quoted; the rows by room in `refusals`
- `mapped` - files in a sender's own columns: loanbook's names, amounts as plain decimals
- `table` - what all formats share: reading CSV text, splitting rows by a contract's rules
- `tape` - loan tapes: a lender's own columns, mapped to canonical terms by a policy file
- `payments` - receipts, one a row
- `commands` - orders of people, with maker, checker and reason
- `assignments` - what people decide of entries in suspense
- `collected` - what processors, agents and branches collected
- `bank` - files that banks send: NACHA and its like
- `bank_out` - files for banks: debits and credits to bytes
- `indices` - values of reference rates by date
"""
