"""Charges by order: a fee or penalty joins an instalment, and what is unpaid of one is waived."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import CHARGES, INCOME, is_, is_charge
from loanbook.core.catalogue.kinds import Kind
from loanbook.core.contract.dates.business_days import adjusted
from loanbook.core.contract.dates.due_dates import DUE_TERMS
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.loan import balances
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY, OWN_DATE, merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.loan.taxes import ask_tax
from loanbook.core.servicing.schedule.coming_dues import (
    not_before_running,
    open_dues,
    with_place_of_charge,
)


def charge(day: DayState, events: pl.DataFrame) -> None:
    """A fee or penalty joins the instalment within whose period it falls due, or is due by itself."""
    assess(day, _orders(events))


def assess(day: DayState, orders: pl.DataFrame) -> None:
    """Charge `amount` of a `component`, due within the period that holds `due_date`.

    `orders`: `loan_id`, `event_id` (0: by rule), `amount`, `component`, `due_date` (Date).
    """
    placed = _placed(day, orders)
    open_dues(day, placed, pl.col("component").cast(pl.Int8), "amount")
    add_charges(day, placed)
    ask_tax(day, _bases(placed, pl.col("amount")))


def add_charges(day: DayState, charged: pl.DataFrame) -> None:
    """Fees and penalties (`loan_id`, `event_id`, `component`, `amount`) in positions and books."""
    _grow(day, charged.select("loan_id", "component", moved="amount"))
    _book(day, charged, "amount")


def waive(day: DayState, events: pl.DataFrame) -> None:
    """Forgive what is unpaid of a charge, up to its amount; the due counts as met."""
    unpaid = day.dues.select(*DUE_KEY, left=pl.col("amount") - pl.col("paid"))
    placed = _as_billed(_placed(day, _orders(events)), day).with_columns(
        instalment_no=pl.col("number"), component=pl.col("component").cast(pl.Int8)
    )
    waived = placed.join(unpaid, on=DUE_KEY, how="left").with_columns(
        waived=pl.min_horizontal("amount", pl.col("left").fill_null(0)).clip(lower_bound=0)
    )
    waived = waived.filter(pl.col("waived") > 0)
    met = waived.select(
        *DUE_KEY,
        due_date="falls",
        amount=pl.lit(0, dtype=pl.Int64),
        paid="waived",
        fee_assessed=pl.lit(False),
        business_date=BUSINESS_DATE,
    )
    day.dues = merge_dues(day.dues, met.join(day.dues, on=DUE_KEY, how="semi"))
    _grow(day, waived.select("loan_id", "component", moved=-pl.col("waived")))
    forgiven = waived.with_columns(forgiven=-pl.col("waived"))
    _book(day, forgiven, "forgiven", waived=True)
    ask_tax(day, _bases(forgiven, pl.col("forgiven")))


def _orders(events: pl.DataFrame) -> pl.DataFrame:
    """Charges, or their waivers: `loan_id`, `event_id`, `amount`, `component`, `due_date` (Date)."""
    orders = with_payload(events, Kind.charge_assessed)
    return orders.select("loan_id", "event_id", "amount", "component", "due_date")


def _bases(placed: pl.DataFrame, base: pl.Expr) -> pl.DataFrame:
    """Charges as what a tax is on."""
    number, component = pl.col("number").cast(pl.Int16), pl.col("component").cast(pl.Int8)
    return placed.select(
        "loan_id", instalment_no=number, component=component, due_date="falls", base=base
    )


def _placed(day: DayState, orders: pl.DataFrame) -> pl.DataFrame:
    """Charges with `number` and `falls` of the instalment that they belong to, or of their own."""
    asked = orders.with_columns(on="due_date")
    charged = day.loans.join(asked, on="loan_id", maintain_order="left")
    placed = with_place_of_charge(charged, day.policies.calendars)
    anew = not_before_running(placed).select(running="number", runs_to="falls")
    comes = pl.col("on") > pl.min_horizontal("period_start", BUSINESS_DATE)
    return (
        pl.concat([placed, anew], how="horizontal")
        .with_columns(
            number=pl.when(comes).then("running").otherwise("number"),
            falls=pl.when(comes).then("runs_to").otherwise("falls"),
        )
        .drop("running", "runs_to")
    )


def _as_billed(placed: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """`placed` charges of which nothing stands with the instalment that the terms of today have: of a change of the
    contract since, the instalment that was billed with them, on its date of then."""
    part = pl.col("component").cast(pl.Int8)
    rows = day.dues.filter(is_charge() & (pl.col("due_date") <= BUSINESS_DATE))
    rows = rows.filter(pl.col("instalment_no").is_between(1, OWN_DATE - 1)).select(
        "loan_id", "component", stood="instalment_no", fell="due_date"
    )
    terms = day.loans.select("loan_id", *DUE_TERMS, "disbursed_on", "business_day", "calendar")
    dated = rows.join(placed.select("loan_id").unique(), on="loan_id", how="semi").join(
        terms, on="loan_id", maintain_order="left"
    )
    if dated.is_empty():
        return placed
    counted = dated.with_columns(_counted=due_of(pl.col("stood"), dated))
    now = adjusted(pl.col("_counted"), counted, day.policies.calendars)
    before = counted.filter(pl.col("fell") != now).select(rows.columns)
    stands = day.dues.select("loan_id", "component", number="instalment_no")
    lost = placed.with_columns(component=part).join(
        stands, on=["loan_id", "component", "number"], how="anti"
    )
    found = (
        lost.select("loan_id", "event_id", "component", "on")
        .join(before, on=["loan_id", "component"])
        .filter(pl.col("fell") >= pl.col("on"))
        .sort("fell")
        .group_by("event_id")
        .agg(pl.col("stood", "fell").first())
    )
    joined = placed.join(found, on="event_id", how="left", maintain_order="left")
    return joined.with_columns(
        number=pl.coalesce("stood", "number"), falls=pl.coalesce("fell", "falls")
    ).drop("stood", "fell")


def _book(day: DayState, orders: pl.DataFrame, amount: str, waived: bool = False) -> None:
    """Charges, or what is `waived` of them; of a claim that is off the books in memorandum."""
    rows = orders.select("loan_id", "event_id", "component", amount)
    for each in CHARGES:
        against = "charge_waived" if waived and each in INCOME else each.charged_to
        day.book_earned(rows.filter(is_(each)), each.row.receivable, against, amount)


def _grow(day: DayState, moved: pl.DataFrame) -> None:
    """Positions with `moved` more of each charge due."""
    sums = moved.group_by("loan_id").agg(
        pl.col("moved").filter(is_(each)).sum().alias(each.part) for each in CHARGES
    )
    loans = day.loans.join(sums, on="loan_id", how="left", maintain_order="left")
    for each in CHARGES:
        loans = loans.with_columns(**balances.grow_due(each, pl.col(each.part).fill_null(0)))
    day.loans = loans.drop(each.part for each in CHARGES)
