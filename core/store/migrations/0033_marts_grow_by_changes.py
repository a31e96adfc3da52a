"""Marts hold what each version adds, no longer whole dates: what was kept otherwise is made anew.

A mart holds nothing that published versions don't; the next close, or `loanbook marts`, fills it.
"""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, must_have_rows, run


def up(connection: Connection) -> None:
    """Empty the one mart there was."""
    run(connection, "DELETE FROM {lake}.portfolio_daily")


def check(connection: Connection) -> None:
    """Nothing of the older form is left."""
    must_have_rows(connection, "portfolio_daily", 0)
