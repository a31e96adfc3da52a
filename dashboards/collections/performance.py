"""Collections performance: how well what was due was collected, what late money did, promises, contacts, agents, strategies."""

from __future__ import annotations

import datetime as dt

import polars as pl
import streamlit as st

from loanbook.core.collections.performance import LEAST_CONTACTS
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.reporting import collections, delinquency
from loanbook.core.reporting.delinquency import MOVES, late_moves
from loanbook.core.reporting.roll_rates import matrix
from loanbook.core.store.clocks import Clocks
from loanbook.core.store.segments import questions
from loanbook.core.store.segments.question import Question
from loanbook.dashboards import data
from loanbook.dashboards.charts.lines import share_lines
from loanbook.dashboards.formats import count, day, share
from loanbook.dashboards.page import Page
from loanbook.dashboards.pages.risk.cash_flow import by_month, efficiencies
from loanbook.dashboards.pages.risk.delinquency import cure_rates
from loanbook.dashboards.parts.card import (
    Shown,
    chart,
    count_column,
    done,
    figures,
    heading,
    in_units,
    money_column,
    share_column,
)
from loanbook.dashboards.parts.scope import Scope, page_scope
from loanbook.dashboards.parts.table import in_words, show_rows
from loanbook.dashboards.theme import palette
from loanbook.pipelines.collections.performing import Performance, performed

PERIODS = {"Last 30 days": 30, "Last 90 days": 90, "Last year": 365}
MILLION = 10**6


def draw() -> None:
    """Draw the page for the clocks and filters of the URL."""
    scope = page_scope("Collections performance", "currency")
    if scope is None:
        return
    with scope.row:
        kind = st.segmented_control("Period of contacts and promises", [*PERIODS], default="Last 90 days", key="period", bind="query-params")  # fmt: skip
    first = scope.clocks.as_of - dt.timedelta(days=PERIODS[kind or "Last 90 days"] - 1)
    at, policies = scope.segment.at, data.policies()
    try:
        work = _performed(at, first, (scope.segment.currency, scope.currency), policies.digest, str(data.home()), policies)  # fmt: skip
    except PolicyError as error:
        st.info(f"{error} (docs/guide/collections.md)")
        done(f"{scope.token}|none")
        return
    flows, asked = by_month(scope)
    rolled = questions.rolls(scope.segment, scope.ends)
    rolls = scope.ask(rolled)
    _figures(scope, work, flows)
    with st.container(border=True):
        _efficiencies(scope, flows, asked)
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        moves = late_moves(matrix(rolls, scope.buckets("default"), ["business_date"]))
        if moves.is_empty():
            st.subheader("Roll forward and cure", anchor=False, help=delinquency.ROLLED.definition)
            st.info("No loan was past due at an earlier month end.")
        else:
            lines = {"forward": "Rolled forward", "cured": "Cured", "better": "Better"}
            chart(scope, share_lines(moves, "business_date", lines, palette(), scope.token), "Late money, a month on",
                  delinquency.ROLLED, Shown("late_moves", moves.select("business_date", "late", *MOVES), [rolled], ("late",)),
                  note="Of principal at least 1 day past due a month before; the rest stayed in its bucket or was paid off")  # fmt: skip
    with right.container(border=True, height="stretch"):
        cure_rates(scope, rolls, rolled)
    left, right = st.columns([3, 2])
    with left.container(border=True, height="stretch"):
        _promises(scope, work)
    with right.container(border=True, height="stretch"):
        _contacts(scope, work)
    with st.container(border=True):
        _reminders(scope, work)
    with st.container(border=True):
        _agents(scope, work)
    with st.container(border=True):
        _strategies(scope, work)
    done(f"{scope.token}|{kind}")


@st.cache_data(max_entries=16, ttl=300, show_spinner="Contacts and promises are read …")
def _performed(
    at: Clocks, first: dt.date, currency: tuple[int, str], digest: str, home: str, _policies: PolicyBook
) -> Performance:  # fmt: skip
    """What came of the work, for five minutes at most: reminders go out between versions."""
    return performed(data.ledger(), _policies, at, first, currency)


def _ppm(value: int | None) -> str:
    return share(None if value is None else value / MILLION)


def _figures(scope: Scope, work: Performance, flows: pl.DataFrame) -> None:
    sums = work.agents.select(pl.col("attempts", "right_party").sum()).row(
        0
    )  # of people: a reminder speaks with nobody
    fallen, kept, due, paid = (
        int(work.promises[name].sum())
        for name in ("fallen", "kept", "amount_fallen", "amount_paid")
    )
    last = flows.row(-1, named=True) if flows.height else None
    figures(scope, [
        (collections.EFFICIENCIES[1], share(last["ce_with_overdue"] if last else None), f"{last['month']:%b %Y}" if last else None),
        ("Right-party rate", share(sums[1] / sums[0] if sums[0] else None), f"{count(sums[1])} of {count(sums[0])} attempts of agents"),
        ("Promises kept, by number", share(kept / fallen if fallen else None), f"{count(kept)} of {count(fallen)} due"),
        ("Promises kept, by amount", share(paid / due if due else None), f"{scope.money(paid)} of {scope.money(due)}"),
    ])  # fmt: skip


def _efficiencies(scope: Scope, flows: pl.DataFrame, asked: list[Question]) -> None:
    if flows.is_empty():
        st.subheader("Collection efficiencies", anchor=False)
        st.info("An efficiency needs a full month; the book has lived none by this date.")
        return
    efficiencies(scope, flows, asked)


def _table(
    scope: Scope, rows: pl.DataFrame, titles: dict[str, str], money: tuple[str, ...]
) -> None:
    """Columns of a table that are named by `titles`: shares in per cent, money in units."""
    shares = [name for name in titles if name.endswith("_share") or name == "liquidation"]
    shown = in_units(rows.select(list(titles)), money, scope.currency).with_columns(
        pl.col(shares).cast(pl.Float64) / 10_000
    )
    config: dict[str, object] = {}
    for name, title in titles.items():
        if name in shares:
            config[name] = share_column(title)
        elif name in money:
            config[name] = money_column(title, scope.currency)
        else:
            config[name] = count_column(title) if shown.schema[name].is_integer() else title
    show_rows(shown, column_config=config)


def _promises(scope: Scope, work: Performance) -> None:
    money = ("amount_fallen", "amount_paid")
    heading(
        scope, "Promises due, by month", None, Shown("promises_by_month", work.promises, [], money)
    )
    if work.promises.is_empty():
        st.info("No promised payment was due in the period.")
        return
    _table(scope, work.promises.with_columns(month=pl.col("month").dt.strftime("%b %Y")), {
        "month": "Month", "promised": "Promised", "fallen": "Fell due", "kept": "Kept", "partly_kept": "Partly", "broken": "Broken",
        "replaced": "Replaced", "kept_share": "Kept of due", "amount_fallen": "Due", "amount_paid": "Came in time", "paid_share": "Of amount",
    }, money)  # fmt: skip
    st.caption(
        "Kept of those that fell due, by due date and grace; what a later promise replaced is in neither."
    )


def _contacts(scope: Scope, work: Performance) -> None:
    heading(scope, "Contacts by channel", None, Shown("contacts_by_channel", work.channels, []))
    if work.channels.is_empty():
        st.info("The lender began no contact in the period.")
        return
    _table(scope, work.channels, {"channel": "Channel", "attempts": "Attempts", "right_party": "Right party", "right_party_share": "Of attempts"}, ())  # fmt: skip
    st.caption(
        f"Contacts that the lender began, {day(work.first)} to {day(work.last)}; reminders among them."
    )


def _reminders(scope: Scope, work: Performance) -> None:
    heading(scope, "Reminders by step", None, Shown("reminders_by_step", work.reminders, []))
    if work.reminders.is_empty():
        st.info("No reminder was due in the period.")
        return
    _table(scope, work.reminders.with_columns(*in_words("most_often")), {
        "step": "Step", "reminders": "Due", "sent": "Sent", "suppressed": "Suppressed", "other": "Failed or unsure",
        "most_often": "Suppressed most often by",
    }, ())  # fmt: skip
    st.caption("What became of each, and why: loanbook reminders list --why.")


def _agents(scope: Scope, work: Performance) -> None:
    money = ("amount_fallen", "amount_paid")
    heading(scope, "Agents", None, Shown("agents", work.agents, [], money))
    if work.agents.is_empty():
        st.info("No agent stands in the contact log or behind a promise of the period.")
        return
    _table(scope, work.agents, {
        "agent": "Agent", "rank": "Rank", "attempts": "Attempts", "right_party": "Right party", "right_party_share": "Of attempts",
        "promises": "Promises", "promise_share": "Of right party", "fallen": "Payments due", "kept": "Kept", "kept_share": "Kept of due",
        "amount_fallen": "Due", "amount_paid": "Came in time", "paid_share": "Of amount",
    }, money)  # fmt: skip
    st.caption(
        f"Ranked by what came in time of promised amounts; who made fewer than {LEAST_CONTACTS} contacts has no rank."
    )


def _strategies(scope: Scope, work: Performance) -> None:
    rows = work.strategies
    money = ("amount_due", "collected")
    title = "Strategies of the queue against each other"
    if rows is None or rows.is_empty():
        st.subheader(title, anchor=False)
        st.info(
            "The queue of the day before the period held no loan, or nothing was published then."
        )
        return
    heading(scope, title, None, Shown("strategies", rows, [], money))
    _table(scope, rows, {
        "strategy": "Strategy", "loans": "Loans", "amount_due": "Due", "collected": "Collected", "liquidation": "Of due",
        "attempts": "Attempts", "right_party": "Right party", "right_party_share": "Of attempts", "promised": "Promises",
        "promise_share": "Of right party", "fallen": "Fell due", "kept": "Kept", "kept_share": "Kept of due",
    }, money)  # fmt: skip
    st.caption(
        "On the loans that each had when the period began, whatever became of them; counts beside shares, no rank."
    )


PAGE = Page("collections-performance", "Collections performance", ":material/monitoring:", "Money", draw)  # fmt: skip
