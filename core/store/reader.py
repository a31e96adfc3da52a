"""The read layer: one class for a notebook, a page and an export.

Every read names its two clocks: `as_of`, the business date, and `known_at`, the version.
Only published versions can be seen, also from SQL.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import polars as pl

from loanbook.core.catalogue.accounts import ROLES
from loanbook.core.catalogue.codes import CHANGES, Component, Kind, Status, label
from loanbook.core.errors import LedgerError
from loanbook.core.servicing.arrears.conventions import Thresholds, states_by_date
from loanbook.core.servicing.arrears.days_past_due import pauses_of, with_delinquent_days
from loanbook.core.servicing.arrears.hardship import RESTS, relief
from loanbook.core.servicing.explain.contract_changes import MONTHS_BEFORE, forborne
from loanbook.core.servicing.replay.backdating import effective_events
from loanbook.core.store.lake import LAKE, open_reader, patiently
from loanbook.core.store.listed import AFTER_CLOSURE, CREDITS, KNOWN, MODIFIED, RESUMED
from loanbook.core.store.marts import GROUPED, PORTFOLIO_ON
from loanbook.core.store.marts import NAMES as MARTS
from loanbook.core.store.migrations import NEWEST
from loanbook.core.store.past import NOT_RESTATED, NOW, known_last
from loanbook.core.store.settings import Settings

_VERSIONED = (*MARTS, "positions", "dues", "allocations", "account_balances", "transfers", "loans",
              "schedules", "restated_loans", "changed_terms")  # fmt: skip
_RESTATED = ("positions", "dues", "allocations")
_NUMBERED = (
    "* REPLACE (row_number() OVER (PARTITION BY loan_id ORDER BY valid_from, version)::INTEGER "
    "AS schedule_version)"
)
_PLAIN = ("events", "files", "quarantine", "loan_keys", "loan_attributes", "reported",
          "products", "entities", "policies")  # fmt: skip
Day = dt.date | str | None
THRESHOLDS = Thresholds()
_LIVED = f"""
    WITH known AS (
        SELECT p.* FROM positions p WHERE p.version <= $version AND p.business_date <= $on
          AND {KNOWN}),
    owner AS (SELECT loan_id, min(value) AS borrower FROM loan_attributes
              WHERE name = 'borrower' AND value <> '' GROUP BY loan_id),
    asked AS (
        SELECT DISTINCT loan_id FROM known
        WHERE CASE WHEN $loan IS NULL THEN days_past_due > 0 OR principal_due + interest_due > 0
              ELSE loan_id = $loan END),
    wanted AS (
        SELECT loan_id FROM asked
        UNION
        SELECT loan_id FROM owner
        WHERE borrower IN (SELECT borrower FROM owner JOIN asked USING (loan_id)))
    SELECT k.loan_id, k.business_date, k.oldest_due_date, k.status, k.non_accrual,
           k.oldest_due_date IS NULL AND k.principal_due + k.interest_due > 0
             AND EXISTS (SELECT 1 FROM dues d WHERE d.loan_id = k.loan_id AND d.version = k.version
                         AND d.business_date = k.business_date AND d.amount > d.paid
                         AND d.due_date = k.business_date) AS due_today,
           k.principal_due + k.interest_due + k.fees_due + k.penalties_due + k.taxes_due
               AS arrears,
           k.principal + k.interest_accrued + k.interest_due + k.fees_due + k.penalties_due + k.taxes_due
             AS exposure,
           coalesce(l.anchor_day, 31)::TINYINT AS anchor_day, o.borrower
    FROM known k JOIN wanted USING (loan_id) LEFT JOIN owner o USING (loan_id)
    LEFT JOIN (SELECT loan_id, first(anchor_day ORDER BY version) AS anchor_day FROM loans
               WHERE close_reason IS NULL GROUP BY loan_id) l USING (loan_id)
"""
"""Days of loans as known at a version: what `states_by_date` reads."""


def open_ledger(home: str | Path | None = None) -> LedgerReader:
    """The ledger of an instance folder, read-only (default: `LOANBOOK_HOME` or data/instance)."""
    default = Path(__file__).resolve().parents[2] / "data" / "instance"
    if home is None:
        return LedgerReader(Settings.from_environment(default))
    return LedgerReader(Settings(home=Path(home).resolve()))


class LedgerReader:
    """Published versions of a ledger as Polars frames. A reader never blocks a writer."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._connection = open_reader(settings)
        self._must_be_of_this_schema()
        self._views()

    def close(self) -> None:
        """Let go of the lake."""
        self._connection.close()

    def _must_be_of_this_schema(self) -> None:
        """A reader changes nothing, so it can't bring an older lake up to date."""
        row = self._connection.execute(f"SELECT max(number) FROM {LAKE}.schema_version").fetchone()
        found = (row[0] if row else None) or 0
        if found != NEWEST:
            self._connection.close()
            raise LedgerError(
                f"the ledger in {self.settings.home} has schema {found}, this loanbook needs "
                f"{NEWEST}: "
                + (
                    "run `loanbook migrate` once, it keeps every version"
                    if found < NEWEST
                    else "it was written by a newer loanbook; update this one"
                )
            )

    def _views(self) -> None:
        published = f"(SELECT version FROM {LAKE}.publications WHERE state = 'published')"
        run = self._connection.execute
        for table in _PLAIN:
            run(f"CREATE VIEW {table} AS SELECT * FROM {LAKE}.{table}")
        for table in (*_VERSIONED, "versions"):
            columns = "*" if table != "schedules" else _NUMBERED
            run(f"CREATE VIEW {table} AS SELECT {columns} FROM {LAKE}.{table} "
                f"WHERE version IN {published}")  # fmt: skip
        run(f"CREATE VIEW publications AS SELECT * FROM {LAKE}.publications")
        run(f"CREATE VIEW checks AS SELECT * FROM {LAKE}.checks")
        for table in _RESTATED:
            rows = known_last(table, "t.*", "ALL").format(lake=LAKE)
            rows = rows.replace("$on", "on_date").replace("$known_at", "known_at")
            run(f"CREATE MACRO {table}_at(on_date, known_at) AS TABLE {rows}")
        for table in ("positions", "allocations"):
            known = NOT_RESTATED.format(row=table).format(lake=LAKE)
            run(f"CREATE VIEW {table}_now AS SELECT * FROM {table} WHERE {known}")
        run("CREATE VIEW endings_now AS SELECT loan_id, closed_on, close_reason FROM (SELECT "
            "loan_id, last(closed_on ORDER BY version, closed_on NULLS LAST) AS closed_on, "
            "last(close_reason ORDER BY version, closed_on NULLS LAST) AS close_reason FROM loans WHERE close_reason IS NOT NULL GROUP BY loan_id) "
            "WHERE closed_on IS NOT NULL")  # fmt: skip
        for name, members in (
            ("status_names", {m.value: m.name for m in Status}),
            ("event_kinds", {m.value: m.name for m in Kind}),
            ("component_names", {m.value: m.name for m in Component}),
            ("account_roles", dict(enumerate(ROLES))),
        ):
            values = ", ".join(f"({code}, '{text}')" for code, text in members.items())
            run(f"CREATE VIEW {name} AS SELECT * FROM (VALUES {values}) AS t(code, name)")

    def _frame(
        self, sql: str, parameters: list[Any] | dict[str, Any] | None = None
    ) -> pl.DataFrame:
        def read() -> pl.DataFrame:
            cursor: duckdb.DuckDBPyConnection = self._connection.cursor()
            try:
                return pl.DataFrame(cursor.execute(sql, parameters or []).to_arrow_table())
            finally:
                cursor.close()

        return patiently(read)

    def sql(self, query: str) -> pl.DataFrame:
        """Rows of one SELECT over the published views; LedgerError for anything else."""
        try:
            statements = duckdb.extract_statements(query)
        except duckdb.Error as error:
            raise LedgerError(f"that is no SQL: {error}") from error
        select = len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT
        if not select or LAKE in query:
            raise LedgerError(
                "give one SELECT over the views "
                + ", ".join(sorted((*_PLAIN, *_VERSIONED, "versions", "checks")))
            )
        try:
            return self._frame(query)
        except duckdb.Error as error:
            raise LedgerError(str(error)) from error

    def tables(self) -> list[str]:
        """Names of the views that `sql` can read.

        Beside them `positions_at`, `dues_at` and `allocations_at` take a business date and a
        version: the rows of that date as known at that version, restatements included.
        """
        return sorted((*_PLAIN, *_VERSIONED, "versions", "checks", "publications"))

    # --- the two clocks --------------------------------------------------------------

    def versions(self) -> pl.DataFrame:
        """Published versions: `version`, `business_date`, `parent`, counts, totals, hashes,
        `published_at`; newest last."""
        return self._frame(
            "SELECT v.*, p.settled_at AS published_at FROM versions v JOIN publications p "
            "ON p.version = v.version AND p.state = 'published' ORDER BY v.version"
        )

    def version_of(self, as_of: Day = None, known_at: int | None = None) -> tuple[int, dt.date]:
        """The version that answers for a business date, as known at a version.

        Raises LedgerError with the published range if there is none.
        """
        wanted = dt.date.fromisoformat(as_of) if isinstance(as_of, str) else as_of
        rows = self._frame(
            "SELECT version, business_date FROM versions "
            "WHERE (? IS NULL OR business_date = ?) AND (? IS NULL OR version <= ?) "
            "ORDER BY version DESC LIMIT 1",
            [wanted, wanted, known_at, known_at],
        )
        if rows.is_empty():
            first, last = self.published_range()
            raise LedgerError(
                f"no published version answers for {wanted or 'any date'}"
                + (f" at version {known_at}" if known_at else "")
                + (f"; published are {first} to {last}" if first else "; nothing is published yet")
            )
        return rows.row(0)

    def published_range(self) -> tuple[dt.date | None, dt.date | None]:
        """First and last published business date."""
        return self._frame("SELECT min(business_date), max(business_date) FROM versions").row(0)

    def _dated(self, table: str, as_of: Day, known_at: int | None, order: str) -> pl.DataFrame:
        _, date = self.version_of(as_of, known_at)
        return self._frame(
            f"SELECT * FROM {table}_at(?, ?) ORDER BY {order}", [date, known_at or NOW]
        )

    # --- frames ----------------------------------------------------------------------

    def positions(self, as_of: Day = None, known_at: int | None = None) -> pl.DataFrame:
        """One row per live loan: schema `loanbook.core.servicing.loan.book.Positions`, version, date."""
        return self._dated("positions", as_of, known_at, "loan_id")

    def delinquency(
        self, as_of: Day = None, known_at: int | None = None, grace_days: int = 0
    ) -> pl.DataFrame:
        """Days past due, and those that count as delinquent, of every loan in arrears.

        `loan_id`, `oldest_due_date`, `days_past_due`, `paused_days`, `delinquent_days` (Int32):
        past-due days never pause, delinquent ones do (`loanbook.core.servicing.arrears.days_past_due`). Pauses are
        those that stand now.
        """
        _, on = self.version_of(as_of, known_at)
        late = self.positions(as_of, known_at).filter(pl.col("days_past_due") > 0)
        told = self._standing((Kind.delinquency_paused, Kind.delinquency_resumed), on)
        counted = with_delinquent_days(late, pauses_of(told), on, grace_days)
        return counted.select(
            "loan_id", "oldest_due_date", "days_past_due", "paused_days", "delinquent_days"
        )

    def portfolio_on(self, as_of: dt.date, known_at: int) -> pl.DataFrame:
        """`days_past_due`, `status`, `loans`, `principal`, `overdue` of a date: the mart's, or, where
        it lacks the date, the positions'."""
        told = self.query(PORTFOLIO_ON, {"on": as_of, "known_at": known_at})
        return told if told.height else self.query(GROUPED.format(where=""), [as_of, known_at])

    def delinquency_states(
        self,
        as_of: Day = None,
        known_at: int | None = None,
        loan_id: int | None = None,
        rules: Thresholds = THRESHOLDS,
    ) -> pl.DataFrame:
        """Loans in every convention at once (schema `loanbook.core.servicing.arrears.conventions.STATES`).

        One loan: a row for every date it has lived, to `as_of`. All: the date itself, of loans
        that were ever late, or their borrower was. Counters begin where a loan entered the book.
        A tape's attribute `borrower` says whose a loan is.
        """
        version, on = self.version_of(as_of, known_at)
        days = self.query(_LIVED, {"version": version, "on": on, "loan": loan_id})
        states = states_by_date(days, rules)
        if loan_id is not None:
            return states.filter(pl.col("loan_id") == loan_id)
        return states.filter(pl.col("business_date") == on)

    def modifications(
        self,
        as_of: Day = None,
        known_at: int | None = None,
        loan_id: int | None = None,
        difficulty: Mapping[int, Collection[str]] = MappingProxyType({}),
    ) -> pl.DataFrame:
        """Changes of contracts that stand by a date: `loan_id`, `event_id`, `value_date`, `kind`, `reason`,
        `actor`, `checker`, `product` (code), `most_days_past_due` (Int32, of the three months before) and
        `forborne` (`loanbook.core.servicing.explain.contract_changes`).

        `difficulty`: the reasons of orders that tell of difficulty, by product.
        """
        version, on = self.version_of(as_of, known_at)
        stand = self._standing(CHANGES, on)["event_id"].to_list()
        changes = self.query(
            MODIFIED,
            {"version": version, "loan": loan_id, "months": MONTHS_BEFORE, "changes": stand},
        )
        told = pl.DataFrame(
            [(code, reason) for code, reasons in difficulty.items() for reason in reasons],
            schema={"product": pl.Int16, "reason": pl.String},
            orient="row",
        ).with_columns(says_difficulty=pl.lit(True))
        joined = changes.join(told, on=["product", "reason"], how="left", maintain_order="left")
        judged = joined.with_columns(forborne=forborne(), kind=label("kind", Kind))
        return judged.drop("says_difficulty", "lower_rate")

    def relief(
        self,
        as_of: Day = None,
        known_at: int | None = None,
        difficulty: Mapping[int, Collection[str]] = MappingProxyType({}),
    ) -> pl.DataFrame:
        """Arrangements for borrowers in hardship by a date (schema `loanbook.core.servicing.arrears.hardship.RELIEF`).

        `difficulty`: as for `modifications`.
        """
        version, on = self.version_of(as_of, known_at)
        told = self._standing((*RESTS, Kind.delinquency_resumed), on)
        resumed = self.query(RESUMED, {"version": version, "on": on})
        ended = self.query(
            "SELECT loan_id, true AS ended FROM endings_now WHERE closed_on <= ?", [on]
        )
        changed = self.modifications(on, known_at, None, difficulty).filter("forborne")
        forborne_ = changed.join(ended, on="loan_id", how="left", maintain_order="left")
        return relief(told, resumed, forborne_.with_columns(pl.col("ended").fill_null(False)), on)

    def _standing(self, kinds: Collection[Kind], on: dt.date) -> pl.DataFrame:
        """Events of some kinds, valued by a date, that no reversal took back."""
        told = self.query(
            "SELECT event_id, loan_id, kind, value_date, idempotency_key, payload FROM events "
            "WHERE kind IN (SELECT unnest(?)) AND value_date <= ? ORDER BY event_id",
            [[kind.value for kind in (*kinds, Kind.reversal)], on],
        )
        return effective_events(told)

    def after_closure(self, as_of: Day = None, known_at: int | None = None) -> pl.DataFrame:
        """What came for loans that had ended, by a date: `loan_id`, `closed_on`, `close_reason`, the
        `event`, its dates, amount and people, and the loan's `status` since (null: ended again)."""
        version, on = self.version_of(as_of, known_at)
        return self.query(AFTER_CLOSURE, {"version": version, "on": on})

    def credits(self, as_of: Day = None, known_at: int | None = None) -> pl.DataFrame:
        """Loans whose borrowers have credit: `loan_id`, `status`, `currency` (codes), `credit` (Int64 minor
        units), `since` (Date: it is what it is since) and `months` (Int32, whole ones)."""
        _, on = self.version_of(as_of, known_at)
        return self.query(
            CREDITS,
            {"on": on, "known": known_at or NOW},
        )

    def dues(self, as_of: Day = None, known_at: int | None = None) -> pl.DataFrame:
        """Open dues: schema `loanbook.core.servicing.loan.book.Dues`."""
        return self._dated("dues", as_of, known_at, "loan_id, instalment_no, component")

    def balances(self, as_of: Day = None, known_at: int | None = None) -> pl.DataFrame:
        """General-ledger balances by account role."""
        version, _ = self.version_of(as_of, known_at)
        return self._frame(
            "SELECT b.*, r.name AS role FROM account_balances b JOIN account_roles r "
            "ON r.code = b.account WHERE b.version = ? ORDER BY entity, product, account",
            [version],
        )

    def portfolio_by_day(self) -> pl.DataFrame:
        """Version headers as a time series: date, loans and control totals, for charts."""
        rows = self.versions()
        totals = pl.Struct(
            dict.fromkeys(("principal", "interest_accrued", "interest_due", "penalties_due", "credit", "accrued_today", "paid_today", "transfers"), pl.Int64)
        )  # fmt: skip
        return rows.select(
            "version",
            "business_date",
            loans="positions",
            totals=pl.col("control_totals").str.json_decode(totals),
        ).unnest("totals")

    def query(self, sql: str, parameters: list[Any] | dict[str, Any] | None = None) -> pl.DataFrame:
        """A parameterised query of the product's own pages and exports over the views."""
        return self._frame(sql, parameters)
