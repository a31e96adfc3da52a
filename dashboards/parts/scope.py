"""The scope of a page: one currency, and any part of the book by filters that the URL holds."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import polars as pl
import streamlit as st

from loanbook.core.contract.money import CURRENCY_CODES, EXPONENT
from loanbook.core.errors import LedgerError
from loanbook.core.policy.models import Buckets
from loanbook.core.store.segments.dimensions import CHOSEN, Dimension, Segment
from loanbook.core.store.segments.question import Question
from loanbook.core.store.segments.questions import months_to
from loanbook.dashboards import data
from loanbook.dashboards.formats import short_money
from loanbook.dashboards.parts.head import Clocks, head

Tellable = Literal["all", "daily", "currency", "nothing"]
"""What of the book a page can be narrowed to: by any filter, by product and entity, by currency alone, not at all."""


@dataclass(frozen=True)
class Scope:
    """What of the book a page looks at."""

    clocks: Clocks
    currency: str
    segment: Segment
    row: Any = field(compare=False, default=None)
    """The row of controls below the head, for the page's own."""

    @property
    def token(self) -> str:
        """Names this state of the page."""
        filters = ";".join(f"{k}={'/'.join(v)}" for k, v in self.segment.filters.items())
        return f"{self.clocks.as_of}|{self.clocks.known_at}|{self.currency}|{filters}"

    @property
    def unit(self) -> int:
        """Minor units in a unit of the currency."""
        return self.segment.unit

    @cached_property
    def ends(self) -> list[dt.date]:
        """The last 24 month ends that the book has lived."""
        return months_to(self.segment, data.ledger().published_range()[0])

    def money(self, minor: float | int | None) -> str:
        """An amount of the currency, short."""
        return short_money(None if minor is None else int(minor), self.currency)

    def ask(self, question: Question) -> pl.DataFrame:
        """Rows of a question, as known."""
        return data.ask(question, self.clocks.known_at)

    def buckets(self, name: str) -> Buckets:
        """A bucket file in force on the date."""
        return data.policies().buckets(name, self.clocks.as_of)


def page_scope(title: str, tellable: Tellable = "all") -> Scope | None:
    """Head and scope of a page; None where there is nothing to show, which is said."""
    clocks = head(title, data.ledger())
    if clocks is None:
        return None
    try:
        data.must_have_marts(clocks.known_at)
    except LedgerError as error:
        st.info(str(error))
        return None
    held = currencies(clocks)
    if not held:
        st.info("No loan is boarded on this date.")
        return None
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        currency = held[0]
        if tellable != "nothing" and (len(held) > 1 or st.query_params.get("currency")):
            currency = (
                st.selectbox(
                    "Currency",
                    held,
                    key="currency",
                    bind="query-params",
                    width=120,
                    help="Amounts of different currencies have no sum: a page shows one at a time.",
                )  # fmt: skip
                or held[0]
            )
        known = data.known_dimensions(clocks.known_at)
        can = {"all": known, "daily": {name: known[name] for name in ("product", "entity")}}
        filters = _filters(clocks, currency, can[tellable]) if tellable in can else {}
    if filters:
        with st.container(horizontal=True):
            for name, labels in filters.items():
                st.badge(f"{known[name].title}: {', '.join(map(str.strip, labels))}", color="gray")
    unit = 10 ** EXPONENT[currency]
    at = data.ledger().clocks(clocks.as_of, clocks.known_at)
    return Scope(clocks, currency, Segment(at, CURRENCY_CODES[currency], unit, filters, known), row)


def currencies(clocks: Clocks) -> list[str]:
    """Currencies of loans that were boarded by the date, that of the most loans first."""
    rows = data.plain(
        "SELECT c.name FROM loan_keys k JOIN currency_names c ON c.code = k.currency "
        "WHERE coalesce(k.boards_on, $on) <= $on GROUP BY c.name ORDER BY count(*) DESC, c.name",
        clocks.known_at, on=clocks.as_of,
    )  # fmt: skip
    return rows["name"].to_list()


def _filters(clocks: Clocks, currency: str, known: dict[str, Dimension]) -> dict[str, list[str]]:
    """Labels that are wanted, by dimension."""
    titles = {dimension.title: name for name, dimension in known.items()}
    chosen = [title for title in st.query_params.get_all("where") if title in titles]
    with st.popover(
        f"Filters · {len(chosen)}" if chosen else "Filters", icon=":material/filter_list:"
    ):
        names = st.multiselect("Filter by", list(titles), key="where", bind="query-params")
        filters = {}
        for name in (titles[title] for title in names):
            labels = st.multiselect(
                known[name].title, labels_of(clocks, currency, known[name]), key=f"in {name}",
                bind="query-params", format_func=str.strip,
            )  # fmt: skip
            if labels:
                filters[name] = list(labels)
    return filters


def labels_of(clocks: Clocks, currency: str, dimension: Dimension) -> list[str]:
    """Labels that loans have in a dimension."""
    sql = (
        f"SELECT DISTINCT {dimension.label} AS label FROM ({CHOSEN}) o {dimension.joins} "
        "WHERE label IS NOT NULL ORDER BY label LIMIT 500"
    )
    bound = {"on": clocks.as_of, "known_at": clocks.known_at, "currency": CURRENCY_CODES[currency],
             "unit": 10 ** EXPONENT[currency]}  # fmt: skip
    return data.ask(Question(sql, bound), clocks.known_at)["label"].to_list()


def bucket_file() -> str:
    """A choice of the bucket file."""
    chosen = st.selectbox(
        "Buckets", data.named_policies("buckets"), key="buckets_file", bind="query-params", width=200,
        help="Any date under any bucket file, from the stored days past due.",
    )  # fmt: skip
    return str(chosen or "default")


def dimension_choice(scope: Scope, title: str, key: str, *, nothing: str = "") -> str | None:
    """A choice of a dimension by its title, which the address holds; `nothing`: a title for none of them."""
    titles = {dimension.title: name for name, dimension in scope.segment.known.items()}
    options = [nothing, *titles] if nothing else list(titles)
    chosen = st.selectbox(title, options, key=key, bind="query-params", width=220)
    return titles.get(chosen or "")
