"""Where a loan stands in its schedule, and the step from one instalment to the next.

`instalment` gives the figures of one instalment from the balance before it. The expansion of a whole schedule,
the digest kept beside the terms, and billing in the daily close all step through it, so a schedule can't be
computed in two ways.

Frames hold one row a loan with the columns of :class:`loanbook.core.contract.terms.Terms`. Amounts are Int64
minor units.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.dates.instalment_dates import agreed_row
from loanbook.core.contract.figures import Amortisation, Figures, Frame
from loanbook.core.contract.first_period import later_stub

CURSOR = ("instalment_no", "period_start", "period_end", "schedule_balance", "interest_carried")
"""Columns that `open_schedule` adds: where a loan stands in its schedule."""


def open_schedule(terms: pl.DataFrame) -> pl.DataFrame:
    """`terms` standing before instalment 1, or the first one due after a take-over.

    Adds `instalment_no` (Int16), `period_start`, `period_end` (Date, unadjusted),
    `schedule_balance` and `interest_carried` (Int64).
    """
    figures = Figures(terms)
    cursor = from_the_first(terms, figures)
    if "taken_over_on" not in terms.columns or not terms["taken_over_on"].count():
        return cursor
    return _migrated_in(cursor, figures)


def from_the_start(terms: pl.DataFrame) -> pl.DataFrame:
    """`terms` whose schedule begins with instalment 1, also of loans that were taken over since."""
    return terms.with_columns(
        taken_over_on=pl.lit(None, dtype=pl.Date), principal_left=pl.lit(None, dtype=pl.Int64)
    )


def from_the_first(terms: pl.DataFrame, figures: Figures) -> pl.DataFrame:
    """`terms` standing before instalment 1, wherever a loan lived before; columns as `open_schedule`."""
    return terms.with_columns(
        instalment_no=pl.lit(1, dtype=pl.Int16),
        period_start=pl.col("disbursed_on"),
        period_end=figures.due_date(pl.lit(1)),
        schedule_balance=pl.col("principal_agreed"),
        interest_carried=pl.lit(0, dtype=pl.Int64),
    )


def _migrated_in(cursor: pl.DataFrame, figures: Figures) -> pl.DataFrame:
    """Loans that lived elsewhere stand before their first instalment due after that."""
    on = pl.col("taken_over_on")
    is_migrated = on.is_not_null()
    number = pl.lit(1, dtype=pl.Int16)
    for k in range(1, int(cursor.filter(is_migrated)["instalments"].max()) + 1):  # type: ignore[arg-type]
        number = number + (figures.due_date(pl.lit(k)) <= on).cast(pl.Int16)
        if k % 60 == 0:  # an expression must not grow without end
            cursor = cursor.with_columns(_number=number)
            number = pl.col("_number")
    n = pl.col("instalment_no")
    counted = cursor.with_columns(
        instalment_no=pl.when(is_migrated)
        .then(pl.min_horizontal(number, pl.col("instalments") + 1))
        .otherwise(n)
        .cast(pl.Int16)
    ).drop("_number", strict=False)
    began = pl.when(is_migrated & (n > 1)).then(figures.due_date(n - 1)).otherwise("period_start")
    return counted.with_columns(
        period_start=began,
        period_end=figures.due_date(n),
        schedule_balance=pl.coalesce("principal_left", "schedule_balance"),
    )


def instalment(cursor: Frame, figures: Figures) -> Frame:
    """The figures of the instalment the cursor stands before.

    Adds `level` and what `asked` adds.
    """
    return asked(figures.with_rate(figures.with_level(cursor)), figures)


def asked(cursor: Frame, figures: Figures) -> Frame:
    """What the instalment asks the cursor stands before, which has its period's `level` and rate.

    Adds `asked_interest`, `asked_principal` (Int64) and `interest_after` (Int64, interest carried to the next
    one: deferred by grace, or above the level instalment); takes the rate away.
    """
    charged = figures.with_period_interest(cursor, "asked_interest").with_columns(
        asked_interest=pl.col("asked_interest") + pl.col("interest_carried")
    )
    last = pl.col("instalment_no") >= pl.col("instalments")
    level = (pl.col("amortisation") == Amortisation.equal_instalment) & ~last
    joins = pl.col("capitalises") if figures.capitalises else pl.lit(False)
    deferred = (pl.col("instalment_no") <= pl.col("grace_interest")) & ~last
    ceiling = pl.when(level).then(
        pl.col("level")
        + pl.when(pl.col("instalment_no") == 1)
        .then(pl.col("first_interest_adjustment"))
        .otherwise(0)
    )
    due_interest = (
        pl.when(joins)  # what is not paid of it joins the principal
        .then(pl.col("asked_interest"))
        .when(deferred)
        .then(0)
        .when(level & (pl.col("instalment_no") > pl.col("grace_principal")))
        .then(pl.min_horizontal("asked_interest", ceiling))
        .otherwise(pl.col("asked_interest"))
    )
    if figures.apart:  # the parts of a stub's interest that later instalments ask
        due_interest = pl.min_horizontal(due_interest, without_later_parts())
    split = charged.with_columns(
        asked_interest=due_interest, interest_after=pl.col("asked_interest") - due_interest
    )
    whole = split.with_columns(
        asked_principal=figures.principal_part(pl.col("asked_interest"), pl.col("schedule_balance"))
    )
    if not figures.agreed:
        return whole
    _, principal, interest = agreed_row(pl.col("instalment_no"))
    told = principal.is_not_null()
    return whole.with_columns(
        asked_principal=pl.coalesce(principal, "asked_principal"),
        asked_interest=pl.when(told).then(interest).otherwise("asked_interest"),
        interest_after=pl.when(told).then(0).otherwise("interest_after"),
    )


def without_later_parts(interest: pl.Expr | None = None) -> pl.Expr:
    """`interest` (without it: `asked_interest`) less the parts of a stub's that later instalments ask."""
    whole = pl.col("asked_interest") if interest is None else interest
    later = later_stub(pl.col("instalment_no")).clip(lower_bound=0)
    ends = pl.col("instalment_no") >= pl.col("instalments")
    # money that meets all interest earned to its day leaves none for later
    return (
        pl.when(ends | pl.col("due_at_payment"))
        .then(whole)
        .otherwise((whole - later).clip(lower_bound=0))
    )


def next_period(billed: Frame, figures: Figures) -> Frame:
    """The cursor after the instalment whose figures `instalment` added."""
    return paid(billed).with_columns(**onward(figures))


def paid(billed: Frame) -> Frame:
    """What is left after the instalment whose figures `asked` added, before the cursor moves on."""
    return billed.with_columns(
        schedule_balance=pl.col("schedule_balance") - pl.col("asked_principal"),
        interest_carried=pl.col("interest_after"),
    ).drop("asked_interest", "asked_principal", "interest_after", "level")


def onward(figures: Figures) -> dict[str, pl.Expr]:
    """The cursor before the instalment after the one that it stands before."""
    number = pl.col("instalment_no") + 1
    return {
        "instalment_no": number,
        "period_start": pl.col("period_end"),
        "period_end": figures.due_date(number),
    }
