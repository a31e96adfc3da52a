"""What people read: a row a loan, names in place of codes, money in units of its currency.

The same as frames of a reader and as views for SQL. Codes and minor units stay the ledger's own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal

import duckdb
import polars as pl

from loanbook.core.catalogue.accounts import ROLES
from loanbook.core.catalogue.codes import ENDED, EVENT_KINDS, MONEY_IN, Kind, Status, Timing, label
from loanbook.core.catalogue.components import CLAIM_ROLES, DUES, PARTS, Component
from loanbook.core.contract.money import CURRENCY_CODES, EXPONENT
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.store.banking.reading import ENTRIES_NOW
from loanbook.core.store.clocks import NOT_RESTATED, Clocks, known_last
from loanbook.core.store.guarded.scope import Shown, make_scope, refusing
from loanbook.core.store.lake import LAKE, columns_of_all, registered
from loanbook.core.store.lists import KNOWN
from loanbook.core.store.marts import MARTS
from loanbook.core.store.marts import NAMES as MART_NAMES
from loanbook.core.store.queries import PUBLISHED

_VERSIONED = (*MART_NAMES, "positions", "dues", "allocations", "account_balances", "transfers", "loans",
              "schedules", "restated_loans", "changed_terms", "held_loans")  # fmt: skip
_RESTATED = ("positions", "dues", "allocations", "held_loans")
_NUMBERED = "row_number() OVER (PARTITION BY loan_id ORDER BY valid_from, version)::INTEGER"
"""`schedule_version` of a loan's schedules, in their order."""
_PLAIN = ("events", "files", "quarantine", "loan_keys", "loan_attributes", "reported",
          "products", "entities", "policies", "policy_versions", "bank_files", "bank_statements",
          "bank_entries", "suspense_candidates", "suspense_looks", "entry_decisions", "cash_movements", "files_out",
          "file_settlements",
          "files_handed_over", "instructions", "payment_returns", "account_changes", "acknowledgements",
          "applications", "application_links", "applicant_facts", "decision_policies", "decision_inputs", "decisions",
          "case_events", "consents", "identity_checks", "contacts", "contact_preferences",
          "promises", "notices", "reminders", "legal_steps", "placements",
          "person_decisions", "underwriting_policies",
          "sanction_members", "sanction_names", "person_screenings", "screening_hits", "screening_verdicts",
          "duplicate_looks", "duplicate_pairs", "person_merges", "applicant_documents",
          "offers", "offer_steps", "documents", "signatures", "party_checks", "disbursements", "collateral_steps")  # fmt: skip
Query = Callable[..., pl.DataFrame]
UNITS = pl.Decimal(38, max(EXPONENT.values()))
"""Type of money in units of its currency: exact, with room for the finest currency's decimals."""
MONEY = tuple(dict.fromkeys((
    "amount", *CLAIM_ROLES, *DUES, "credit", "accrued_today", "paid_today", "period_interest", "schedule_balance",
    "accrued_prepaid", "prepaid_dues", "off_books", "interest_earned", "principal_paid",
    "interest_paid", "charges_paid", "income_deferred", "deferred_whole", "deferred_to",
    "interest_taxed", "penal_base", "statement_unpaid", "cash_advances", "principal_agreed",
    "instalment", *PARTS,
)))  # fmt: skip
"""Columns of the frames here that are money in minor units."""
_CURRENCIES = ", ".join(
    f"({code}, '{name}', {EXPONENT[name]})" for name, code in CURRENCY_CODES.items()
)
_OVER = ", ".join(map(str, ENDED))
_NAMES = """
    JOIN loan_keys k ON k.loan_id = {row}.loan_id
    LEFT JOIN entities en ON en.code = k.entity LEFT JOIN products pr ON pr.code = k.product
    LEFT JOIN currency_names cu ON cu.code = k.currency
"""
_REGISTER = """
    WITH told AS (SELECT * FROM loans WHERE {known}),
    boarded AS (
        SELECT * FROM told WHERE close_reason IS NULL
        QUALIFY row_number() OVER (PARTITION BY loan_id ORDER BY version) = 1),
    ended AS (
        SELECT loan_id, last(closed_on ORDER BY version, closed_on) AS closed_on,
               last(close_reason ORDER BY version, closed_on) AS close_reason
        FROM told WHERE closed_on IS NOT NULL GROUP BY loan_id),
    lives AS ({positions}), held AS ({held})
    SELECT b.loan_id, k.loan_key, en.name AS entity, pr.name AS product, cu.name AS currency,
           coalesce(CASE WHEN h.loan_id IS NOT NULL THEN 'held' END, s.name, CASE e.close_reason WHEN 'paid in full' THEN 'closed'
                                 ELSE replace(e.close_reason, ' ', '_') END) AS state,
           CASE WHEN over THEN e.closed_on END AS closed_on,
           CASE WHEN over THEN e.close_reason END AS close_reason,
           b.boarded_on, b.disbursed_on, b.first_due_date, b.principal_agreed, b.rate_ppb,
           b.instalments, b.emi AS instalment
    FROM boarded b {names}
    LEFT JOIN (SELECT loan_id, status FROM lives) l ON l.loan_id = b.loan_id
    LEFT JOIN status_names s ON s.code = l.status
    LEFT JOIN held h ON h.loan_id = b.loan_id
    LEFT JOIN ended e ON e.loan_id = b.loan_id,
    LATERAL (SELECT l.status IS NULL OR l.status IN ({ended}) AS over) o
"""
_LAST_POSITIONS = (
    "SELECT * FROM positions_now WHERE business_date = (SELECT max(business_date) FROM versions)"
)
LOANS = _REGISTER.format(
    known="version <= $known AND coalesce(boarded_on <= $on, true) "
    "AND coalesce(closed_on <= $on, true)",
    positions="SELECT * FROM positions_at($on, $known)",
    held="SELECT loan_id FROM held_loans_at($on, $known)",
    names=_NAMES.format(row="b"),
    ended=_OVER,
)
EVENTS = """
    SELECT event_id, loan_id, kind, value_date, booking_date, amount, currency, source_system,
           source_ref, actor, checker, reason, idempotency_key, payload
    FROM events
    WHERE value_date <= $on AND booking_date <= $booked
      AND ($loans IS NULL OR loan_id IN (SELECT unnest($loans)))
      AND ($kinds IS NULL OR kind IN (SELECT unnest($kinds)))
    ORDER BY event_id
"""
PAID = f"""
    SELECT event_id,
           {{parts}},
           coalesce(sum(amount) FILTER (WHERE component IS NULL AND NOT {{given_up}}), 0)::BIGINT
               AS credit,
           coalesce(sum(amount) FILTER (WHERE {{given_up}}), 0)::BIGINT AS recovered
    FROM allocations p
    WHERE version <= $version AND business_date <= $on AND {KNOWN} GROUP BY event_id
""".format(
    given_up=f"timing = {Timing.given_up.value}",
    parts=", ".join(
        f"coalesce(sum(amount) FILTER (WHERE component = {part.value}), 0)::BIGINT AS {name}"
        for name, part in PARTS.items()
    ),
)
CAUSES = f"""
    SELECT r.version, r.loan_id, e.event_id,
           e.value_date < v.business_date OR e.kind = {Kind.reversal.value} AS late
    FROM restated_loans r JOIN versions v ON v.version = r.version
    JOIN events e ON e.loan_id = r.loan_id AND e.booking_date = v.business_date
    QUALIFY late OR NOT bool_or(late) OVER (PARTITION BY r.version, r.loan_id)
"""
"""The events that made a version give a loan's days anew."""
RESTATEMENTS = f"""
    WITH causes AS ({CAUSES}),
    caused AS (SELECT version, list(DISTINCT event_id ORDER BY event_id) AS event_ids
               FROM causes GROUP BY version)
    SELECT r.version, v.business_date, min(r.from_date) AS first_date,
           max(r.through_date) AS last_date, count(DISTINCT r.loan_id) AS loans,
           list(DISTINCT r.loan_id ORDER BY r.loan_id) AS loan_ids,
           coalesce(any_value(c.event_ids), []) AS event_ids
    FROM restated_loans r JOIN versions v ON v.version = r.version
    LEFT JOIN caused c ON c.version = r.version
    GROUP BY r.version, v.business_date
"""
FIGURES = ("principal", "interest_accrued", *DUES, "credit", "days_past_due")
"""Figures of a position that a restatement is told by."""
_SAID = ", ".join(f"s.{name} AS said_{name}, n.{name} AS now_{name}" for name in FIGURES)
RESTATED = f"""
    WITH again AS (
        SELECT r.*, v.business_date AS booked, coalesce($on::DATE, r.through_date) AS on_date
        FROM restated_loans r JOIN versions v ON v.version = r.version
        WHERE r.version <= $version AND ($loan IS NULL OR r.loan_id = $loan)
          AND coalesce($on::DATE, r.through_date) BETWEEN r.from_date AND r.through_date),
    before AS (
        SELECT a.version, a.loan_id,
               greatest(max(b.version), coalesce(max(o.version), 0)) AS said_by
        FROM again a JOIN versions b ON b.business_date = a.on_date AND b.version < a.version
        LEFT JOIN restated_loans o ON o.loan_id = a.loan_id AND o.version < a.version
          AND a.on_date BETWEEN o.from_date AND o.through_date
        GROUP BY a.version, a.loan_id),
    caused AS (SELECT version, loan_id, list(DISTINCT event_id ORDER BY event_id) AS event_ids
               FROM ({CAUSES}) GROUP BY version, loan_id)
    SELECT a.version, a.booked, a.loan_id, a.from_date AS first_date, a.through_date AS last_date,
           a.on_date AS "on", b.said_by, {_SAID}, coalesce(c.event_ids, []) AS event_ids
    FROM again a JOIN before b ON b.version = a.version AND b.loan_id = a.loan_id
    LEFT JOIN positions s ON s.loan_id = a.loan_id AND s.business_date = a.on_date
      AND s.version = b.said_by
    LEFT JOIN positions n ON n.loan_id = a.loan_id AND n.business_date = a.on_date
      AND n.version = a.version
    LEFT JOIN caused c ON c.version = a.version AND c.loan_id = a.loan_id
    ORDER BY a.version, a.loan_id
"""
"""What restating versions said of a date, beside what had been said of it."""
VIEWS = {
    "currency_names": f"SELECT * FROM (VALUES {_CURRENCIES}) AS t(code, name, exponent)",
    "loan_register": _REGISTER.format(
        known="true",
        positions=_LAST_POSITIONS,
        names=_NAMES.format(row="b"),
        ended=_OVER,
        held="SELECT loan_id FROM held_loans_now WHERE business_date = "
        "(SELECT max(business_date) FROM versions)",
    ),
    "positions_named": "SELECT p.* REPLACE (CASE WHEN h.loan_id IS NULL THEN s.name ELSE 'held' END "
    "AS status), k.loan_key, en.name AS entity, "
    "pr.name AS product, cu.name AS currency FROM positions_now p "
    f"{_NAMES.format(row='p')} LEFT JOIN status_names s ON s.code = p.status "
    "LEFT JOIN held_loans_now h ON h.loan_id = p.loan_id AND h.business_date = p.business_date",
    "restatements": RESTATEMENTS,
    "bank_entries_now": ENTRIES_NOW,
}
"""Views for SQL, in the order in which they are made.

`loan_register` has one row a loan, so that positions joined to it count none twice;
`positions_named` is `positions_now` with names; both as known now.
"""


_DERIVED = ("positions_now", "allocations_now", "held_loans_now", "endings_now", "status_names",
            "event_kinds", "component_names", "account_roles")  # fmt: skip
"""Views of those views: what is known last of each date, and names of codes."""
NAMES = tuple(
    sorted(
        (
            *_PLAIN,
            *_VERSIONED,
            *_DERIVED,
            *VIEWS,
            "versions",
            "checks",
            "publications",
            "risk_events",
        )
    )
)
"""Views that a person may read."""
AS_KNOWN_NOW = {
    "positions_now": "positions", "allocations_now": "allocations", "held_loans_now": "held_loans", "endings_now": "loans",
}  # fmt: skip
"""Views of what is known now, which who reads the view below may read."""
CODES = ("status_names", "event_kinds", "component_names", "account_roles")
"""Views of the names of codes: nothing in them is anybody's."""


LIVED = f"""
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
           {" + ".join(f"k.{name}" for name in DUES)} AS arrears,
           {" + ".join(f"k.{name}" for name in CLAIM_ROLES)} AS exposure,
           coalesce(l.anchor_day, 31)::TINYINT AS anchor_day, o.borrower
    FROM known k JOIN wanted USING (loan_id) LEFT JOIN owner o USING (loan_id)
    LEFT JOIN (SELECT loan_id, first(coalesce(
                 try_cast(regexp_extract(due_date_changes, '([0-9]+)$', 1) AS TINYINT), anchor_day)
                 ORDER BY version) AS anchor_day FROM loans
               WHERE close_reason IS NULL GROUP BY loan_id) l USING (loan_id)
"""
"""Days of loans as known at a version: what `states_by_date` reads."""


def named(frame: pl.DataFrame, query: Query) -> pl.DataFrame:
    """A frame of loans with `loan_key`, `entity`, `product` and `currency` as text, and the names
    of its `status` and `kind`."""
    keys = query(
        "SELECT k.loan_id, k.loan_key, en.name AS entity, pr.name AS product, cu.name AS currency "
        f"FROM (SELECT loan_id FROM loan_keys) x {_NAMES.format(row='x')}"
    )
    loans = frame.drop("currency", strict=False)
    joined = loans.join(keys, on="loan_id", how="left", maintain_order="left")
    codes = [label(name, of) for name, of in (("status", Status), ("kind", Kind))
             if name in frame.columns]  # fmt: skip
    return joined.with_columns(codes)


def in_units(frame: pl.DataFrame, query: Query) -> pl.DataFrame:
    """Money columns as exact decimals in units of each loan's currency (type `UNITS`)."""
    currency = query("SELECT loan_id, currency AS _code FROM loan_keys")
    names = {code: Decimal(1).scaleb(-EXPONENT[name]) for name, code in CURRENCY_CODES.items()}
    unit = pl.col("_code").replace_strict(names, return_dtype=UNITS)
    joined = frame.join(currency, on="loan_id", how="left", maintain_order="left")
    money = [name for name in MONEY if name in frame.columns]
    return joined.with_columns((pl.col(n).cast(UNITS) * unit).alias(n) for n in money).drop("_code")


def shown(frame: pl.DataFrame, query: Query, *, names: bool, units: bool) -> pl.DataFrame:
    """The frame as asked: with names, with money in units."""
    if units:
        frame = in_units(frame, query)
    return named(frame, query) if names else frame


def events_by(
    query: Query,
    on: dt.date,
    booked: dt.date,
    loans: Iterable[int] | None = None,
    kinds: Iterable[str | Kind] | None = None,
) -> pl.DataFrame:
    """Events valued by a date and booked by one, with `stands`: no reversal booked by then took it
    back. Reversals stand."""
    wanted = None if kinds is None else [_kind(kind) for kind in kinds]
    kind_codes = None if wanted is None else [kind.value for kind in (*wanted, Kind.reversal)]
    events = query(EVENTS, {"on": on, "booked": booked, "kinds": kind_codes,
                          "loans": None if loans is None else list(loans)})  # fmt: skip
    standing = effective_events(events)["event_id"].implode()
    stands = pl.col("event_id").is_in(standing) | (pl.col("kind") == Kind.reversal.value)
    rows = events.with_columns(stands=stands).drop("idempotency_key", "payload")
    if wanted is None:
        return rows
    return rows.filter(pl.col("kind").is_in([kind.value for kind in wanted]))


def _kind(kind: str | Kind) -> Kind:
    """A kind by its name; ValueError names those there are."""
    if isinstance(kind, Kind):
        return kind
    if kind not in Kind.__members__:
        raise ValueError(
            f"{kind!r} is no kind of event; use {', '.join(k.name for k in EVENT_KINDS)}"
        )
    return Kind[kind]


def payments_by(query: Query, at: Clocks, loans: Iterable[int] | None) -> pl.DataFrame:
    """Money that came in, and what it paid as known at a version; zeros where it stands no more."""
    came = events_by(query, at.on, at.booked, loans, MONEY_IN)
    paid = query(PAID, {"on": at.on, "version": at.known})
    parts = [name for name in paid.columns if name != "event_id"]
    joined = came.join(paid, on="event_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col(parts).fill_null(0))


def restated_figures(told: pl.DataFrame) -> pl.DataFrame:
    """Rows of `RESTATED`, one a figure that differs: `figure`, `said`, `now`, `difference` (Int64).

    Of a loan that did not live on the date before, or does not now, what is zero differs in nothing; its
    principal is told all the same.
    """
    keys = ["version", "booked", "loan_id", "first_date", "last_date", "on", "said_by"]
    parts = [
        told.select(*keys, figure=pl.lit(name), said=pl.col(f"said_{name}").cast(pl.Int64),
                    now=pl.col(f"now_{name}").cast(pl.Int64), event_ids="event_ids")
        for name in FIGURES
    ]  # fmt: skip
    order = pl.col("figure").replace_strict({name: n for n, name in enumerate(FIGURES)})
    difference = pl.col("now").fill_null(0) - pl.col("said").fill_null(0)
    tells = (difference != 0) | (pl.col("figure") == FIGURES[0])
    rows = pl.concat(parts).filter(pl.col("said").ne_missing(pl.col("now")) & tells)
    return (
        rows.with_columns(difference=difference)
        .sort("version", "loan_id", order)
        .select(*keys, "figure", "said", "now", "difference", "event_ids")
    )


_DATED = {
    "positions": "business_date <= DATE '{on}'",
    "events": "value_date <= DATE '{on}'",
    "transfers": "booking_date <= DATE '{on}'",
    "loans": "coalesce(boarded_on <= DATE '{on}', true) AND coalesce(closed_on <= DATE '{on}', true)",
    "risk_events": "business_date <= DATE '{on}'",
    "restated_loans": "from_date <= DATE '{on}'",
    "schedules": "valid_from <= DATE '{on}'",
}  # fmt: skip
"""Rows of a business date and before, of tables without `business_date`."""


def make_views(
    connection: duckdb.DuckDBPyConnection,
    on: dt.date | None = None,
    known: Clocks | None = None,
    seen: Shown | None = None,
) -> None:
    """Make every view of the published versions on a reader's connection, in place of those there are.

    `on`: rows of that date and before alone. `known`: of what was believed by those clocks alone. `seen`: what
    of them is shown; left out, all is.
    """
    seen = seen or Shown()
    make_scope(connection, seen)
    believed = f" AND version <= {known.known}" if known else ""
    published = f"(SELECT version FROM {LAKE}.publications WHERE state = 'published'{believed})"
    run = connection.execute
    columns_of = columns_of_all(connection)
    groups = [columns for table, columns in columns_of.items() if table.startswith("position_")]
    columns_of.setdefault("positions", set().union(*groups))  # a view of its groups

    def view(table: str, *conditions: str, **replaced: str) -> None:
        dated = _DATED.get(table)
        if (
            dated is None
            and "business_date" in columns_of[table]
            and table in (*_VERSIONED, "versions")
        ):
            dated = "business_date <= DATE '{on}'"
        columns = columns_of[table]
        replaced |= seen.replaced(table, columns)
        told = [*conditions, dated.format(on=on) if on and dated else "", seen.condition(columns)]
        if why := seen.why_not(table, columns):
            run(f"CREATE OR REPLACE VIEW {table} AS {refusing(f'{LAKE}.{table}', why)}")
            return
        where = " AND ".join(each for each in told if each) or "true"
        run(f"CREATE OR REPLACE VIEW {table} AS SELECT {_with(replaced)} FROM {LAKE}.{table} "
            f"WHERE {where}{seen.end}")  # fmt: skip

    for table in _PLAIN:
        booked = table == "events" and known
        view(table, f"booking_date <= DATE '{known.booked}'" if booked and known else "")
    for mart in MARTS:
        if mart.name not in columns_of:
            with registered(connection, "_mart", mart.empty):
                run(f"CREATE OR REPLACE TABLE {mart.name} AS SELECT * FROM _mart")
    for table in (*_VERSIONED, "versions"):
        if table not in MART_NAMES or table in columns_of:
            dated = "business_date IS NOT NULL" if table in MART_NAMES else ""
            numbered = {"schedule_version": _NUMBERED} if table == "schedules" else {}
            view(table, f"version IN {published}", dated, **numbered)
    for table in ("publications", "checks"):
        view(table)
    told = f"(SELECT version FROM {LAKE}.publications WHERE state IN ('published', 'withdrawn'){believed})"
    view("risk_events", f"version IN {told}")
    _make_known(connection, published, columns_of, seen)


def _with(replaced: dict[str, str]) -> str:
    """Every column, some of them replaced by an expression."""
    if not replaced:
        return "*"
    return f"* REPLACE ({', '.join(f'{sql} AS {name}' for name, sql in replaced.items())})"


def _make_known(
    connection: duckdb.DuckDBPyConnection,
    published: str,
    columns_of: dict[str, set[str]],
    seen: Shown,
) -> None:
    """Views and macros of what is known last of each date, of the versions that are `published`."""
    run = connection.execute
    all_of_them = PUBLISHED.format(lake=LAKE)
    for table in _RESTATED:
        rows = known_last(table, "t.*", "ALL").format(lake=LAKE).replace(all_of_them, published)
        rows = rows.replace("$on", "on_date").replace("$known_at", "known_at")
        columns = columns_of[table]
        if hidden := seen.why_not(table, columns):
            rows = refusing(f"({rows})", hidden)
        elif seen.filters or seen.reading.masks:
            where = seen.condition(columns) or "true"
            told = _with(seen.replaced(table, columns))
            rows = f"SELECT {told} FROM ({rows}) WHERE {where}{seen.end}"
        run(f"CREATE OR REPLACE MACRO {table}_at(on_date, known_at) AS TABLE {rows}")
    for table in ("positions", "allocations", "held_loans"):
        known = NOT_RESTATED.format(row=table).format(lake=LAKE).replace(all_of_them, published)
        run(f"CREATE OR REPLACE VIEW {table}_now AS SELECT * FROM {table} WHERE {known}")
    run("CREATE OR REPLACE VIEW endings_now AS SELECT loan_id, closed_on, close_reason FROM (SELECT "
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
        run(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM (VALUES {values}) AS t(code, name)")
    for name, sql in VIEWS.items():
        run(f"CREATE OR REPLACE VIEW {name} AS {sql}")
