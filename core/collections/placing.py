"""Loans placed with agencies: who holds which loan since when, and what commission is due on what came."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.money import Rounding, int128, rate_to_ppb, rounded_quotient
from loanbook.core.policy.lending.collection_agencies import CollectionAgency

STEPS = pl.Schema({
    "reference": pl.String(), "loan_id": pl.Int64(), "loan_key": pl.String(), "stated_at": pl.Datetime("us"),
    "stated_on": pl.Date(), "step": pl.String(), "agency": pl.String(),
})  # fmt: skip
"""What happened between lender and whoever held the loan: `stated_at` in UTC, `stated_on` its date where it was said."""
SPANS = pl.Schema({
    "loan_id": pl.Int64(), "loan_key": pl.String(), "agency": pl.String(), "placed_on": pl.Date(), "ended_on": pl.Date(),
    "ended_by": pl.String(),
})  # fmt: skip
"""A placement: from `placed_on` until `ended_on`, both counted (null: it stands); `ended_by` recalled, returned or placed, with
another agency."""


def spans(steps: pl.DataFrame, on: dt.date) -> pl.DataFrame:
    """Placements by a date (schema `SPANS`), of each loan in their order.

    Whoever a loan is placed with next holds it from then on, recalled or not. A recall of what stands with nobody changes nothing.
    """
    known = steps.select(STEPS.names()).cast(STEPS).filter(pl.col("stated_on") <= on).sort("loan_id", "stated_at", "reference")  # fmt: skip
    following = {name: pl.col(name).shift(-1).over("loan_id") for name in ("step", "stated_on")}
    rows = known.with_columns(ended_by=following["step"], until=following["stated_on"])
    placed = rows.filter(pl.col("step") == "placed").with_columns(
        placed_on="stated_on",
        ended_on=pl.when(pl.col("ended_by") == "placed").then(pl.col("until") - pl.duration(days=1)).otherwise("until"),
    )  # fmt: skip
    return placed.select(SPANS.names()).cast(SPANS)


def held(steps: pl.DataFrame, on: dt.date) -> pl.DataFrame:
    """Loans that stand with an agency at the end of a date: schema `SPANS`."""
    return spans(steps, on).filter(pl.col("ended_on").is_null())


def remitted(events: pl.DataFrame, source: str) -> pl.DataFrame:
    """Events (columns of `loanbook.core.store.known.promises.MONEY`) without payments that came otherwise than by a source's files, and
    without chargebacks that are not in these files and take nothing of what came by them."""
    kind, ours = pl.col("kind"), pl.col("source_system") == source
    paid = events.filter((kind == Kind.payment_received.value) & ours)["idempotency_key"]
    of = pl.col("payload").str.json_path_match("$.of")
    theirs = (kind == Kind.chargeback.value) & of.is_in(paid.implode()).fill_null(False)
    money = kind.is_in([Kind.payment_received.value, Kind.chargeback.value])
    return events.filter(~money | ours | theirs)


def commissions(
    placed: pl.DataFrame, money: pl.DataFrame, agency: CollectionAgency, period: tuple[dt.date, dt.date]
) -> pl.DataFrame:  # fmt: skip
    """A row a loan of which something came in a period, both days counted: `loan_id`, `loan_key`, `placed_on`, `days_past_due` then,
    `came`, `percent`, `commission` (minor units; rounded half-even once a loan and placement).

    `placed`: schema `SPANS` of the agency, with `days_past_due` on the day of the placement. `money`: `loan_id`, `value_date`,
    `amount` (net of what went back). It counts from the day of the placement to `tail_days` after its end; what two placements
    could claim is of the later one.
    """
    spans_ = placed.with_columns(last=pl.coalesce(
        pl.col("ended_on") + pl.duration(days=agency.tail_days), pl.lit(period[1])
    ))  # fmt: skip
    ours = money.filter(pl.col("value_date").is_between(*period)).with_row_index("_of")
    pairs = ours.join(spans_, on="loan_id").filter(
        pl.col("value_date").is_between(pl.col("placed_on"), pl.col("last"))
    )
    newest = pairs.sort("placed_on").unique("_of", keep="last", maintain_order=True)
    came = newest.group_by("loan_id", "loan_key", "placed_on", "days_past_due").agg(came=pl.col("amount").sum())  # fmt: skip
    percent, ppb = pl.lit(None, pl.String), pl.lit(0, pl.Int64)
    for band in agency.commission:
        late = pl.col("days_past_due").fill_null(0) >= band.from_days
        percent = pl.when(late).then(pl.lit(band.percent)).otherwise(percent)
        ppb = pl.when(late).then(pl.lit(rate_to_ppb(band.percent), pl.Int64)).otherwise(ppb)
    exact = int128(pl.col("came").clip(0)) * int128(ppb)
    due = rounded_quotient(exact, int128(10**9), Rounding.half_even)
    told = came.with_columns(percent=percent, commission=due.cast(pl.Int64))
    return told.sort("placed_on", "loan_key")
