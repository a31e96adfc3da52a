"""Fees at the effective rate, charge-offs that last, taxed interest, re-ages."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have


def up(connection: Connection) -> None:
    """Add the columns."""
    add(connection, "loans", "reaged_no SMALLINT")
    add(connection, "changed_terms", "reaged_no SMALLINT")
    add(
        connection,
        "positions",
        "deferred_to BIGINT DEFAULT 0, deferred_yield BIGINT, deferred_rate BIGINT, "
        "credit_since DATE, charged_off_on DATE, interest_taxed BIGINT DEFAULT 0 ",
    )


def check(connection: Connection) -> None:
    """The columns are there."""
    must_have(connection, "loans", "reaged_no")
    must_have(connection, "changed_terms", "reaged_no")
    must_have(
        connection,
        "positions",
        "deferred_to deferred_yield deferred_rate credit_since charged_off_on interest_taxed",
    )
