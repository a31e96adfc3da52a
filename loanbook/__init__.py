"""loanbook: the loan platform that data teams schedule, analysts explore and compliance trusts.

The repository's `core/`, `pipelines/` and `dashboards/` are packages of this one: `loanbook.core`,
`loanbook.pipelines`, `loanbook.dashboards`, in a checkout and in an installed wheel alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loanbook.core.store.reader import LedgerReader, open_ledger

__all__ = ["LedgerReader", "open_ledger"]


def __getattr__(name: str) -> Any:
    """The public names, imported when first asked for: a page or command pays for what it uses."""
    if name in __all__:
        from loanbook.core.store import reader

        return getattr(reader, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
