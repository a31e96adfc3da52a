"""Connections to the DuckLake: extensions from installed wheels, no download at run time.

The data files are encrypted. Their keys and the columns' minima and maxima stand in the
catalogue in plain text, so the catalogue is what must be guarded: the instance folder gets
mode 700, the SQLite file mode 600.
"""

from __future__ import annotations

import atexit
import contextlib
import datetime as dt
import errno
import fcntl
import os
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb
import polars as pl
from duckdb_extensions import import_extension

from loanbook.core.errors import LedgerConflictError, LedgerError
from loanbook.core.store.settings import Settings
from loanbook.core.store.storage.database_address import holds_none, unreachable
from loanbook.core.store.storage.s3 import of_storage_away, open_bucket

T = TypeVar("T")
_importing = threading.Lock()
_EXTENSIONS = ("httpfs", "ducklake", "sqlite_scanner")
_FULL = ("No space left on device", "database or disk is full", "Disk quota exceeded")
_BUSY = ("database is locked", "could not serialize", "conflict", "Conflict", "database is busy")
LAKE = "_lake"
"""Name under which the lake is attached; readers use views, never this name."""
CATALOGUE = f"__ducklake_metadata_{LAKE}"
"""Name under which DuckLake attaches its catalogue."""
_SMALL = 20_000
"""Loans up to which one thread serves a ledger: to share out small work costs more than it saves."""
_verified: set[tuple[Path, int, int]] = set()
"""Extension files (path, time and size) whose signature DuckDB checked for this process: to check
one takes 0.1 s."""


def _connect(settings: Settings, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    connection = _with_extensions(settings)
    connection.execute("SET threads = 1")  # until `share_out` knows how many loans there are
    connection.execute("SET TimeZone = 'UTC'")
    # a row group at a time: rows of a partition are not gathered in memory before they are written
    connection.execute("SET partitioned_write_flush_threshold = 122880")
    connection.execute("SET enable_progress_bar = false")  # it would stand in what commands print
    attach, catalogue = settings.attach, settings.sqlite
    if read_only and not settings.catalogue and not _writable(catalogue):
        attach = f"ducklake:sqlite:{_copied(catalogue)}"
    options = [f"DATA_PATH '{_quoted(settings.place.root)}'", "DATA_INLINING_ROW_LIMIT 0"]
    options.append("OVERRIDE_DATA_PATH TRUE")  # an instance may be moved or restored elsewhere
    options.append("READ_ONLY" if read_only else "ENCRYPTED")
    attaching = f"ATTACH '{_quoted(attach)}' AS {LAKE} ({', '.join(options)}"
    if not settings.catalogue:
        connection.execute(f"{attaching})")
    elif not _attached(connection, f"{attaching}, CREATE_IF_NOT_EXISTS FALSE)", settings):
        if read_only or settings.begun.exists() or _holds_files(settings):
            raise LedgerError(
                holds_none(settings.catalogue, str(settings.place.root), settings.begun)
            )
        _attached(connection, f"{attaching})", settings)
    _must_not_inline(connection, settings)
    return connection


def _attached(connection: duckdb.DuckDBPyConnection, attaching: str, settings: Settings) -> bool:
    """Whether a ledger behind an address was attached; False: its database holds none."""
    try:
        connection.execute(attaching)
    except duckdb.Error as error:
        if "creating a new DuckLake is explicitly disabled" in str(error):
            return False
        if any(word in str(error) for word in _BUSY):
            raise
        raise LedgerError(unreachable(settings.catalogue or "", str(error))) from None
    return True


def _must_not_inline(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """LedgerError where an option in the catalogue lets small inserts stand there in plain text: it wins over the
    limit of 0 that is set at each attach."""
    limits = connection.execute(
        f"SELECT DISTINCT value FROM {CATALOGUE}.ducklake_metadata WHERE key = 'data_inlining_row_limit'"
    ).fetchall()
    found = [limit for (limit,) in limits if limit != "0"]
    if not found:
        return
    connection.close()
    program = "psql to its database" if settings.catalogue else f"`sqlite3 {settings.sqlite}`"
    raise LedgerError(
        f"the catalogue holds the option data_inlining_row_limit = {found[0]}, by which small inserts would stand in "
        f'it unencrypted: take it out with {program} and "DELETE FROM ducklake_metadata WHERE key = '
        "'data_inlining_row_limit'\"; rows that it let in stay readable, and stay unencrypted in its tables "
        "ducklake_inlined_data_*"
    )


def _writable(catalogue: Path) -> bool:
    """Whether SQLite can keep its shared memory beside the catalogue, without which it opens none."""
    return os.access(catalogue, os.W_OK) and os.access(catalogue.parent, os.W_OK)


def _copied(catalogue: Path) -> Path:
    """A copy of the catalogue of a read-only folder, a snapshot or replica, that can be opened; it is
    deleted when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="loanbook-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for path in catalogue.parent.glob(f"{catalogue.name}*"):
        if not path.name.endswith("-shm"):
            (folder / path.name).write_bytes(path.read_bytes())
    return folder / catalogue.name


def _with_extensions(settings: Settings) -> duckdb.DuckDBPyConnection:
    folder = _extension_folder(settings)
    wanted = (*_EXTENSIONS, "postgres_scanner") if settings.catalogue else _EXTENSIONS
    with _importing, (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two imports at once fail, in threads and in processes
        known = _files(folder, wanted)
        trusted = len(known) == len(wanted) and known <= _verified
        connection = duckdb.connect(
            config={"extension_directory": str(folder), "allow_unsigned_extensions": trusted}
        )
        for name in wanted:
            if not any(folder.rglob(f"{name}.duckdb_extension")):
                import_extension(name, con=connection)
            connection.load_extension(name)
        if trusted:  # from here on DuckDB refuses to set it again
            connection.execute("SET allow_unsigned_extensions = false")
        _verified.update(_files(folder, wanted))
    if settings.bucket:
        open_bucket(connection, settings.bucket, settings.endpoint, settings.region)
    return connection


def _files(folder: Path, wanted: tuple[str, ...]) -> set[tuple[Path, int, int]]:
    """Files of the extensions that are unpacked, as `_verified` keeps them."""
    found = [p for name in wanted for p in folder.rglob(f"{name}.duckdb_extension")]
    return {(p, p.stat().st_mtime_ns, p.stat().st_size) for p in found}


def share_out(connection: duckdb.DuckDBPyConnection, loans: int) -> None:
    """Let all cores serve a ledger of many loans, and one thread a small one."""
    connection.execute("SET threads = 1" if loans <= _SMALL else "RESET threads")


def loans_of(connection: duckdb.DuckDBPyConnection) -> int:
    """How many loans ever entered the ledger."""
    row = connection.execute(f"SELECT next_loan_id FROM {LAKE}.intake_head").fetchone()
    return row[0] - 1 if row else 0


def _extension_folder(settings: Settings) -> Path:
    """Unpacked extensions: once for the environment, or in the instance if that is read-only."""
    shared = Path(sys.prefix) / "var" / f"duckdb-{duckdb.__version__}"
    try:
        shared.mkdir(parents=True, exist_ok=True)
        if os.access(shared, os.W_OK):
            return shared
    except OSError:
        pass
    folder = settings.home / "duckdb"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a read-only instance
        folder = Path(tempfile.gettempdir()) / f"loanbook-duckdb-{duckdb.__version__}-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _quoted(text: str | Path) -> str:
    return str(text).replace("'", "''")


def open_writer(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A connection that may write; makes the instance's folders, readable by their owner only.

    LedgerError where the catalogue is gone but data files of a ledger are there.
    """
    _must_not_be_lost(settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.home.chmod(0o700)
    settings.lake.mkdir(exist_ok=True)
    before = os.umask(0o077)
    try:
        if not settings.catalogue:
            _with_wal(settings.sqlite)
        connection = patiently(lambda: _connect(settings, read_only=False))
    finally:
        os.umask(before)
    if settings.sqlite.exists():
        settings.sqlite.chmod(0o600)
    if not settings.begun.exists():
        settings.begun.write_text(_BEGUN, encoding="utf-8")
    return connection


_BEGUN = (
    "A ledger was begun in lake/ beside this file, or behind the address of its catalogue. Where it is gone, no other "
    "is begun in its place.\n"
)


def _must_not_be_lost(settings: Settings) -> None:
    """A new ledger over the files of a lost one would give their numbers again, and so it would know less than the
    lost one where the lake is a disk that is not mounted."""
    if settings.has_ledger:
        return
    if settings.begun.exists() and not _holds_files(settings):
        raise LedgerError(
            f"a ledger was begun in {settings.home}, but {settings.lake} holds none: mount its disk, or restore it "
            f"from a backup; for a new ledger make another instance with `loanbook init`, or remove {settings.begun}"
        )
    if _holds_files(settings):
        raise LedgerError(
            f"the catalogue {settings.sqlite} is gone, but {settings.place.root} holds the files of a ledger: restore "
            "the catalogue from a backup; for a new ledger make another instance with `loanbook init`"
        )


def _holds_files(settings: Settings) -> bool:
    """Whether data files lie where those of the ledger would."""
    if not settings.bucket:
        return settings.data.is_dir() and next(settings.data.rglob("*.parquet"), None) is not None
    with _with_extensions(settings) as connection:
        return bool(patiently(lambda: settings.place.listed(connection)))


def _with_wal(catalogue: Path) -> None:
    """Keep the SQLite catalogue in write-ahead mode: readers don't wait, commits cost less."""
    with sqlite3.connect(catalogue, timeout=20) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def open_reader(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A read-only connection; LedgerError if there is no ledger yet."""
    if not settings.has_ledger:
        raise LedgerError(
            f"there is no ledger in {settings.home} yet; drop files into {settings.landing} and run `loanbook run`"
        )
    return patiently(lambda: _connect(settings, read_only=True))


def utc_now() -> dt.datetime:
    """The instant by the clock of this machine, as the lake keeps instants: UTC, without a zone."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def patiently(work: Callable[[], T], *, seconds: float = 20.0) -> T:
    """Do the work, again while the catalogue is busy with another writer, up to a limit."""
    until = time.monotonic() + seconds
    pause = 0.02
    while True:
        try:
            return work()
        except duckdb.Error as error:
            if said := of_a_full_disk(error) or of_storage_away(error):
                raise LedgerError(said) from error
            if not any(word in str(error) for word in _BUSY):
                raise
            if time.monotonic() > until:
                raise LedgerConflictError(
                    f"the ledger's catalogue stayed busy for {seconds:.0f} s: {error}; "
                    "another run is writing, try again when it is done"
                ) from error
            time.sleep(pause)
            pause = min(pause * 2, 0.5)


def of_a_full_disk(error: Exception) -> str | None:
    """What to say of an error that a full disk caused; None: something else did."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if not full and not any(words in str(error) for words in _FULL):
        return None
    return (
        f"the disk is full: {error}; what was published stands, nothing else was kept; make room and "
        "run again"
    )


def of_a_damaged_file(error: Exception) -> str | None:
    """What to say where the store can't read a file of its own; None: something else is wrong."""
    if said := of_storage_away(error):
        return said
    if not isinstance(error, duckdb.Error) or ".parquet" not in str(error):
        return None
    return f"{str(error).splitlines()[0]}: `loanbook status --files` names what is damaged, and its remedy"


STEP, RUN, FILLING = ".turn", ".maintenance", ".filling"
"""Files in the lake's folder that are locked: for a step or transaction, for a whole maintenance, and while marts are
filled."""
LOCK_SECONDS = 600.0
"""So long a transaction waits for a step of maintenance, and the other way round. With SQLite whoever commits second
loses its work: so a transaction holds the lake's lock beside others, and a step of maintenance (a table that is
merged, an expiry) alone. The system lets go of it where a process is killed."""


@contextmanager
def _writing(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Hold the lake for a transaction, beside others; LedgerConflictError if maintenance keeps it too long."""
    with _held(
        _lock_of(connection), fcntl.LOCK_SH, LOCK_SECONDS,
        "`loanbook maintain` has been merging one table for {seconds:.0f} s: nothing of this attempt was kept; run "
        "again when it is done",
    ):  # fmt: skip
        yield


@contextmanager
def alone(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Hold the lake for a step of maintenance; LedgerConflictError if a transaction keeps it too long."""
    with _held(
        _lock_of(connection), fcntl.LOCK_EX, LOCK_SECONDS,
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


@contextmanager
def only_filling(connection: duckdb.DuckDBPyConnection) -> Iterator[bool]:
    """Hold the marts while they are read for what they lack and filled: what two runs add to them stands twice, for
    rows that are added are no conflict. Whether they are held: of PostgreSQL no lock of ours is.
    LedgerConflictError if another keeps them too long."""
    step = _lock_of(connection)
    with _held(
        step and step.with_name(FILLING), fcntl.LOCK_EX, LOCK_SECONDS,
        "another run has been filling the marts for {seconds:.0f} s: what was published stands; `loanbook marts` fills "
        "what is still missing then",
    ):  # fmt: skip
        yield step is not None


def _lock_of(connection: duckdb.DuckDBPyConnection) -> Path | None:
    """The file that is locked; None: PostgreSQL keeps the catalogue, and orders its writers itself."""
    row = connection.execute(
        "SELECT path FROM duckdb_databases() WHERE database_name = ?", [LAKE]
    ).fetchone()
    path = row[0] if row else None
    if not path or not path.startswith("sqlite:"):
        return None
    return Path(path.removeprefix("sqlite:")).parent / STEP


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


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of it or none, never beside a step of maintenance; a conflict with another writer becomes
    LedgerConflictError."""
    with _writing(connection):
        connection.execute("BEGIN TRANSACTION")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(duckdb.Error):  # a failed commit has rolled back already
                connection.execute("ROLLBACK")
            if isinstance(error, Exception) and (
                said := of_a_full_disk(error) or of_storage_away(error)
            ):
                raise LedgerError(said) from error
            if isinstance(error, duckdb.Error) and any(word in str(error) for word in _BUSY):
                raise LedgerConflictError(
                    "another run committed first, nothing of this attempt was kept; run again when it is done"
                ) from error
            raise


def columns_of_all(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Names of the columns of every table of the lake: its catalogue tells them ten times sooner than
    DuckDB's own list of all that is attached."""
    rows = connection.execute(
        f"SELECT t.table_name, c.column_name FROM {CATALOGUE}.ducklake_table t "
        f"JOIN {CATALOGUE}.ducklake_column c ON c.table_id = t.table_id "
        "WHERE t.end_snapshot IS NULL AND c.end_snapshot IS NULL"
    ).fetchall()
    found: dict[str, set[str]] = {}
    for table, column in rows:
        found.setdefault(table, set()).add(column)
    return found


def count_empty_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Have the lake know of tables that never had a row that they have none: as long as it has no
    statistics of a table, it asks its catalogue for them again with every column that a query reads
    (findings/ducklake-empty-table-costs-a-query-a-column.sh)."""
    unknown = (
        f"(SELECT table_id FROM {CATALOGUE}.ducklake_table WHERE end_snapshot IS NULL "
        f"AND table_id NOT IN (SELECT table_id FROM {CATALOGUE}.ducklake_table_stats))"
    )
    with transaction(connection):
        connection.execute(
            f"INSERT INTO {CATALOGUE}.ducklake_table_column_stats (table_id, column_id, contains_null) "
            f"SELECT table_id, column_id, true FROM {CATALOGUE}.ducklake_column "
            f"WHERE end_snapshot IS NULL AND table_id IN {unknown}"
        )
        connection.execute(
            f"INSERT INTO {CATALOGUE}.ducklake_table_stats "
            "(table_id, record_count, next_row_id, file_size_bytes) "
            f"SELECT table_id, 0, 0, 0 FROM {unknown}"
        )


@contextmanager
def one_state(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Reads of one state of the lake: its catalogue is asked which one once, not once a query."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    finally:
        with contextlib.suppress(duckdb.Error):  # one that failed has ended already
            connection.execute("COMMIT")


@contextmanager
def registered(
    connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame
) -> Iterator[None]:
    """A frame as a table of this name, for as long as a statement needs it."""
    connection.register(name, frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
    try:
        yield
    finally:
        connection.unregister(name)


def insert(
    connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame, into: str = LAKE
) -> None:
    """Append a frame to a table of an attached database, by column name; an empty frame writes nothing."""
    if frame.is_empty():
        return
    with registered(connection, "_frame", frame):
        connection.execute(f"INSERT INTO {into}.{table} BY NAME SELECT * FROM _frame")
