"""What a write-off gave up, and what of it came back since.

A loan that was written off before has no figure of it: money that comes for it is lived again from its
end, and finds what the write-off gave up then.
"""

from __future__ import annotations

from loanbook.core.store.migrations.tools import Connection, add, must_have


def up(connection: Connection) -> None:
    """Add the columns."""
    add(connection, "positions", "written_off_on DATE, recoverable BIGINT DEFAULT 0")


def check(connection: Connection) -> None:
    """The columns are there."""
    must_have(connection, "positions", "written_off_on recoverable")
