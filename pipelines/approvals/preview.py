"""What an order would do, by the engine itself: balances, schedule and postings, before and after."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.accounts import ROLES
from loanbook.core.contract.money import CURRENCY_NAMES
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.explain.instalments import instalments
from loanbook.core.servicing.replay.fast_forward import History
from loanbook.core.servicing.replay.replay import relived
from loanbook.core.servicing.replay.what_if import MEASURES
from loanbook.pipelines.approvals.judged import Judged

_POSTED = ["value_date", "debit", "credit"]


@dataclass(frozen=True)
class Preview:
    """One loan with an order and without, at the end of a date; Int64 minor units."""

    on: dt.date
    currency: str
    balances: pl.DataFrame
    """`figure`, `before`, `after`: those of `MEASURES` that differ, and what is owed."""
    schedule: pl.DataFrame
    """`due_date`, `before`, `after`: dates on which instalments that are not paid ask another amount."""
    postings: pl.DataFrame
    """`value_date`, `debit`, `credit` (account roles), `amount`: what would be booked more (below zero: less)."""


def preview(judged: Judged, policies: PolicyBook) -> Preview:
    """What an order would do to its loan by the day it takes effect, or the first open one if that is later."""
    last = judged.added["value_date"].max()
    assert isinstance(last, dt.date)
    on = max(last, judged.date + dt.timedelta(days=1))
    was = _lived(judged.known, policies, on)
    would = _lived(pl.concat([judged.known, judged.added]), policies, on)
    currency = CURRENCY_NAMES[int(was.rounds[0].wide["currency"][0])]
    return Preview(
        on,
        currency,
        _balances(was, would),
        _schedule(was, would, policies, on),
        _postings(was, would),
    )


def _lived(events: pl.DataFrame, policies: PolicyBook, on: dt.date) -> History:
    lived = relived(events, policies, on)
    if lived is None or not lived.rounds:
        raise LoanbookError(f"the loan has not been boarded by {on}")
    return lived


def _balances(was: History, would: History) -> pl.DataFrame:
    told = [lived.stay.last().select(**MEASURES) for lived in (was, would)]
    rows = [
        (name, *(int(frame[name][0]) if frame.height else 0 for frame in told)) for name in MEASURES
    ]
    schema = {"figure": pl.String, "before": pl.Int64, "after": pl.Int64}
    both = pl.DataFrame(rows, schema=schema, orient="row")
    return both.filter((pl.col("before") != pl.col("after")) | (pl.col("figure") == "principal"))


def _schedule(was: History, would: History, policies: PolicyBook, on: dt.date) -> pl.DataFrame:
    open_ = pl.col("status").is_in(["due", "past due", "to come"])
    left, right = (
        instalments(lived, policies, on).filter(open_).group_by("due_date").agg(
            (pl.col("amount") - pl.col("paid")).sum().alias(name))
        for name, lived in (("before", was), ("after", would))
    )  # fmt: skip
    both = left.join(right, on="due_date", how="full", coalesce=True).fill_null(0).sort("due_date")
    return both.filter(pl.col("before") != pl.col("after"))


def _postings(was: History, would: History) -> pl.DataFrame:
    signed = pl.concat(
        [
            lived.all("transfers").select(*_POSTED, amount=pl.col("amount") * sign)
            for sign, lived in ((-1, was), (1, would))
        ]
    )
    sums = signed.group_by(_POSTED).agg(pl.col("amount").sum()).filter(pl.col("amount") != 0)
    roles = dict(enumerate(ROLES))
    names = [
        pl.col(side).replace_strict(roles, return_dtype=pl.String) for side in ("debit", "credit")
    ]
    return sums.sort(_POSTED).with_columns(names)
