"""A statement of people's own as it runs: bounded in time, memory and answer, with no file but the ledger's."""

from __future__ import annotations

import threading

import duckdb
import polars as pl
import pyarrow as pa

from loanbook.core.errors import LedgerError

SECONDS = 60.0
"""So long a statement may run."""
MEMORY = "4GB"
SPILL = "16GB"
"""What a statement may take of memory, and of the disk beside it."""
ANSWER = 2**30
"""Bytes that an answer may have."""
_ROWS = 100_000


def confine(connection: duckdb.DuckDBPyConnection, data: str) -> None:
    """Let a connection read the files of the ledger alone, within bounds, and nothing change that again."""
    folder = data.replace("'", "''")
    connection.execute(f"SET memory_limit = '{MEMORY}'")
    connection.execute(f"SET max_temp_directory_size = '{SPILL}'")
    connection.execute("SET python_enable_replacements = false")
    connection.execute(f"SET allowed_directories = ['{folder}/']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def bounded(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    *,
    seconds: float = SECONDS,
    answer: int = ANSWER,
) -> pl.DataFrame:
    """Rows of a statement. LedgerError where it takes longer, or its answer is larger, than it may be."""
    cursor, late = connection.cursor(), threading.Event()

    def interrupt() -> None:
        late.set()
        cursor.interrupt()

    timer = threading.Timer(seconds, interrupt)
    timer.start()
    try:
        reader = cursor.execute(query).to_arrow_reader(_ROWS)
        parts, size = [], 0
        for part in reader:
            parts.append(part)
            size += part.nbytes
            if size > answer:
                raise LedgerError(
                    f"the answer is larger than {answer // 2**20} MB; ask for fewer rows or columns, or sums"
                )
        return pl.DataFrame(pa.Table.from_batches(parts, reader.schema))
    except (duckdb.Error, pa.ArrowException) as error:
        if late.is_set():
            raise LedgerError(
                f"it ran longer than {seconds:.0f} s and was stopped; ask for less at once"
            ) from error
        if isinstance(error, pa.ArrowException):
            raise LedgerError(str(error)) from error
        raise
    finally:
        timer.cancel()
        cursor.close()
