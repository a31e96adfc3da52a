"""Loan 360: one loan, its terms, its life and every row behind it."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from loanbook.core.catalogue.codes import Timing, label
from loanbook.core.catalogue.components import DUES, Component
from loanbook.core.contract.money import CURRENCY_CODES, EXPONENT, to_major
from loanbook.core.errors import LoanbookError
from loanbook.core.servicing.explain.explain import Explanation, explain
from loanbook.core.servicing.replay.replay import replay
from loanbook.core.store.clocks import Clocks as Both
from loanbook.core.store.lists import ALLOCATED, KNOWN
from loanbook.core.store.segments.dimensions import Segment
from loanbook.core.store.segments.question import Question
from loanbook.core.store.views import LOANS, MONEY
from loanbook.dashboards import data
from loanbook.dashboards.charts.bars import dpd_columns
from loanbook.dashboards.charts.flows import steps_with_marks
from loanbook.dashboards.formats import MISSING, count, day, exact_money
from loanbook.dashboards.page import Page
from loanbook.dashboards.parts.card import Shown, chart, done, figures
from loanbook.dashboards.parts.head import Clocks, head
from loanbook.dashboards.parts.scope import Scope
from loanbook.dashboards.parts.table import show_rows
from loanbook.dashboards.theme import palette

_LIFE = f"""
    SELECT p.business_date, p.status, p.principal, p.interest_accrued, {", ".join(f"p.{name}" for name in DUES)},
           p.credit, p.days_past_due
    FROM positions p WHERE p.loan_id = $loan AND p.business_date <= $on AND p.version <= $version AND {KNOWN}
    ORDER BY p.business_date
"""
_LOAN = f"SELECT * FROM ({LOANS}) WHERE loan_id = $loan"
_DUE = """
    SELECT instalment_no, due_date, component, amount, paid FROM dues_at($on, $version) WHERE loan_id = $loan
    ORDER BY instalment_no, component
"""
_MOVED = """
    SELECT t.value_date, t.booking_date, d.name AS debit, c.name AS credit, t.amount, t.event_id, t.version FROM transfers t
    JOIN account_roles d ON d.code = t.debit JOIN account_roles c ON c.code = t.credit
    WHERE t.loan_id = $loan AND t.value_date <= $on AND t.version <= $version ORDER BY t.value_date, t.version, debit, credit
"""
_TOLD = "SELECT name, value FROM loan_attributes WHERE loan_id = $loan ORDER BY name"
_TERMS = "SELECT * FROM loans WHERE loan_id = $loan AND close_reason IS NULL AND version <= $version ORDER BY version LIMIT 1"
_SCHEDULES = "SELECT schedule_version, valid_from, reason, version FROM schedules WHERE loan_id = $loan AND version <= $version ORDER BY 1"


TABS = [
    "Why",
    "Timeline",
    "Allocations",
    "Dues",
    "Ledger",
    "Schedule versions",
    "Restated",
    "Terms",
]


def draw() -> None:
    """Draw the page for the loan and the clocks of the URL."""
    clocks = head("Loan", data.ledger())
    if clocks is None:
        return
    text = st.query_params.get("loan", "")
    if not text.isascii() or not text.isdigit():
        st.info(
            "Find a loan above: by its number, the lender's key, a borrower's token or an amount."
        )
        done(f"loan|{text}")
        return
    number = int(text[:18])
    at = data.ledger().clocks(clocks.as_of, clocks.known_at)
    register = data.plain(_LOAN, at.known, on=at.on, known=at.known, loan=number)
    if register.is_empty():
        st.info(
            f"Loan #{number} was not in the book on {day(clocks.as_of)}, as known at version {clocks.known_at}."
        )
        done(f"loan|{text}")
        return
    row = register.row(0, named=True)
    scope = _scope(clocks, at, row["currency"])
    life = Question(_LIFE, {"loan": number, "on": at.on, "version": at.known})
    days = scope.ask(life)
    _top(scope, row, days)
    events = data.ledger().events(at.on, at.known, loans=[number], names=True)
    left, right = st.columns(2)
    token = f"loan|{number}|{scope.token}"
    with left.container(border=True, height="stretch"):
        chart(scope, steps_with_marks(days, events, scope.currency, palette(), token), "Principal and events", None,
              Shown("loan_life", days, [life], tuple(n for n in days.columns if n in MONEY)),
              note="Dots are events; crosses were taken back")  # fmt: skip
    with right.container(border=True, height="stretch"):
        chart(scope, dpd_columns(days, palette(), token), "Days past due", None,
              Shown("loan_dpd", days.select("business_date", "days_past_due"), [life]), note="By the rule of the loan's product")  # fmt: skip
    _tabs(scope, number, at, events)
    done(token)


def _scope(clocks: Clocks, at: Both, currency: str) -> Scope:
    return Scope(
        clocks, currency, Segment(at, CURRENCY_CODES[currency], 10 ** EXPONENT[currency], {}, {})
    )


def _top(scope: Scope, row: dict[str, Any], days: pl.DataFrame) -> None:
    known = (
        days.row(-1, named=True)
        if days.height and days["business_date"][-1] == scope.clocks.as_of
        else None
    )

    def exact(minor: object) -> str:
        return MISSING if minor is None else exact_money(int(str(minor)), scope.currency)

    st.markdown(f"**{row['loan_key']}** · number {row['loan_id']} · {row['entity']} · {row['product']} · **{str(row['state']).replace('_', ' ')}**"
                + (f" on {day(row['closed_on'])}, {row['close_reason']}" if row["closed_on"] else ""))  # fmt: skip
    due = None if known is None else sum(known[name] for name in DUES)
    figures(scope, [
        ("Principal", exact(known["principal"] if known else None), f"of {exact(row['principal_agreed'])}"),
        ("Interest accrued", exact(known["interest_accrued"] if known else None), f"{float(str(row['rate_ppb'])) / 1e7:.4f} % a year"),
        ("Due and unpaid", exact(due), f"credit {exact(known['credit'])}" if known and known["credit"] else None),
        ("Days past due", count(known["days_past_due"]) if known else MISSING, f"lent {day(row['disbursed_on'])}"),
    ])  # fmt: skip


def _tabs(scope: Scope, number: int, at: Both, events: pl.DataFrame) -> None:
    bound = {"loan": number, "on": at.on, "version": at.known}
    names = st.tabs(TABS)
    with names[0]:
        _why(scope, number, at)
    with names[1]:
        _table(
            scope,
            events.select(
                "value_date",
                "booking_date",
                "kind",
                "amount",
                "reason",
                "actor",
                "checker",
                "source_system",
                "source_ref",
                "stands",
            ),
        )
    with names[2]:
        _table(
            scope,
            scope.ask(Question(ALLOCATED, bound)).with_columns(
                label("component", Component), label("timing", Timing)
            ),
        )
    with names[3]:
        _table(scope, scope.ask(Question(_DUE, bound)).with_columns(label("component", Component)),
               "Nothing is due and unpaid.")  # fmt: skip
    with names[4]:
        _table(scope, scope.ask(Question(_MOVED, bound)))
        st.caption(
            "Daily interest is booked as one sum for all loans of a product; it is no row of a loan."
        )
    with names[5]:
        _table(scope, scope.ask(Question(_SCHEDULES, bound)))
    with names[6]:
        told = data.ledger().restated(None, at.known, loan_id=number)
        _table(
            scope,
            told.drop("loan_id", "event_ids"),
            "Nothing that was said of this loan was ever restated.",
        )
    with names[7]:
        _terms(scope, bound)


def _terms(scope: Scope, bound: dict[str, Any]) -> None:
    terms = scope.ask(Question(_TERMS, bound))
    shown = terms.unpivot(variable_name="term", value_name="value") if terms.is_empty() else pl.DataFrame(
    [{"term": k.replace("_", " "), "value": str(v)} for k, v in terms.to_dicts()[0].items() if v is not None])  # fmt: skip
    show_rows(shown, height=320)
    show_rows(scope.ask(Question(_TOLD, bound)))


def _table(scope: Scope, rows: pl.DataFrame, empty: str = "There is none.") -> None:
    if rows.is_empty():
        st.info(empty)
        return
    money = [
        name for name in rows.columns if name in {*MONEY, "paid"} and rows.schema[name] == pl.Int64
    ]
    shown = rows.with_columns(pl.col(name) / scope.unit for name in money)
    texts = [name for name, kind in shown.schema.items() if kind == pl.String]
    show_rows(
        shown.with_columns(pl.col(name).str.replace_all("_", " ") for name in texts if name not in {"source_ref", "source_system"}),
        height="content" if shown.height <= 12 else 420,
        column_config={
            **{name: st.column_config.NumberColumn(name.replace("_", " ").capitalize(), format=f"%,.{EXPONENT[scope.currency]}f") for name in money},
            **{name: st.column_config.Column(name.replace("_", " ").capitalize()) for name in shown.columns if name not in money},
        },
    )  # fmt: skip


@st.cache_data(max_entries=64, show_spinner="The loan is lived again …")
def _explained(number: int, on: str, booked: str, known: int, key: str) -> Explanation:
    ledger = data.ledger()
    at = ledger.clocks(on, known)
    policies = data.stored_policies()
    return explain(
        replay(ledger.lake().life_of(number, at.booked), policies, at.on), policies, number, at.on
    )


def _why(scope: Scope, number: int, at: Both) -> None:
    """Every line of the loan: what moved, the rule and policy version that decided, its source."""
    if masked := data.masked("events", "positions", "transfers"):
        st.info(f"Not shown to you: it tells what your roles mask ({', '.join(masked)}).")
        return
    if not st.toggle(
        "Explain every cent",
        key="explain",
        help="Lives the loan again by its events and the policies of its time.",
    ):
        st.caption(
            "The loan is lived again from its events, and each movement is told with the rule and policy version that decided it."
        )
        return
    try:
        told = _explained(number, at.on.isoformat(), at.booked.isoformat(), at.known, data.key())
    except LoanbookError as error:
        st.info(str(error))
        return
    rows = pl.DataFrame(
        [{"date": line.date, "what": line.what,
          "moves": ", ".join(f"{part} {'+' if amount > 0 else '−'}{to_major(abs(amount), scope.currency)}" for part, amount in line.moves.items()),
          "rule": line.rule, "source": line.source} for line in told.lines],
        schema={"date": pl.Date, "what": pl.String, "moves": pl.String, "rule": pl.String, "source": pl.String},
    )  # fmt: skip
    show_rows(rows, height=420, column_config={
        "date": st.column_config.DateColumn("Date", format="D MMM YYYY"), "what": "What", "moves": f"Moves, {scope.currency}",
        "rule": st.column_config.TextColumn("Rule and policy", width="large"), "source": "Source"})  # fmt: skip
    st.caption(
        "The lines account for every cent."
        if told.accounted
        else "The lines don't account for every cent; `loanbook explain` tells where."
    )


PAGE = Page("loan", "Loan 360", ":material/person_search:", "Book", draw)
