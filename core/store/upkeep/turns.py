"""Who may write to a catalogue in SQLite: transactions side by side, a step of maintenance alone.

SQLite loses the work of whoever commits second. So a transaction of a close or an intake holds the lake's lock
together with others, and maintenance holds it alone for one step (a table that is merged, an expiry): each waits
for the other, and no longer than a step. The system lets go of it where a process is killed.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from loanbook.core.errors import LedgerConflictError

TURN, RUN = ".turn", ".maintenance"
"""Files in the lake's folder that are locked: for a step or transaction, and for a whole maintenance."""
SECONDS = 600.0
"""So long a transaction waits for a step of maintenance, and the other way round."""


@contextmanager
def writing(connection: duckdb.DuckDBPyConnection, lake: str) -> Iterator[None]:
    """Hold the lake for a transaction, beside others; LedgerConflictError if maintenance keeps it too long."""
    with _held(
        _file_of(connection, lake), fcntl.LOCK_SH, SECONDS,
        "`loanbook maintain` has been merging one table for {seconds:.0f} s: nothing of this attempt was kept; run "
        "again when it is done",
    ):  # fmt: skip
        yield


@contextmanager
def alone(connection: duckdb.DuckDBPyConnection, lake: str) -> Iterator[None]:
    """Hold the lake for a step of maintenance; LedgerConflictError if a transaction keeps it too long."""
    with _held(
        _file_of(connection, lake), fcntl.LOCK_EX, SECONDS,
        "another run has been writing for {seconds:.0f} s: what was done so far stands; run `loanbook maintain` "
        "again when it is done",
    ):  # fmt: skip
        yield


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold the lake's folder for a whole maintenance; LedgerConflictError at once where another holds it."""
    with _held(
        folder / RUN, fcntl.LOCK_EX, 0.0,
        "another `loanbook maintain` works on this ledger; nothing was done",
    ):  # fmt: skip
        yield


def _file_of(connection: duckdb.DuckDBPyConnection, lake: str) -> Path | None:
    """The file that is locked; None: PostgreSQL keeps the catalogue, and orders its writers itself."""
    row = connection.execute(
        "SELECT path FROM duckdb_databases() WHERE database_name = ?", [lake]
    ).fetchone()
    path = row[0] if row else None
    if not path or not path.startswith("sqlite:"):
        return None
    return Path(path.removeprefix("sqlite:")).parent / TURN


@contextmanager
def _held(path: Path | None, how: int, seconds: float, told: str) -> Iterator[None]:
    if path is None:
        yield
        return
    with path.open("w") as file:
        until, pause = time.monotonic() + seconds, 0.01
        while True:
            try:
                fcntl.flock(file, how | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise LedgerConflictError(told.format(seconds=seconds)) from None
                time.sleep(pause)
                pause = min(pause * 2, 0.25)
        yield
