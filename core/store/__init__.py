"""The one room of core with a door to the outside: the versioned ledger in DuckLake."""

from loanbook.core.store.reader import LedgerReader, open_ledger

__all__ = ["LedgerReader", "open_ledger"]
