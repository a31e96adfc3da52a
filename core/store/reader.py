"""The read layer: one class for a notebook, a page and an export.

Every read names its two clocks: `as_of`, the business date, and `known_at`, the version.
Only published versions can be seen, also from SQL. Rules of servicing are imported by the reads that
apply them, so that all others start at once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from loanbook.core.access.actor import AccessError
from loanbook.core.catalogue.codes import CHANGES, Kind, label
from loanbook.core.errors import LedgerError
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.store.clocks import Clocks, Day, Known, clocks
from loanbook.core.store.guarded.running import bounded, confine
from loanbook.core.store.guarded.scope import DENIED, Shown
from loanbook.core.store.guarded.statement import must_be_harmless
from loanbook.core.store.lake import loans_of, one_state, open_reader, patiently, share_out
from loanbook.core.store.lists import (
    AFTER_CLOSURE,
    CREDITS,
    ENDED_BY,
    HELD_ON,
    MODIFIED,
    RESUMED,
)
from loanbook.core.store.marts import BY_NAME, GROUPED, PORTFOLIO_ON
from loanbook.core.store.marts import NAMES as MART_NAMES
from loanbook.core.store.migrations import must_be_newest
from loanbook.core.store.people.acting import log_denied, shown_to
from loanbook.core.store.queries import InstanceQueries
from loanbook.core.store.settings import Settings
from loanbook.core.store.views import (
    AS_KNOWN_NOW,
    CODES,
    LIVED,
    LOANS,
    NAMES,
    RESTATED,
    events_by,
    make_views,
    payments_by,
    restated_figures,
    shown,
)

if TYPE_CHECKING:
    from loanbook.core.servicing.arrears.conventions import Thresholds


def open_ledger(home: str | Path | None = None) -> LedgerReader:
    """The ledger of an instance folder, read-only.

    Default: `LOANBOOK_HOME`, else the folder (or a parent) with a `loanbook.toml`, else, in a
    checkout, data/instance. InstanceError if there is none.
    """
    if home is None:
        return LedgerReader(Settings.from_environment())
    return LedgerReader(Settings.of(Path(home).resolve()))


class LedgerReader:
    """Published versions of a ledger as Polars frames. A reader never blocks a writer."""

    def __init__(
        self,
        settings: Settings,
        seen: Shown | None = None,
        denied: Callable[[str], None] | None = None,
    ) -> None:
        """`seen`: what of it is shown; left out, what the roles of who acts now show. `denied`: told why a read was
        refused; left out, the trail is, of who acts now."""
        self.settings = settings
        self._denied = denied or partial(log_denied, settings)
        self._seen = seen or shown_to(settings)
        self._clocks: tuple[dt.date | None, Clocks | None] = (None, None)
        self._own: LedgerReader | None = None
        self._confined = False
        self._connection = open_reader(settings)
        try:
            with one_state(self._connection):
                must_be_newest(self._connection, settings.home)
                share_out(self._connection, loans_of(self._connection))
                make_views(self._connection, seen=self._seen)
        except LedgerError:
            self._connection.close()
            raise
        for name in MART_NAMES:  # each can be read by its name: `ledger.portfolio_daily()`
            setattr(self, name, partial(self.mart, name))

    def by(self, as_of: Day = None, known_at: Known = None) -> LedgerReader:
        """This reader, from now on seeing what both clocks have: of the date and before, as believed then.

        Views, and so `sql`, show no later row; without clocks all is as known now.
        """
        if as_of is not None or known_at is not None:
            at = self.clocks(as_of, known_at)
            self._see(None if as_of is None else at.on, at)
        return self

    def _see(self, on: dt.date | None, known: Clocks | None) -> None:
        self._clocks, self._own = (on, known), None
        with one_state(self._connection):
            make_views(self._connection, on, known, self._seen)

    def close(self) -> None:
        """Let go of the lake."""
        self._connection.close()

    def _frame(
        self, sql: str, parameters: list[Any] | dict[str, Any] | None = None
    ) -> pl.DataFrame:
        def read() -> pl.DataFrame:
            cursor: duckdb.DuckDBPyConnection = self._connection.cursor()
            try:
                return pl.DataFrame(cursor.execute(sql, parameters or []).to_arrow_table())
            finally:
                cursor.close()

        try:
            return patiently(read)
        except duckdb.Error as error:
            if DENIED not in str(error):
                raise
            raise self._in_words(error) from error

    def sql(self, query: str) -> pl.DataFrame:
        """Rows of one SELECT over the published views; LedgerError for anything else.

        It reads nothing but the views, and has `SECONDS`, `MEMORY` and an answer of `ANSWER` bytes at most.
        """
        if self._seen.filters and not self._seen.barred:
            if self._own is None:
                self._own = LedgerReader(
                    self.settings, replace(self._seen, barred=True), self._denied
                )
                self._own._see(*self._clocks)
            return self._own.sql(query)
        try:
            self._confine()
            must_be_harmless(self._connection, query, self.tables())
            return bounded(self._connection, query)
        except duckdb.Error as error:
            raise self._in_words(error) from error
        except (pl.exceptions.DuplicateError, ValueError) as error:
            raise LedgerError(
                f"two columns of the answer have one name ({error}); give each its own with AS"
            ) from error

    def _confine(self) -> None:
        """Let the connection read no file but the ledger's own, from now on, and nobody change that."""
        if not self._confined:
            confine(self._connection, self.settings.place.root)
            self._confined = True

    def _in_words(self, error: duckdb.Error) -> LedgerError | AccessError:
        """What a person is told of an error of the database; a view that is hidden from them is logged."""
        _, denied, why = str(error).partition(DENIED)
        if not denied:
            return LedgerError(str(error))
        self._denied(why)
        return AccessError(f"{why}; an administrator gives the role that does")

    def tables(self) -> list[str]:
        """Names of the views that `sql` can read.

        Beside them `positions_at`, `dues_at` and `allocations_at` take a business date and a
        version: the rows of that date as known at that version, restatements included.
        """
        sees = self._seen.reading.sees
        now = [name for name, of in AS_KNOWN_NOW.items() if sees(of) or sees(name)]
        return sorted({*(name for name in NAMES if sees(name)), *now, *CODES})

    # --- the two clocks --------------------------------------------------------------

    def versions(self) -> pl.DataFrame:
        """Published versions: `version`, `business_date`, `parent`, counts, totals, hashes,
        `published_at`; newest last."""
        return self._frame(
            "SELECT v.*, p.settled_at AS published_at FROM versions v JOIN publications p "
            "ON p.version = v.version AND p.state = 'published' ORDER BY v.version"
        )

    def clocks(self, as_of: Day = None, known_at: Known = None) -> Clocks:
        """Both clocks as the ledger resolves them (`loanbook.core.store.clocks.clocks`).

        `as_of`: a business date. `known_at`: a version's number, or an instant (naive: UTC; a date: to
        its end) by which a version was published. LedgerError tells what to write instead.
        """
        return clocks(self.query, as_of, known_at)

    def version_of(self, as_of: Day = None, known_at: Known = None) -> tuple[int, dt.date]:
        """The version that closed a business date, as known at a version, and the date.

        Raises LedgerError with the published range if there is none.
        """
        at = self.clocks(as_of, known_at)
        return at.version, at.on

    def published_range(self) -> tuple[dt.date | None, dt.date | None]:
        """First and last published business date."""
        return self._frame("SELECT min(business_date), max(business_date) FROM versions").row(0)

    def _dated(self, table: str, as_of: Day, known_at: Known, order: str) -> pl.DataFrame:
        at = self.clocks(as_of, known_at)
        return self._frame(f"SELECT * FROM {table}_at(?, ?) ORDER BY {order}", [at.on, at.known])

    # --- frames ----------------------------------------------------------------------

    def positions(
        self,
        as_of: Day = None,
        known_at: Known = None,
        *,
        names: bool = False,
        units: bool = False,
    ) -> pl.DataFrame:
        """One row per live loan: schema `loanbook.core.servicing.loan.positions.Positions`, version, date.

        `names`: `loan_key`, `entity`, `product`, `currency` beside it and `status` as text; it is
        "held" of a loan that is shown at its last good position (`held`).
        `units`: money as exact Decimals in units of the loan's currency, not in minor units. Both
        mean the same in the frames below.
        """
        rows = self._dated("positions", as_of, known_at, "loan_id")
        told = shown(rows, self.query, names=names, units=units)
        held = self.held(as_of, known_at)["loan_id"] if names else pl.Series(dtype=pl.Int64)
        if held.is_empty():
            return told
        is_held = pl.col("loan_id").is_in(held.implode())
        return told.with_columns(status=pl.when(is_held).then(pl.lit("held")).otherwise("status"))

    def loans(
        self, as_of: Day = None, known_at: Known = None, *, units: bool = False
    ) -> pl.DataFrame:
        """One row a loan boarded by a date, living or ended, with names: `loan_id`, `loan_key`, `entity`,
        `product`, `currency`, `state`, `closed_on`, `close_reason`, and the terms it was boarded with."""
        at = self.clocks(as_of, known_at)
        rows = self.query(LOANS + " ORDER BY b.loan_id", {"on": at.on, "known": at.known})
        return shown(rows, self.query, names=False, units=units)

    def events(
        self,
        as_of: Day = None,
        known_at: Known = None,
        *,
        loans: Iterable[int] | None = None,
        kinds: Iterable[str | Kind] | None = None,
        names: bool = False,
        units: bool = False,
    ) -> pl.DataFrame:
        """Events valued by `as_of`, those booked by the close of `known_at`, oldest first; `stands`
        (Boolean): none of them took it back. `kinds` by name; ValueError names those there are."""
        at = self.clocks(as_of, known_at)
        rows = events_by(self.query, at.on, at.booked, loans, kinds)
        return shown(rows, self.query, names=names, units=units)

    def payments(
        self,
        as_of: Day = None,
        known_at: Known = None,
        *,
        loans: Iterable[int] | None = None,
        names: bool = False,
        units: bool = False,
    ) -> pl.DataFrame:
        """Money that came in, as `events`, with what it paid of `principal`, `interest`, `fees`,
        `penalties`, `taxes`, what became `credit`, and what was `recovered` of a claim that had been
        written off."""
        at = self.clocks(as_of, known_at)
        rows = payments_by(self.query, at, loans)
        return shown(rows, self.query, names=names, units=units)

    def restatements(self) -> pl.DataFrame:
        """What each restating version changed: `version`, `business_date` (that it closed),
        `first_date`, `last_date`, `loans` (how many), `loan_ids`, `event_ids` (the late events and
        reversals that caused it)."""
        return self.query("SELECT * FROM restatements ORDER BY version")

    def restated(
        self, as_of: Day = None, known_at: Known = None, *, loan_id: int | None = None
    ) -> pl.DataFrame:
        """What was said and what is said now: one row a restating version, loan and figure that differs.

        Of `as_of`, or of the last day that each version gave anew. `version`, `booked` (Date: the close
        that booked it), `loan_id`, `first_date`, `last_date`, `on`, `said_by` (the version that had
        said it), `figure`, `said`, `now`, `difference` (Int64 minor units, or days; null: the loan did not
        live on the date), `event_ids` (what came late or was taken back).
        """
        at = self.clocks(as_of, known_at)
        on = None if as_of is None else at.on
        told = self.query(RESTATED, {"on": on, "version": at.known, "loan": loan_id})
        return restated_figures(told)

    def delinquency(
        self,
        as_of: Day = None,
        known_at: Known = None,
        grace_days: int | Mapping[int, int] = 0,
    ) -> pl.DataFrame:
        """Days past due, and those that count as delinquent, of every loan in arrears.

        `loan_id`, `oldest_due_date`, `days_past_due`, `paused_days`, `delinquent_days` (Int32):
        past-due days never pause, delinquent ones do (`loanbook.core.servicing.arrears.days_past_due`). Pauses are
        those that stand now. `grace_days` do not count: of all loans, or by code of their product
        (a product's `delinquency` policy says how many).
        """
        from loanbook.core.servicing.arrears.days_past_due import pauses_of, with_delinquent_days

        at = self.clocks(as_of, known_at)
        late = self.positions(as_of, known_at).filter(pl.col("days_past_due") > 0)
        events = self._effective((Kind.delinquency_paused, Kind.delinquency_resumed), at)
        if isinstance(grace_days, int):
            grace = pl.lit(grace_days)
        else:
            products = self.query("SELECT loan_id, product FROM loan_keys")
            late = late.join(products, on="loan_id", how="left", maintain_order="left")
            grace = pl.col("product").replace_strict(grace_days, default=0, return_dtype=pl.Int32)
        counted = with_delinquent_days(late, pauses_of(events), at.on, grace)
        return counted.select(
            "loan_id", "oldest_due_date", "days_past_due", "paused_days", "delinquent_days"
        )

    def risk_events(self, since: int = 0, most: int | None = None) -> pl.DataFrame:
        """Risk events (schema `loanbook.core.risk_events.cloud.TOLD`) with a `sequence` above `since`, in its order; the
        first `most` of them. Whoever goes on from the last one's reads each once (docs/events.md)."""
        from loanbook.core.store.known.risk_events import events_since

        return events_since(self.query, since, most)

    def mart(self, name: str, as_of: Day = None, known_at: Known = None) -> pl.DataFrame:
        """Rows of a mart (docs/reference.md) of a date, or of every date, as known at a version.

        `ledger.portfolio_daily(as_of)` is the same as `ledger.mart("portfolio_daily", as_of)`.
        LedgerError names the marts there are.
        """
        if name not in MART_NAMES:
            raise LedgerError(f"no mart is named {name!r}; there are: {', '.join(MART_NAMES)}")
        at = self.clocks(as_of, known_at)
        on = None if as_of is None else at.on
        return self.query(BY_NAME[name].told, {"on": on, "known_at": at.known})

    def portfolio_on(self, as_of: dt.date, known_at: int) -> pl.DataFrame:
        """`entity`, `product`, `currency` (codes), `days_past_due`, `status`, `loans`, `principal`, `overdue` of a
        date: the mart's, or, where it lacks the date, the positions'."""
        rows = self.query(PORTFOLIO_ON, {"on": as_of, "known_at": known_at})
        return rows if rows.height else self.query(GROUPED.format(where=""), [as_of, known_at])

    def delinquency_states(
        self,
        as_of: Day = None,
        known_at: Known = None,
        loan_id: int | None = None,
        rules: Thresholds | None = None,
    ) -> pl.DataFrame:
        """Loans in every convention at once (schema `loanbook.core.servicing.arrears.conventions.STATES`).

        One loan: a row for every date it has lived, to `as_of`. All: the date itself, of loans
        that were ever late, or their borrower was. Counters begin where a loan entered the book.
        A tape's attribute `borrower` says whose a loan is.
        """
        from loanbook.core.servicing.arrears.conventions import Thresholds, states_by_date

        at = self.clocks(as_of, known_at)
        days = self.query(LIVED, {"version": at.known, "on": at.on, "loan": loan_id})
        states = states_by_date(days, rules or Thresholds())
        if loan_id is not None:
            return states.filter(pl.col("loan_id") == loan_id)
        return states.filter(pl.col("business_date") == at.on)

    def modifications(
        self,
        as_of: Day = None,
        known_at: Known = None,
        loan_id: int | None = None,
        difficulty: Mapping[int, Collection[str]] = MappingProxyType({}),
    ) -> pl.DataFrame:
        """Changes of contracts that stand by a date: `loan_id`, `event_id`, `value_date`, `kind`, `reason`,
        `actor`, `checker`, `product` (code), `most_days_past_due` (Int32, of the three months before) and
        `forborne` (`loanbook.core.servicing.explain.contract_changes`).

        `difficulty`: the reasons of orders that tell of difficulty, by product.
        """
        from loanbook.core.servicing.explain.contract_changes import MONTHS_BEFORE, forborne

        at = self.clocks(as_of, known_at)
        stand = self._effective(CHANGES, at)["event_id"].to_list()
        changes = self.query(
            MODIFIED,
            {"version": at.known, "loan": loan_id, "months": MONTHS_BEFORE, "changes": stand},
        )
        hardship_reasons = pl.DataFrame(
            [(code, reason) for code, reasons in difficulty.items() for reason in reasons],
            schema={"product": pl.Int16, "reason": pl.String},
            orient="row",
        ).with_columns(says_difficulty=pl.lit(True))
        joined = changes.join(
            hardship_reasons, on=["product", "reason"], how="left", maintain_order="left"
        )
        judged = joined.with_columns(forborne=forborne(), kind=label("kind", Kind))
        return judged.drop("says_difficulty", "lower_rate")

    def relief(
        self,
        as_of: Day = None,
        known_at: Known = None,
        difficulty: Mapping[int, Collection[str]] = MappingProxyType({}),
    ) -> pl.DataFrame:
        """Arrangements for borrowers in hardship by a date (schema `loanbook.core.servicing.arrears.hardship.RELIEF`).

        `difficulty`: as for `modifications`.
        """
        from loanbook.core.servicing.arrears.hardship import RESTS, relief

        at = self.clocks(as_of, known_at)
        events = self._effective((*RESTS, Kind.delinquency_resumed), at)
        resumed = self.query(RESUMED, {"version": at.known, "on": at.on})
        ended = self.query(ENDED_BY, {"version": at.known, "on": at.on, "loan": None})
        changed = self.modifications(at.on, known_at, None, difficulty).filter("forborne")
        forborne_ = changed.join(
            ended.select("loan_id", "ended"), on="loan_id", how="left", maintain_order="left"
        )
        return relief(
            events, resumed, forborne_.with_columns(pl.col("ended").fill_null(False)), at.on
        )

    def _effective(self, kinds: Collection[Kind], at: Clocks) -> pl.DataFrame:
        """Events of some kinds, valued by a date and known, that no known reversal took back."""
        events = self.query(
            "SELECT event_id, loan_id, kind, value_date, idempotency_key, payload FROM events "
            "WHERE kind IN (SELECT unnest(?)) AND value_date <= ? AND booking_date <= ? "
            "ORDER BY event_id",
            [[kind.value for kind in (*kinds, Kind.reversal)], at.on, at.booked],
        )
        return effective_events(events)

    def after_closure(self, as_of: Day = None, known_at: Known = None) -> pl.DataFrame:
        """What came for loans that had ended, by a date: `loan_id`, `closed_on`, `close_reason`, the
        `event`, its dates, amount and people, and the loan's `status` since (null: ended again)."""
        at = self.clocks(as_of, known_at)
        return self.query(AFTER_CLOSURE, {"version": at.known, "on": at.on})

    def credits(self, as_of: Day = None, known_at: Known = None) -> pl.DataFrame:
        """Loans whose borrowers have credit: `loan_id`, `status`, `currency` (codes), `credit` (Int64 minor
        units), `since` (Date: it is what it is since) and `months` (Int32, whole ones)."""
        at = self.clocks(as_of, known_at)
        return self.query(CREDITS, {"on": at.on, "known": at.known})

    def dues(self, as_of: Day = None, known_at: Known = None) -> pl.DataFrame:
        """Open dues: schema `loanbook.core.servicing.loan.dues.Dues`."""
        return self._dated("dues", as_of, known_at, "loan_id, instalment_no, component")

    def held(self, as_of: Day = None, known_at: Known = None) -> pl.DataFrame:
        """Loans that a date shows at their last good positions: `loan_id`, `loan_key`, `product`, `since`,
        `good_until` (Date; null: it has not entered the book), `law`, `figures`, `remedy`."""
        at = self.clocks(as_of, known_at)
        return self.query(HELD_ON, {"on": at.on, "known": at.known})

    def balances(self, as_of: Day = None, known_at: Known = None) -> pl.DataFrame:
        """General-ledger balances by account role."""
        version, _ = self.version_of(as_of, known_at)
        return self._frame(
            "SELECT b.*, r.name AS role FROM account_balances b JOIN account_roles r "
            "ON r.code = b.account WHERE b.version = ? ORDER BY entity, product, account",
            [version],
        )

    def lake(self) -> InstanceQueries:
        """Queries on the lake's own tables, for other modules of the product."""
        return InstanceQueries(self._connection.cursor(), self.settings)

    def query(self, sql: str, parameters: list[Any] | dict[str, Any] | None = None) -> pl.DataFrame:
        """A parameterised query of the product's own pages and exports over the views."""
        return self._frame(sql, parameters)
