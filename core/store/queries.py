"""What any part of the store asks the lake with: a connection, and frames from SQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import duckdb
import polars as pl

from loanbook.core.catalogue.codes import EventState
from loanbook.core.errors import LedgerError
from loanbook.core.store.lake import LAKE, one_state

if TYPE_CHECKING:
    from loanbook.core.store.settings import Settings

HOLDERS = """
    QUALIFY step = 'placed' OR agency = lag(CASE step WHEN 'placed' THEN agency END IGNORE NULLS)
        OVER (PARTITION BY loan_id ORDER BY stated_at, placement_id)
"""
"""Of steps of placements those of whoever holds the loan: an agency that gives back what another holds by now changes nothing."""
PUBLISHED = "(SELECT version FROM {lake}.publications WHERE state = 'published')"
"""Versions that readers see."""
TOLD = "(SELECT version FROM {lake}.publications WHERE state IN ('published', 'withdrawn'))"
"""Versions that readers see or saw: what was told of them stands, and is taken back by what is told later."""
WAITING_VERSIONS = (
    "version > (SELECT published_version FROM {lake}.ledger_head) "
    "AND version NOT IN (SELECT version FROM {lake}.publications)"
)
"""Versions that were committed and wait for their checks."""


class Queries:
    """Queries on an open lake; in their SQL `{lake}` stands for it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the lake: what stays open is in the way of the next one."""
        self._connection.close()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection, for other modules of the store."""
        return self._connection

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Reads of one state of the ledger, which also cost less than each by itself; nothing is written."""
        with one_state(self._connection):
            yield

    @contextmanager
    def aside(self, **tables: pl.DataFrame) -> Iterator[Queries]:
        """The ledger in one state, on a cursor of its own, so that another query may run at the same time,
        with `tables` by name beside those of the lake."""
        cursor = self._connection.cursor()
        try:
            for name, frame in tables.items():
                cursor.register(name, frame.to_arrow())
            with one_state(cursor):
                yield Queries(cursor)
        finally:
            cursor.close()

    def frame(self, sql: str, parameters: list[Any] | dict[str, Any] | None = None) -> pl.DataFrame:
        """A query's rows; `{lake}` stands for the attached lake."""
        return self._connection.execute(sql.format(lake=LAKE), parameters or []).pl()

    def beside(
        self, sql: str, parameters: list[Any] | dict[str, Any], **tables: pl.DataFrame
    ) -> pl.DataFrame:
        """A query on a cursor of its own, so that another may run at the same time, with `tables`
        by name beside those of the lake."""
        cursor = self._connection.cursor()
        try:
            for name, frame in tables.items():
                cursor.register(name, frame.to_arrow())
            return cursor.execute(sql.format(lake=LAKE), parameters).pl()
        finally:
            cursor.close()

    def of_loans(
        self, sql: str, ids: pl.Series, parameters: list[Any] | dict[str, Any]
    ) -> pl.DataFrame:
        """A query beside others; table `_ids` holds the `loan_id`s it is about."""
        return self.beside(sql, parameters, _ids=ids_table(ids))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """A query's rows, for a few values of a command that must answer at once."""
        return self._connection.execute(sql.format(lake=LAKE)).fetchall()

    def one(
        self, sql: str, parameters: list[Any] | dict[str, Any] | None = None
    ) -> tuple[Any, ...]:
        """The single row of a query."""
        row = self._connection.execute(sql.format(lake=LAKE), parameters or []).fetchone()
        assert row is not None, f"a single row was expected of: {sql}"
        return row

    def events_of(self, loan_id: int, last: dt.date) -> pl.DataFrame:
        """Events of a loan that were booked by a date."""
        return self.stored_events("loan_id = ? AND booking_date <= ?", [loan_id, last])

    def life_of(self, loan_id: int, last: dt.date) -> pl.DataFrame:
        """As `events_of`. Raises LedgerError where there is none."""
        events = self.events_of(loan_id, last)
        if events.is_empty():
            raise LedgerError(
                f"no event of loan {loan_id} is in the ledger by {last}; see `loanbook loan list`"
            )
        return events

    def stored_events(self, where: str, parameters: list[Any]) -> pl.DataFrame:
        """Events (schema `Events`) that a condition in SQL holds for, oldest first."""
        from loanbook.core.ledger.events import EVENT_COLUMNS

        rows = self.frame(
            f"SELECT {', '.join(EVENT_COLUMNS)} FROM {{lake}}.events WHERE {where} "
            "ORDER BY event_id",
            parameters,
        )
        return rows.with_columns(pl.col("recorded_at").cast(pl.Datetime("us")))

    def loan_keys(self) -> pl.DataFrame:
        """`loan_id`, `loan_key`, `entity`, `product`, `currency`, `boards_on` of every loan."""
        return self.frame(
            "SELECT loan_id, loan_key, entity, product, currency, boards_on FROM {lake}.loan_keys"
        )

    def held_by(self, version: int) -> pl.DataFrame:
        """Loans that a version holds (schema `HELD`)."""
        from loanbook.core.servicing.loan.book import HELD

        return self.frame(
            f"SELECT {', '.join(HELD)} FROM {{lake}}.held_loans WHERE version = ? ORDER BY loan_id",
            [version],
        )

    def held_by_version(self) -> dict[tuple[object, ...], pl.DataFrame]:
        """Loans that versions hold (schema `HELD`), by the version; those that hold none are not there."""
        from loanbook.core.servicing.loan.book import HELD

        rows = self.frame(
            f"SELECT version, {', '.join(HELD)} FROM {{lake}}.held_loans ORDER BY version, loan_id"
        )
        return {
            number: part.drop("version")
            for number, part in rows.partition_by("version", as_dict=True).items()
        }

    def first_published(self) -> dt.date | None:
        """The first business date that was ever published."""
        (first,) = self.one(
            f"SELECT min(business_date) FROM {{lake}}.versions WHERE version IN {PUBLISHED}"
        )
        return first

    def published(self) -> tuple[int, dt.date | None]:
        """The last published version and its business date; (0, None): nothing is."""
        version, date = self.one("SELECT published_version, published_date FROM {lake}.ledger_head")
        return version, date

    def first_open(self) -> dt.date | None:
        """The first business date that is not published; None: nothing is."""
        _, date = self.published()
        return date + dt.timedelta(days=1) if date else None


def by_loan(rows: pl.DataFrame) -> pl.DataFrame:
    """In order of `loan_id`; rows are stored so, and a sort of sorted rows would be wasted."""
    return rows if rows["loan_id"].is_sorted() else rows.sort("loan_id")


def ids_table(ids: pl.Series) -> pl.DataFrame:
    """Loans as a table that queries join: `loan_id`."""
    return pl.DataFrame({"loan_id": ids.cast(pl.Int64)})


@dataclass(frozen=True)
class LedgerStatus:
    """Where a ledger stands: its last published version, and counts of what came and what waits."""

    first: dt.date | None
    """The first business date that was published; None: nothing is."""
    last: dt.date | None
    version: int
    published_at: dt.datetime | None
    loans: int
    held: int
    run: str
    policies: str
    """Hash of the policies that the last version was closed under."""
    code: str
    unchecked: tuple[int, dt.date | None, dt.date | None]
    """Days that are committed and wait for their checks, as after a run that was killed: how many, the
    first and the last."""
    rejected: int
    late_events: int
    restated_loans: int
    files_taken: int
    files_refused: int
    quarantined: int
    duplicates: int


def ledger_status(ledger: Queries) -> LedgerStatus:
    """Where the ledger stands. Reads plain rows, and binds nothing: a value that is bound, or a frame,
    makes DuckDB import pandas or Arrow, which takes longer than all of this."""
    version, last = ledger.published()
    rows = ledger.rows(
        "SELECT v.positions, v.run_id, v.policy_hash, v.code_hash, p.settled_at "
        "FROM {lake}.versions v JOIN {lake}.publications p ON p.version = v.version "
        f"WHERE v.version = {version} AND p.version = {version} AND p.state = 'published'"
    )
    loans, run, policies, code, settled_at = rows[0] if rows else (0, "", "", "", None)
    rejected, begun = ledger.one(
        "SELECT count(*) FILTER (WHERE state = 'rejected'), "
        "min(version) FILTER (WHERE state = 'published') FROM {lake}.publications"
    )
    first = ledger.rows(f"SELECT business_date FROM {{lake}}.versions WHERE version = {begun or 0}")
    (late,) = ledger.one(
        f"SELECT count(*) FROM {{lake}}.events WHERE state = {EventState.late.value}"
    )
    (again,) = ledger.one(
        f"SELECT count(*) FROM {{lake}}.restated_loans WHERE version IN {PUBLISHED}"
    )
    unchecked = ledger.one(
        "SELECT count(*), min(business_date), max(business_date) FROM {lake}.versions "
        f"WHERE {WAITING_VERSIONS}"
    )
    (held,) = ledger.one(f"SELECT count(*) FROM {{lake}}.held_loans WHERE version = {version}")
    files = ledger.one(
        "SELECT count(*) FILTER (WHERE state = 'taken'), count(DISTINCT file_id) FILTER (WHERE "
        "state = 'refused' AND file_id NOT IN (SELECT file_id FROM {lake}.files WHERE state = 'taken')), "
        "coalesce(sum(quarantined), 0)::BIGINT, coalesce(sum(duplicates), 0)::BIGINT "
        "FROM {lake}.files"
    )
    return LedgerStatus(
        first[0][0] if first else None, last, version, settled_at, loans, held, run, policies, code,
        unchecked, rejected, late, again, *files,
    )  # fmt: skip


class InstanceQueries(Queries):
    """Queries on the lake of an instance, whose files lie beside it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        super().__init__(connection)
        self.settings = settings

    def landed_dates(self) -> tuple[dt.date | None, dt.date | None]:
        """First and last business date of the files taken in."""
        first, last = self.one(
            "SELECT min(business_date), max(business_date) FROM {lake}.files WHERE state = 'taken'"
        )
        return first, last
