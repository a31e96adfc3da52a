"""The ledger as a writer sees it: intake, close, publish. Days of small books share a transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from loanbook.core.errors import LawBrokenError, LedgerConflictError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.risk_events.changes import NO_CHANGES
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.laws.law import Law
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.replay.backdating import Restatement
from loanbook.core.store.closing.books import Books, stored_as
from loanbook.core.store.known.keys import keep_hashes, keep_sources, sources_of
from loanbook.core.store.lake import (
    LAKE,
    insert,
    loans_of,
    open_writer,
    patiently,
    share_out,
    transaction,
    utc_now,
)
from loanbook.core.store.migrations import migrate
from loanbook.core.store.queries import WAITING_VERSIONS
from loanbook.core.store.sending.vault import make_key
from loanbook.core.store.settings import Settings
from loanbook.core.store.upkeep.files import flush
from loanbook.core.store.upkeep.partitions import outgrown
from loanbook.core.store.upkeep.used_policies import must_agree
from loanbook.core.store.writing import (
    UNKNOWN_LOAN,
    Intake,
    Provenance,
    anchor_row,
    counts_of,
    law_rows,
    numbered,
    version_row,
)

SKIPPED = (
    "the run that had reserved this number ended before it committed a close: it was killed, or stopped "
    "by an error or a law; nothing was stored under the number"
)
"""Why a version's number has no version."""


@dataclass(frozen=True)
class Head:
    """Where the ledger stands."""

    published_version: int
    published_date: dt.date | None
    working_version: int | None
    working_date: dt.date | None


@dataclass(frozen=True)
class Lawful:
    """A close that keeps the laws, to be stored as `version` upon `parent`."""

    closed: DayClose
    balances: pl.DataFrame
    """Of the general ledger after it (`BALANCES`)."""
    laws: list[Law]
    parent: int
    version: int
    digests: pl.DataFrame
    """`loan_id`, `schedule_digest` of at least the loans that it boards."""
    restated: Restatement | None = None
    changed: pl.DataFrame = field(default_factory=lambda: NO_CHANGES)
    """Risk states that it changed (`CHANGES`)."""


@dataclass(frozen=True)
class Decision:
    """Whether a version that waits is published."""

    version: int
    date: dt.date
    checks: pl.DataFrame
    """What the decision rests on, as rows of `checks`."""
    published: bool
    reason: str


class Ledger(Books):
    """The writer's side of the versioned ledger. Opens it, making it if there is none."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(open_writer(settings), settings)
        patiently(lambda: migrate(self._connection))
        make_key(settings.lake)
        share_out(self._connection, loans_of(self._connection))

    # --- where it stands -------------------------------------------------------------

    def head(self) -> Head:
        """The last published version, and one that waits for its checks, if any."""
        return Head(
            *self.one(
                "SELECT published_version, published_date, working_version, working_date "
                "FROM {lake}.ledger_head"
            )
        )

    def products(self) -> list[str]:
        """The append-only product registry."""
        return self.frame("SELECT name FROM {lake}.products ORDER BY code")["name"].to_list()

    def register(self, policies: PolicyBook) -> PolicyBook:
        """Policies with stored product codes; new products and this policy body are recorded.

        Raises PolicyError where a version that was used has another content, or would have.
        """
        with self.at_once():
            known = self.products()
            book = policies.with_registry(known)
            must_agree(self, book)
            stored = self.frame(
                "SELECT 1 AS one FROM {lake}.policies WHERE policy_hash = ? LIMIT 1", [book.digest]
            )
            names = self.frame("SELECT name FROM {lake}.entities ORDER BY code")["name"]
        fresh, entities = list(book.registry[len(known) :]), names.to_list()
        new_entities = list(book.entities[len(entities) :])
        if not fresh and stored.height and not new_entities:
            return book
        body = "\n".join(f"{folder} {policy.model_dump_json()}" for folder, policy in book.policies)
        with transaction(self._connection):
            self._insert_names("products", len(known), fresh)
            self._insert_names("entities", len(entities), new_entities)
            if stored.is_empty():
                self._connection.execute(
                    f"INSERT INTO {LAKE}.policies VALUES (?, ?, now()::TIMESTAMP)",
                    [book.digest, body],
                )
        return book

    def _insert_names(self, table: str, start: int, names: list[str]) -> None:
        codes = pl.DataFrame({"name": names}, schema={"name": pl.String}).with_columns(
            code=pl.int_range(start, start + len(names), dtype=pl.Int16)
        )
        insert(self._connection, table, codes)

    # --- intake ----------------------------------------------------------------------

    def intake_head(self) -> tuple[int, ...]:
        """Where intake stands: it differs once another run took anything in."""
        return self.one(
            "SELECT next_loan_id, next_event_id, (SELECT count(*) FROM {lake}.files) "
            "FROM {lake}.intake_head"
        )

    def commit_intake(self, intakes: list[Intake], judged_at: tuple[int, ...]) -> tuple[int, ...]:
        """Commit files in one transaction: ids are given in the order of the list.

        `judged_at`: the `intake_head` that they were judged by. Returns the new one. Raises
        LedgerConflictError where another run took files in since: what was no duplicate may be one.
        """
        new = sum(each.loans.height for each in intakes if each.loans is not None)
        share_out(self._connection, judged_at[0] - 1 + new)

        def commit() -> tuple[int, ...]:
            with transaction(self._connection):
                if self.intake_head() != judged_at:
                    raise LedgerConflictError(
                        "another run took files in meanwhile, nothing of this attempt was kept; run "
                        "again: files that the other run took are known then"
                    )
                for intake in intakes:
                    self._leave_quarantine(intake)
                loan_id, event_id = judged_at[:2]
                gathered: dict[str, list[pl.DataFrame]] = {}
                for intake in intakes:
                    loan_id, event_id = numbered(intake, loan_id, event_id, gathered)
                self._connection.execute(
                    f"UPDATE {LAKE}.intake_head SET next_loan_id = {loan_id}, "
                    f"next_event_id = {event_id}"
                )
                for table, parts in gathered.items():
                    rows = pl.concat(parts, how="diagonal_relaxed")
                    insert(self._connection, table, rows)
                    keep_hashes(self._connection, table, rows)
                    if table == "events":
                        keep_sources(self._connection, sources_of(self), rows)
                return self.intake_head()  # before another run can move it on

        moved = patiently(commit)
        outgrown(self._connection, judged_at[0] - 1, moved[0] - 1)
        return moved

    def _leave_quarantine(self, intake: Intake) -> None:
        """Take the lines that are tried again out of quarantine, and count them as what they are now."""
        if not intake.again:
            return
        file = intake.file
        of = [file["file_id"], file["name"]]
        self._connection.execute(
            f"DELETE FROM {LAKE}.quarantine WHERE file_id = ? AND name = ? AND rule = ? "
            "AND line IN (SELECT unnest(?))",
            [*of, UNKNOWN_LOAN, list(intake.again)],
        )
        self._connection.execute(
            f"UPDATE {LAKE}.files SET accepted = accepted + ?, duplicates = duplicates + ?, "
            "quarantined = quarantined + ? WHERE file_id = ? AND name = ? AND business_date = ? "
            "AND state = 'taken'",
            [file["accepted"], file["duplicates"], file["quarantined"] - len(intake.again), *of,
             file["business_date"]],
        )  # fmt: skip

    # --- the book --------------------------------------------------------------------

    def book(self, policies: PolicyBook) -> tuple[Book, pl.DataFrame]:
        """The book at the last published version, and its general-ledger balances."""
        head = self.head()
        return self.book_at(policies, head.published_version, head.published_date)

    def events_booked(self, first: dt.date, last: dt.date) -> pl.DataFrame:
        """Events whose booking date lies in the range, both ends included."""
        return self.stored_events("booking_date BETWEEN ? AND ?", [first, last])

    # --- versions --------------------------------------------------------------------

    def reserve(self, count: int = 1) -> list[int]:
        """Version numbers nobody else will get, before the first row is written.

        Those that a failed run leaves unused are gaps; a number is never given twice.
        """

        def reserve() -> list[int]:
            with transaction(self._connection):
                (number,) = self.one("SELECT next_version FROM {lake}.ledger_head")
                self._connection.execute(
                    f"UPDATE {LAKE}.ledger_head SET next_version = next_version + {count}"
                )
            return list(range(number, number + count))

        return patiently(reserve)

    def commit(self, days: Sequence[Lawful], by: Provenance) -> None:
        """Write closes that follow each other, each as its version, in one transaction; they wait for
        their checks.

        Only the first may have restated others: it stands on what is published. Raises LawBrokenError
        if a law does not hold, and LedgerConflictError if another close of the same parent was
        committed first. Either way nothing is kept.
        """
        for each in days:
            _must_hold(each)
        first, last = days[0], days[-1]
        tables: dict[str, list[pl.DataFrame]] = {}
        for each in days:
            for table, rows in self._rows(each, by):
                tables.setdefault(table, []).append(rows)
        with transaction(self._connection):
            self._follow_on(last.version, last.closed.date, first.parent)
            self._tell_skipped(first.parent, first.version, by.actor)
            for name, parts in tables.items():
                for table, stored in stored_as(name, pl.concat(parts, how="diagonal_relaxed")):
                    insert(self._connection, table, stored)
            said = f"close {first.closed.date} as version {first.version}"
            if len(days) > 1:
                said += f", to {last.closed.date} as version {last.version}"
            self._connection.execute(f"CALL {LAKE}.set_commit_message(?, ?)", [by.actor, said])

    def _rows(self, each: Lawful, by: Provenance) -> Iterator[tuple[str, pl.DataFrame]]:
        """What a version stores: tables with rows of theirs."""
        closed = each.closed
        balances = each.balances.with_columns(business_date=pl.lit(closed.date))
        place = (each.version, 0)
        yield from self.rows_of_loans(closed, each.restated, each.digests, each.changed, place)
        yield "account_balances", balances.with_columns(version=pl.lit(each.version, pl.Int64))
        yield "versions", version_row(each.version, each.parent, closed.date, counts_of(closed), by)
        yield "checks", law_rows(each.version, closed.date, each.laws)
        yield "audit_anchors", anchor_row(each.version, by)

    def _follow_on(self, version: int, date: dt.date, parent: int) -> None:
        """Both of two closes of a date must update this one row: the second one fails."""
        self._must_stand_on(parent, date)
        self._connection.execute(
            f"UPDATE {LAKE}.ledger_head SET working_version = ?, working_date = ?",
            [version, date],
        )

    def _must_stand_on(self, parent: int, date: dt.date) -> None:
        head = self.head()
        if head.published_version != parent or head.working_version is not None:
            held = head.working_version or head.published_version
            raise LedgerConflictError(
                f"{date} can't be committed on version {parent}: the ledger has moved on to "
                f"version {held}; run again, it continues from there"
            )

    def head_moved_on(self, version: int, date: dt.date, parent: int) -> pl.DataFrame:
        """The row of `ledger_head` with a version that waits for its checks, for a commit that replaces the row.

        LedgerConflictError where another close was committed upon the parent.
        """
        self._must_stand_on(parent, date)
        row = self.frame("SELECT * FROM {lake}.ledger_head")
        return row.with_columns(
            working_version=pl.lit(version, pl.Int64), working_date=pl.lit(date)
        )

    def _tell_skipped(self, parent: int, version: int, actor: str) -> None:
        insert(self._connection, "publications", self.skipped(parent, version, actor))

    def skipped(self, parent: int, version: int, actor: str) -> pl.DataFrame:
        """Rows of `publications` for numbers between a version and its parent that no close took, which say why:
        none can take them any more, since whoever reserved them continues from another parent."""
        return self.frame(
            "SELECT n AS version, 'skipped' AS state, ? AS reason, ? AS actor, now()::TIMESTAMP AS settled_at "
            "FROM range(?, ?) t(n) WHERE n NOT IN (SELECT version FROM {lake}.publications) "
            "AND n NOT IN (SELECT version FROM {lake}.versions)",
            [SKIPPED, actor, parent + 1, version],
        )

    def waiting(self) -> list[tuple[int, dt.date]]:
        """Versions that were committed and wait for their checks, with their dates, in order."""
        return self.frame(
            f"SELECT version, business_date FROM {{lake}}.versions WHERE {WAITING_VERSIONS} "
            "ORDER BY version"
        ).rows()

    def settle(self, decisions: Sequence[Decision], actor: str) -> None:
        """Publish the versions that wait, or reject some; readers see only published ones.

        `decisions`: one for each that waits, in order; none is published after one that is rejected.
        """
        last = decisions[-1].version
        published = [each for each in decisions if each.published]
        if published:
            flush(self, self.settings.place)
        states = pl.DataFrame(
            {
                "version": [each.version for each in decisions],
                "state": ["published" if each.published else "rejected" for each in decisions],
                "reason": [each.reason for each in decisions],
                "actor": actor,
                "settled_at": utc_now(),
            }
        )
        checks = pl.concat([each.checks for each in decisions], how="diagonal_relaxed")

        def settle() -> None:
            with transaction(self._connection):
                if self.head().working_version != last:
                    raise LedgerConflictError(
                        f"version {last} no longer waits for its checks: another run settled it; run "
                        "again, it continues from there"
                    )
                moved = ""
                if published:
                    newest = published[-1]
                    moved = (
                        f"published_version = {newest.version}, "
                        f"published_date = DATE '{newest.date}', "
                    )
                self._connection.execute(
                    f"UPDATE {LAKE}.ledger_head SET {moved}"
                    "working_version = NULL, working_date = NULL"
                )
                insert(self._connection, "publications", states)
                insert(self._connection, "checks", checks)

        patiently(settle)


def _must_hold(each: Lawful) -> None:
    broken = [law for law in each.laws if not law.holds]
    if broken:
        raise LawBrokenError(
            f"{each.closed.date}: "
            + "; ".join(f"{law.name} is broken by {law.broken}" for law in broken)
            + "; nothing was committed"
        )
