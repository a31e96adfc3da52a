"""The one room of core with a door to the outside: the versioned ledger in DuckLake.

- `settings` - where an instance lives and which catalogue keeps its versions
- `lake` - connections, transactions and bulk inserts
- `schema` - tables and their numbered migrations
- `ledger` - the writer: intake, close, publish; one close is one transaction
- `rows` - the frames that an intake or a close stores
- `past` - what the ledger knows of some loans before a date
- `standing` - what an order or a payment is judged against before it may enter
- `reader` - the read layer: one class for a notebook, a page and an export
- `listed` - queries of the lists that people answer for
- `marts` - aggregates for reading, rebuilt from published versions
"""

from loanbook.core.store.reader import LedgerReader, open_ledger

__all__ = ["LedgerReader", "open_ledger"]
