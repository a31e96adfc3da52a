"""Taxes, penal interest, lines of credit, rates under a ceiling, places of law."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have


def up(connection: Connection) -> None:
    """Add the columns."""
    add(connection, "loans", "rate_agreed BIGINT, jurisdiction BIGINT")
    add(connection, "changed_terms", "rate_agreed BIGINT, jurisdiction BIGINT")
    add(
        connection,
        "positions",
        "taxes_due BIGINT DEFAULT 0, penal_base BIGINT DEFAULT 0, penal_from DATE, "
        "in_grace BOOLEAN DEFAULT 'true', statement_left BIGINT DEFAULT 0 ",
    )


def check(connection: Connection) -> None:
    """The columns are there."""
    must_have(connection, "loans", "rate_agreed jurisdiction")
    must_have(connection, "changed_terms", "rate_agreed jurisdiction")
    must_have(connection, "positions", "taxes_due penal_base penal_from in_grace statement_left")
