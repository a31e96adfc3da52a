"""A loan's first position: terms agreed, cursor before instalment 1, nothing paid out yet."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import RUNNING_TAKES_ALL, AfterChargeOff, Excess, InterestMode
from loanbook.core.contract.dates.business_days import Calendar, adjusted
from loanbook.core.contract.dates.due_dates import changes_of, counted_anew, days_to_pay
from loanbook.core.contract.figures import Figures
from loanbook.core.contract.first_period import Stub, StubInterest
from loanbook.core.contract.schedule.agreement import agree
from loanbook.core.contract.schedule.cursor import CURSOR, instalment, open_schedule
from loanbook.core.frames import empty, engine_for, zeros
from loanbook.core.servicing.loan.book import with_agreed
from loanbook.core.servicing.loan.positions import STATE, Positions


def agreed_terms(terms: pl.DataFrame, pins: pl.DataFrame) -> pl.DataFrame:
    """`terms` (schema `Terms`) with pinned product parameters and the schedule's constants."""
    joined = pinned(terms, pins.drop("entity", "currency"))
    if joined.is_empty():
        return with_agreed(joined)
    if joined["interest_only"].count():
        own = pl.coalesce("interest_only", "grace_principal").cast(pl.Int8)
        joined = joined.with_columns(grace_principal=own)
    if joined["schedule_fixed_on"].count():
        joined = freeze(joined, pl.col("schedule_fixed_on").is_not_null())
    agreed = agree(joined)
    return agreed if agreed["loan_id"].is_sorted() else agreed.sort("loan_id")


def pinned(terms: pl.DataFrame, pins: pl.DataFrame) -> pl.DataFrame:
    """`terms` with the parameters of their products; one that all of these have alike is one value for the whole
    column, which costs nothing to carry."""
    products = terms.select(pl.col("product").unique()).join(pins, on="product", how="left")
    alike = {
        name: pl.lit(products[name][0], dtype=products.schema[name])
        for name in pins.columns
        if name != "product" and products.height and products[name].n_unique() == 1
    }
    others = pins.drop(alike)
    if others.width > 1:
        joined = terms.join(others, on="product", how="left", maintain_order="left")
    else:
        joined = terms
    named = (*terms.columns, *(name for name in pins.columns if name != "product"))
    return joined.with_columns(**alike).select(named)


FROZEN = (
    "materialised", "interest_mode", "rebate", "excess", "due_at_payment", "after_charge_off",
)  # fmt: skip
"""Pinned parameters that a schedule whose interest is fixed has of its own."""


def freeze(terms: pl.DataFrame, where: pl.Expr) -> pl.DataFrame:
    """`terms` with the pinned parameters of a schedule that stands whole, its interest fixed."""
    stops = pl.col("after_charge_off") == AfterChargeOff.zero_interest.value
    reduces = pl.col("excess").is_in(
        [Excess.next_then_principal.value, Excess.recast.value, *RUNNING_TAKES_ALL]
    )
    curtails = pl.col("excess") == Excess.curtailment.value
    placed = (
        pl.when(reduces)
        .then(Excess.next_instalment.value)
        .when(curtails)
        .then(Excess.last_instalment.value)
        .otherwise("excess")
    )
    pinned = {
        "materialised": pl.lit(True),
        "interest_mode": pl.lit(InterestMode.scheduled.value, dtype=pl.Int8),
        "rebate": pl.lit(0, dtype=pl.Int8),
        "excess": placed,
        # what an instalment asks is as it stands, whenever money comes
        "due_at_payment": pl.lit(False),
        # interest that is fixed no charge-off stops; a contract that ends with it still does
        "after_charge_off": pl.when(stops)
        .then(AfterChargeOff.regular.value)
        .otherwise("after_charge_off"),
    }
    return terms.with_columns(
        pl.when(where).then(pinned[name]).otherwise(name).cast(terms.schema[name]).alias(name)
        for name in FROZEN
    )


def move_period(cursor: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.DataFrame:
    """Set `next_due_date`, and the period's end with it where accrual follows the due date."""
    moved = cursor.with_columns(next_due_date=adjusted(pl.col("period_end"), cursor, calendars))
    if moved["revolving"].any():  # a statement is due some days after its cycle
        moved = moved.with_columns(next_due_date=pl.col("next_due_date") + days_to_pay())
    follows = pl.when(pl.col("adjust_accrual")).then(pl.col("next_due_date"))
    return moved.with_columns(period_end=follows.otherwise(pl.col("period_end")))


def with_period_interest(cursor: pl.DataFrame) -> pl.DataFrame:
    """Set `period_interest`, that of the running period alone; 0 past maturity."""
    within = pl.col("instalment_no") <= pl.col("instalments")
    figures = Figures(cursor)
    rated = figures.with_rate(cursor.lazy())
    charged = figures.with_period_interest(rated, "period_interest")
    whole = pl.when(within).then("period_interest").otherwise(0)
    return charged.with_columns(period_interest=whole).collect(engine=engine_for(cursor))


def with_level_instalment(loans: pl.DataFrame, rest: pl.DataFrame) -> pl.DataFrame:
    """`loans` with the level instalment that pays off what is left of some.

    `rest`: those of them, their cursor before the first instalment that is left, with what they
    are to pay off as `principal_agreed`. One level for all instalments: no change of it is left.
    """
    if rest.is_empty():
        return loans
    n = pl.col("instalment_no").cast(pl.Int32)
    remaining = rest.with_columns(
        first_due_date="period_end",
        disbursed_on="period_start",
        instalments=(pl.col("instalments") - pl.col("instalment_no") + 1).cast(pl.Int16),
        grace_principal=(pl.col("grace_principal") - n + 1).clip(lower_bound=0).cast(pl.Int8),
        grace_charged=(pl.col("grace_charged") - n + 1).clip(lower_bound=0).cast(pl.Int8),
        weighs_from=(n - 1).cast(pl.Int16),
        stub=_stub_of_a_later(n),
        **counted_anew(n, changes_of(rest)),
        **within_level(n > 1),
        emi=pl.lit(None, dtype=pl.Int64),
        level_changes=pl.lit(None, dtype=pl.String),
        first_interest_adjustment=pl.lit(0, dtype=pl.Int64),
    ).drop(CURSOR)
    solved = agree(remaining).select("loan_id", solved="emi")
    joined = loans.join(solved, on="loan_id", how="left", maintain_order="left")
    return joined.with_columns(
        emi=pl.coalesce("solved", "emi"),
        level_changes=pl.when(pl.col("solved").is_null()).then("level_changes"),
    ).drop("solved")


def within_level(where: pl.Expr) -> dict[str, pl.Expr]:
    """Columns of loans whose first period to come is none that they began with: nothing of it is
    asked apart from the level instalment."""
    level = pl.lit(StubInterest.level.value, dtype=pl.Int8)
    return {
        name: pl.when(where).then(level).otherwise(name)
        for name in ("stub_interest", "stub_interest_agreed")
    }


def stub_within(where: pl.Expr) -> dict[str, pl.Expr]:
    """Columns of loans whose level instalments are solved with what is left of a stub's interest, or of
    what it lacks: none of it is asked, or left out, beside them any more."""
    return {
        name: pl.when(where).then(0).otherwise(name).cast(pl.Int64)
        for name in ("stub_amount", "stub_share")
    }


def _stub_of_a_later(n: pl.Expr) -> pl.Expr:
    """How the running period counts if it is instalment `n`'s and no whole one (code of `Stub`, Int8).

    Of a first one as agreed; a later one as nights bear it (`OddPeriods.is_reshaped`): a period that a
    calendar moved bears all of it.
    """
    counts_on = pl.col("stub") == Stub.forward.value
    return (
        pl.when(n == 1)
        .then("stub")
        .when("adjust_accrual")
        .then(Stub.whole_period.value)
        .otherwise(pl.when(counts_on).then("stub").otherwise(Stub.prorate.value))
        .cast(pl.Int8)
    )


def opened(terms: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.DataFrame:
    """Terms and first positions side by side, before disbursement."""
    cursor = with_period_interest(move_period(open_schedule(terms), calendars))
    wide = cursor.with_columns(**zeros(Positions), segment_start=pl.col("period_start"))
    return wide.select(*terms.columns, *(c for c in STATE if c not in terms.columns)).cast(
        {name: empty(Positions).schema[name] for name in STATE}
    )


__all__ = ["agreed_terms", "instalment", "move_period", "opened", "with_period_interest"]
