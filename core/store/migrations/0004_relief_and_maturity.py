"""Moratoria, a maturity date of the loan's own, acceleration."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have


def up(connection: Connection) -> None:
    """Add the columns."""
    add(
        connection,
        "loans",
        "moratorium_left SMALLINT, moratorium_interest TINYINT, matures_on DATE, "
        "accelerated_on DATE ",
    )
    add(
        connection,
        "changed_terms",
        "moratorium_left SMALLINT, moratorium_interest TINYINT, matures_on DATE, "
        "accelerated_on DATE ",
    )


def check(connection: Connection) -> None:
    """The columns are there."""
    must_have(connection, "loans", "moratorium_left moratorium_interest matures_on accelerated_on")
    must_have(
        connection, "changed_terms", "moratorium_left moratorium_interest matures_on accelerated_on"
    )
