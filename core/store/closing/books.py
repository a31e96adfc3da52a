"""The book that a version stored, whole or in part, and the rows of loans that a day stores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from loanbook.core.catalogue.codes import ENDED
from loanbook.core.catalogue.events import kinds_of
from loanbook.core.catalogue.kinds import Family
from loanbook.core.contract.terms import Terms
from loanbook.core.errors import LedgerError
from loanbook.core.frames import LARGE, empty, typed
from loanbook.core.ledger.events import EVENT_COLUMNS
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.risk_events.restating import corrections
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.dues import DUE_KEY, Dues
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.servicing.replay.backdating import Restatement
from loanbook.core.store.clocks import NOT_RESTATED
from loanbook.core.store.closing import outbox
from loanbook.core.store.closing.risk_events import outbox_rows, said_of
from loanbook.core.store.grouped.constants import constants
from loanbook.core.store.grouped.tables import cut, positions_of
from loanbook.core.store.history import revised
from loanbook.core.store.lake import loans_of
from loanbook.core.store.parts.part import Part, read
from loanbook.core.store.queries import PUBLISHED, InstanceQueries, Queries, by_loan
from loanbook.core.store.writing import day_rows, restated_days, restated_rows

BALANCES = {
    "entity": pl.Int16,
    "product": pl.Int16,
    "currency": pl.Int8,
    "account": pl.Int16,
    "balance": pl.Int64,
}
"""Schema of general-ledger balances: net debit per entity, product, currency, account."""


class Books(InstanceQueries):
    """A ledger of which books are read, and whose days are made into rows; nothing is written here."""

    def book_at(
        self, policies: PolicyBook, version: int, date: dt.date | None, part: Part | None = None
    ) -> tuple[Book, pl.DataFrame]:
        """The book that a version stored: with the next day's events it gives the next day.

        Of a part of the loans its general-ledger balances are those of the whole all the same.
        """
        if date is None:
            empty = Book.empty(policies.pins, self.stored_events("false", []))
            return empty, pl.DataFrame(schema=BALANCES)
        with ThreadPoolExecutor(1) as reading, self.at_once():
            agreed = reading.submit(self._terms, version, part)
            positions = positions_of(self, version, date, part)
            terms = agreed.result()
            dues = read(
                self,
                f"SELECT {', '.join(Dues.column_names())} FROM {{lake}}.dues WHERE version = ? "
                "AND business_date = ? AND {part} ORDER BY loan_id, instalment_no, component",
                [version, date],
                DUE_KEY,
                part,
            )
            waiting = self.events_where(
                "booking_date <= ? AND (value_date > ? OR kind IN (SELECT unnest(?)))",
                [date, date, [kind.value for kind in kinds_of(Family.reversal)]],
                part,
            )
            held, balances = self.held_by(version), self.balances_of(version)
            if part is not None:
                held = part.of(held)
        positions = positions.filter(~pl.col("status").is_in(ENDED))
        # terms are read in the order of the positions, so the two frames stand side by side
        if not terms["loan_id"].equals(positions["loan_id"]):
            terms = terms.join(
                positions.select("loan_id"), on="loan_id", how="semi", maintain_order="left"
            )
        if terms.height != positions.height:
            raise LedgerError(
                f"version {version} holds {positions.height} positions but terms of "
                f"{terms.height} loans; run `loanbook rebuild --verify`"
            )
        pending = effective_events(waiting).filter(pl.col("value_date") > date)
        agreed_by = agreed_terms(terms, policies.pins)
        return Book(date, agreed_by, positions, typed(dues, Dues), pending, held=held), balances

    def _terms(self, version: int, part: Part | None) -> pl.DataFrame:
        """Terms of all loans boarded by `version`. A plain filter keeps the stored order."""
        with self.aside() as ledger:
            others = ledger.frame(
                "SELECT version FROM {lake}.versions WHERE version <= ? EXCEPT "
                "SELECT version FROM {lake}.publications WHERE state = 'published'",
                [version],
            )["version"].to_list()
            unpublished = f"AND version NOT IN ({', '.join(map(str, others))})" if others else ""
            rows = _boarded(
                ledger, f"version <= {version} AND close_reason IS NULL {unpublished}", part
            )
            changed = read(
                ledger,
                f"SELECT {', '.join(Terms.column_names())} FROM {{lake}}.changed_terms c "
                f"WHERE {{part}} AND version <= ? {unpublished} AND {NOT_RESTATED.format(row='c')} "
                "QUALIFY row_number() OVER (PARTITION BY loan_id ORDER BY business_date DESC) = 1",
                [version], "loan_id", part,
            )  # fmt: skip
        return by_loan(revised(rows, changed))

    def balances_of(self, version: int) -> pl.DataFrame:
        """General-ledger balances that a version stored (`BALANCES`)."""
        return self.frame(
            "SELECT entity, product, currency, account, balance FROM {lake}.account_balances "
            "WHERE version = ?",
            [version],
        ).cast(BALANCES)  # type: ignore[arg-type]

    def events_where(self, where: str, parameters: list[object], part: Part | None) -> pl.DataFrame:
        """Events (schema `Events`) of a part's loans that a condition in SQL holds for, oldest first."""
        rows = read(
            self,
            f"SELECT {', '.join(EVENT_COLUMNS)} FROM {{lake}}.events WHERE {where} AND {{part}} "
            "ORDER BY event_id",
            parameters, "event_id", part,
        )  # fmt: skip
        return rows.with_columns(pl.col("recorded_at").cast(pl.Datetime("us")))

    def without_terms(self, loans: pl.DataFrame) -> pl.DataFrame:
        """Those of the loans, by `loan_id` and `version`, whose terms no published version stored, nor one
        that waits, to theirs."""
        return self.beside(
            "SELECT i.loan_id, i.version FROM _loans i LEFT JOIN (SELECT loan_id, min(version) AS first "
            "FROM {lake}.loans WHERE loan_id IN (SELECT loan_id FROM _loans) AND close_reason IS NULL "
            f"AND (version IN {PUBLISHED} OR version NOT IN (SELECT version FROM {{lake}}.publications)) "
            "GROUP BY loan_id) t ON t.loan_id = i.loan_id "
            "WHERE t.first IS NULL OR t.first > i.version ORDER BY ALL",
            [], _loans=loans.select(pl.col("loan_id", "version").cast(pl.Int64)),
        )  # fmt: skip

    def rows_of_loans(
        self,
        closed: DayClose,
        again: Restatement | None,
        digests: pl.DataFrame,
        changed: pl.DataFrame,
        place: tuple[int, int],
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """What a version stores of its loans: tables with rows of theirs.

        `digests`: `loan_id`, `schedule_digest` of at least the loans that the day boards. `changed`: risk states that the
        day changed (`CHANGES`). `place`: the version, and which part of it this is, from 0.
        """
        version, _ = place
        yield from _of_version(version, day_rows(closed, digests))
        corrected = [changed.clear()]
        if again is not None:
            loans = pl.DataFrame({"loan_id": again.loans, "version": version})
            new = self.without_terms(loans)["loan_id"]
            for part in again.in_parts(closed.date):
                days = restated_days(closed, part)
                yield from _of_version(version, restated_rows(closed, part, new, days))
                corrected.append(corrections(part, days, said_of(self, part.since)))
        told = outbox_rows(pl.concat(corrected, how="diagonal"), changed, place)
        yield from _of_version(version, {"risk_events": told})


def _of_version(
    version: int, tables: dict[str, pl.DataFrame]
) -> Iterator[tuple[str, pl.DataFrame]]:
    number = pl.lit(version, dtype=pl.Int64)
    for table, rows in tables.items():
        if rows.height:
            yield table, rows.with_columns(version=number)


def gathered(rows: Iterable[tuple[str, pl.DataFrame]]) -> Iterator[tuple[str, pl.DataFrame]]:
    """Rows of tables as they are stored, those of a table together: each write of a table makes a file. No more than
    `outbox.ROWS_AT_ONCE` or little more."""
    tables: dict[str, list[pl.DataFrame]] = {}
    for table, part in rows:
        tables.setdefault(table, []).append(part)
        if sum(each.height for parts in tables.values() for each in parts) > outbox.ROWS_AT_ONCE:
            yield from _together(tables)
            tables = {}
    yield from _together(tables)


def _together(tables: dict[str, list[pl.DataFrame]]) -> Iterator[tuple[str, pl.DataFrame]]:
    for name in list(tables):
        for table, rows in stored_as(name, pl.concat(tables.pop(name), how="diagonal_relaxed")):
            if rows.height:
                yield table, rows


def _boarded(ledger: Queries, where: str, part: Part | None) -> pl.DataFrame:
    """Terms as loans were boarded with them; of many loans a column that has one value is not read."""
    types = empty(Terms).schema
    many = loans_of(ledger.connection) >= LARGE
    same = constants(ledger, "loans", types) if many else {}
    asked = [name for name in types if name not in same]
    rows = read(
        ledger,
        f"SELECT {', '.join(asked)} FROM {{lake}}.loans WHERE {where} AND {{part}}",
        [], "loan_id", part,
    )  # fmt: skip
    return rows.with_columns(**same).select(list(types))


def stored_as(name: str, rows: pl.DataFrame) -> Iterable[tuple[str, pl.DataFrame]]:
    """Rows of a table as they are stored: positions in their groups."""
    return cut(rows) if name == "positions" else [(name, rows)]
