"""Promises to pay, judged by the money that came: what is said of them hangs on money and dates alone, so nothing is stored.

A promise is made of promised payments; those of a loan with the same moment are one plan. A later plan takes the place of
what of the earlier one is not due yet. What is due already is judged then, by what had come until the day before: money of
one day keeps one plan, the last that was made by then. Within a plan money meets what is due first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.policy.lending.promise_rules import PromiseRules

PROMISES = pl.Schema({
    "reference": pl.String(), "loan_id": pl.Int64(), "promised_at": pl.Datetime("us"), "promised_on": pl.Date(),
    "due_date": pl.Date(), "amount": pl.Int64(), "agent": pl.String(),
})  # fmt: skip
"""A promised payment: `amount` in minor units, `promised_at` in UTC, `promised_on` its date where it was made."""
MONEY = pl.Schema({"loan_id": pl.Int64(), "value_date": pl.Date(), "amount": pl.Int64()})
"""What borrowers paid, net of what banks and card networks took back, minor units."""
VERDICTS = {
    "open": "not decided yet: its last day of grace is to come",
    "kept": "what was promised came in time",
    "partly_kept": "a part of it came in time",
    "broken": "less than that came in time",
    "replaced": "a later promise took its place before it was due",
}
"""What becomes of a promised payment."""
FALLEN = ("kept", "partly_kept", "broken")
"""Of a promised payment that fell due: what rates are counted of."""
JUDGED = pl.Schema({
    **PROMISES, "plan": pl.Int64(), "last_day": pl.Date(), "paid": pl.Int64(), "verdict": pl.String(),
})  # fmt: skip
"""Promised payments with `plan` (1 for the loan's first), `last_day` on which money keeps it (null where it was replaced on the day
on which it was made), `paid` of it."""


def judged(
    promises: pl.DataFrame, money: pl.DataFrame, rules: Iterable[PromiseRules], on: dt.date
) -> pl.DataFrame:
    """Promised payments made by a date, each with its verdict at the date's end: schema `JUDGED`, sorted by loan, plan, due date.

    Rules are those in force on the day of the promise (before the first of them, the first). A plan's money is what has a
    value date from the day of the promise to the last day of each payment; it meets payments in the order of their due dates:
    of the first i payments with amounts A and money M by the last day of each, U(i) = min(U(i-1) + A(i), M(i)) is met.
    """
    made = promises.select(PROMISES.names()).cast(PROMISES).filter(pl.col("promised_on") <= on)
    parts = _with_rules(made, rules).with_columns(
        plan=pl.col("promised_at").rank("dense").over("loan_id").cast(pl.Int64)
    )
    plans = parts.group_by("loan_id", "plan").agg(first_on=pl.col("promised_on").min())
    later = plans.select("loan_id", plan=pl.col("plan") - 1, next_on="first_on")
    parts = parts.join(plans, on=["loan_id", "plan"]).join(
        later, on=["loan_id", "plan"], how="left"
    )
    last_day = pl.col("due_date") + pl.duration(days="grace_days")
    parts = parts.with_columns(
        last_day=pl.min_horizontal(last_day, pl.col("next_on") - pl.duration(days=1)),
        replaced=(pl.col("due_date") >= pl.col("next_on")).fill_null(False),
    ).sort("loan_id", "plan", "due_date", "reference")
    by_now = pl.min_horizontal("last_day", pl.lit(on))
    came = _until(money, parts.select("loan_id", day=by_now)) - _until(
        money, parts.select("loan_id", day=pl.col("first_on") - pl.duration(days=1))
    )
    of_plan = ["loan_id", "plan"]
    asked = pl.col("amount").cum_sum().over(of_plan)
    short = (pl.col("came") - asked).cum_min().over(of_plan)
    met = asked + pl.min_horizontal(short, pl.lit(0))
    told = parts.with_columns(came=came).with_columns(met=met)
    told = told.with_columns(
        paid=(pl.col("met") - pl.col("met").shift(1, fill_value=0).over(of_plan)).clip(0)
    )
    kept_until = pl.when(pl.col("last_day") >= pl.col("promised_on")).then("last_day")
    judged_ = told.with_columns(verdict=_verdict(on), last_day=kept_until)
    return judged_.select(JUDGED.names()).cast(JUDGED)


def _verdict(on: dt.date) -> pl.Expr:
    share = pl.col("paid") * 100
    return (
        pl.when(share >= pl.col("kept_percent") * pl.col("amount"))
        .then(pl.lit("kept"))
        .when("replaced")
        .then(pl.lit("replaced"))
        .when(pl.col("last_day") > on)
        .then(pl.lit("open"))
        .when(share >= pl.col("partly_percent") * pl.col("amount"))
        .then(pl.lit("partly_kept"))
        .otherwise(pl.lit("broken"))
    )


def _with_rules(made: pl.DataFrame, rules: Iterable[PromiseRules]) -> pl.DataFrame:
    fields = ("grace_days", "kept_percent", "partly_percent")
    told = sorted(rules, key=lambda each: (each.effective_from, each.version))
    assert told, "promises are judged by rules"
    versions = pl.DataFrame(
        [(each.effective_from, *(getattr(each, name) for name in fields)) for each in told],
        schema={"effective_from": pl.Date, **dict.fromkeys(fields, pl.Int64)}, orient="row",
    ).unique("effective_from", keep="last", maintain_order=True)  # fmt: skip
    joined = made.sort("promised_on").join_asof(
        versions, left_on="promised_on", right_on="effective_from"
    )
    return joined.with_columns(pl.col(name).fill_null(versions[name][0]) for name in fields)


def _until(money: pl.DataFrame, asked: pl.DataFrame) -> pl.Series:
    """Money of each loan up to the end of a `day`, in the order of `asked`."""
    by_day = (
        money.group_by("loan_id", "value_date")
        .agg(pl.col("amount").sum())
        .sort("loan_id", "value_date")
        .with_columns(sum=pl.col("amount").cum_sum().over("loan_id"))
        .sort("value_date")
    )
    rows = asked.with_row_index("place").sort("day")
    found = rows.join_asof(
        by_day, left_on="day", right_on="value_date", by="loan_id", check_sortedness=False
    )
    return found.sort("place")["sum"].fill_null(0)


def money_of(events: pl.DataFrame) -> pl.DataFrame:
    """What borrowers paid (schema `MONEY`) of events with `idempotency_key` and `payload`: payments that stand, less what
    chargebacks took of them: of the payment that one names, else on its own day. What the lender gives is no money here."""
    stand = effective_events(events)
    paid = stand.filter(pl.col("kind") == Kind.payment_received)
    back = stand.filter(pl.col("kind") == Kind.chargeback).with_columns(
        of=pl.col("payload").str.json_path_match("$.of")
    )
    named = back.join(
        paid.select("idempotency_key", paid_on="value_date"), left_on="of", right_on="idempotency_key", how="left",
        maintain_order="left",
    ).with_columns(value_date=pl.coalesce("paid_on", "value_date"), amount=-pl.col("amount"))  # fmt: skip
    return pl.concat([paid.select(MONEY.names()), named.select(MONEY.names())]).cast(MONEY)


def rates(verdicts: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Promised payments counted, by columns: `promised`, `fallen` (due and judged), each verdict, `amount_fallen` and
    `amount_paid` of these (minor units), and `kept_share` and `paid_share` of them in parts per million (null: none fell due).

    Kept by count: kept / fallen due; by amount: what came in time / what fell due (Oracle's collections indicators). What a
    later promise replaced is in neither, and shown, for promises that are put off over and over are a sign.
    """
    fell = pl.col("verdict").is_in(FALLEN)
    table = (
        verdicts.group_by(by) if by else verdicts.with_columns(pl.lit(0).alias("_")).group_by("_")
    )
    paid = pl.min_horizontal("paid", "amount").filter(fell).sum()
    counted = table.agg(
        pl.len().alias("promised"),
        fell.sum().alias("fallen"),
        *((pl.col("verdict") == name).sum().alias(name) for name in VERDICTS),
        amount_fallen=pl.col("amount").filter(fell).sum(),
        amount_paid=paid,
    )
    told = counted.with_columns(
        kept_share=share_ppm("kept", "fallen"), paid_share=share_ppm("amount_paid", "amount_fallen")
    )
    return told.sort(by) if by else told.drop("_")


def share_ppm(part: str, whole: str) -> pl.Expr:
    """A column's share of another in parts per million, rounded down; null where that is nothing."""
    share = pl.col(part).cast(pl.Int128) * 1_000_000 // pl.col(whole)
    return pl.when(pl.col(whole) > 0).then(share).cast(pl.Int64)
