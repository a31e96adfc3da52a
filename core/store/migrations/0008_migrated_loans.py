"""Loans that lived elsewhere before: since when they are here, with what principal."""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have


def up(connection: Connection) -> None:
    """Add the columns."""
    add(connection, "loans", "taken_over_on DATE, principal_left BIGINT")
    add(connection, "changed_terms", "taken_over_on DATE, principal_left BIGINT")


def check(connection: Connection) -> None:
    """The columns are there."""
    must_have(connection, "loans", "taken_over_on principal_left")
    must_have(connection, "changed_terms", "taken_over_on principal_left")
