"""The one room of core with a door to the outside: the versioned ledger in DuckLake.

- `settings` - where an instance lives and which catalogue keeps its versions
- `lake` - connections, transactions and bulk inserts
- `migrations` - the tables, by numbered files of frozen SQL, each with a check
- `parts` - a book cut into parts by borrower, each read by itself
- `closing` - the book that a version stored; encrypted files written apart, and the commit that names them
- `grouped` - positions as they are stored: what few loans have apart from what all have
- `instance` - the folder of one lender: where it is, what its `loanbook.toml` says
- `queries` - reads of the lake that the rooms below the writer share
- `clocks` - a business date as known at a version, in SQL
- `writer` - the one writer: intake, close, publish; one close is one transaction
- `writing` - the frames that an intake or a close stores
- `history` - what the ledger knows of some loans before a date
- `known` - keys and files that came before, looked up by hash
- `order_context` - what an order or a payment is judged against before it may enter
- `reader` - the read layer: one class for a notebook, a page and an export
- `guarded` - what a role shows, and what SQL of people's own may be
- `views` - what SQL and notebooks see of published versions
- `lists` - queries of the lists that people answer for
- `sending` - what is kept of money that goes out: accounts, sealed, and what was handed to banks
- `upkeep` - what keeps a ledger sound beside its closes
- `people` - users, sessions, orders that wait, the audit trail: a database beside the lake
- `marts` - aggregates for reading, rebuilt from published versions

Nothing is imported here: a command that reads pays for no engine. The public names are
`loanbook.open_ledger` and `loanbook.LedgerReader`.
"""
