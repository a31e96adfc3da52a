"""The whole schedule of a loan as rows, and the digest of its figures.

Frames hold one row a loan with the columns of :class:`loanbook.core.contract.terms.Terms`; amounts are Int64
minor units.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from loanbook.core.catalogue.codes import InterestMode
from loanbook.core.contract.dates.business_days import Calendar, adjusted
from loanbook.core.contract.figures import Figures
from loanbook.core.contract.schedule.cursor import CURSOR, instalment, next_period, open_schedule

EVERYTHING = 2**62
"""More than any instalments together ask, minor units."""
RESIDUE = ("residue_over", "residue_under")
"""What rounding left of the interest to date, as a fraction (Int128); beside `CURSOR` a step moves it alone."""


Calendars = Mapping[int, Calendar]
"""Holiday calendars by their codes."""


def expand(terms: pl.DataFrame, calendars: Calendars | None = None) -> pl.DataFrame:
    """Every instalment of every loan, on the dates that are counted, as it was agreed.

    Terms as `agree` left them. With `calendars` as it is lived: where a product's accrual follows the moved
    due date, periods end on it. Returns `loan_id`, `instalment_no`, `period_start`,
    `period_end`, `opening`, `principal`, `interest`, `closing` in order of instalment.
    """
    standing = open_schedule(terms)
    if calendars is not None:
        standing = standing.with_columns(_ends(standing, calendars))
    return expand_from(standing, calendars=calendars)


def expand_from(
    standing: pl.DataFrame,
    enough: pl.Expr | None = None,
    calendars: Calendars | None = None,
) -> pl.DataFrame:
    """Every instalment from the one that each loan's cursor stands before, as `expand`; the period that runs
    ends where the cursor says.

    With `enough` (Int64 minor units) only as many as together ask that much.
    """
    moves = calendars is not None and bool(standing["adjust_accrual"].any())
    standing = _with_residue(standing)
    figures = Figures(standing)
    moving = [name for name in (*CURSOR, *RESIDUE) if name in standing.columns]
    short = pl.lit(EVERYTHING) if enough is None else enough
    begun = standing.with_columns(_short=short).filter(
        (pl.col("instalment_no") <= pl.col("instalments")) & (pl.col("_short") > 0)
    )
    # what a step leaves as it is stands beside what it moves, and is read where it is needed
    fixed, steps, parts = begun.drop(moving, "_short"), begun.lazy(), []
    left = pl.col("_short") - pl.col("asked_principal") - pl.col("asked_interest")
    goes_on = (pl.col("instalment_no") < pl.col("instalments")) & (left > 0)
    while True:
        billed = (
            instalment(steps, figures)
            .select("loan_id", *moving, "asked_principal", "asked_interest", "interest_after", "level",
                    _short=left, _goes_on=goes_on)
            .collect()
        )  # fmt: skip
        parts.append(billed)
        on = billed["_goes_on"]
        if not on.any():
            return _rows(pl.concat(parts))
        if not on.all():
            fixed, billed = fixed.filter(on), billed.filter(on)
        steps = next_period(fixed.hstack(billed.drop("loan_id", "_goes_on")).lazy(), figures)
        if moves and calendars is not None:
            steps = steps.with_columns(_ends(fixed, calendars))


def _rows(billed: pl.DataFrame) -> pl.DataFrame:
    """The instalments that were billed, as `expand` returns them."""
    return billed.select(
        "loan_id",
        "instalment_no",
        "period_start",
        "period_end",
        pl.col("schedule_balance").alias("opening"),
        pl.col("asked_principal").alias("principal"),
        pl.col("asked_interest").alias("interest"),
        closing=pl.col("schedule_balance") - pl.col("asked_principal"),
    ).sort("loan_id", "instalment_no")


def _ends(loans: pl.DataFrame, calendars: Calendars) -> pl.Expr:
    """`period_end` of a cursor as it is lived: on the moved due date where the accrual follows it."""
    moved = adjusted(pl.col("period_end"), loans, dict(calendars))
    return pl.when("adjust_accrual").then(moved).otherwise("period_end").alias("period_end")


def _with_residue(standing: pl.DataFrame) -> pl.DataFrame:
    """Room for what rounding leaves of a period's interest, if some loan carries it to the next.

    `residue_carried` (Boolean) and the fraction `residue_over` / `residue_under` (Int128). A daily
    product carries it; schedules held as rows are rounded instalment by instalment.
    """
    if "residue" not in standing.columns:
        return standing
    carried = (
        (pl.col("residue") == 1)
        & (pl.col("interest_mode") == InterestMode.daily.value)
        & ~pl.col("materialised")
    )
    found = standing.select(residue_carried=carried).to_series()
    if not found.any():
        return standing
    return standing.with_columns(
        found, residue_over=pl.lit(0, dtype=pl.Int128), residue_under=pl.lit(1, dtype=pl.Int128)
    )


def digest(terms: pl.DataFrame) -> pl.DataFrame:
    """`loan_id` and `schedule_digest` (UInt64), a hash over the figures of the whole schedule."""
    return digest_of(expand(terms))


def digest_of(rows: pl.DataFrame) -> pl.DataFrame:
    """`loan_id` and `schedule_digest` of expanded instalments.

    A polynomial in wrapping 64-bit arithmetic rather than a library's hash, whose
    value may change from one release to the next.
    """
    prime = pl.lit(1_099_511_628_211, dtype=pl.UInt64)
    rows = rows.with_columns(pl.col("period_end").to_physical().alias("day"))
    mixed = pl.lit(14_695_981_039_346_656_037, dtype=pl.UInt64)
    for column in ("instalment_no", "day", "principal", "interest"):
        mixed = mixed.xor(pl.col(column).cast(pl.Int64).reinterpret(signed=False)) * prime
    return (
        rows.select("loan_id", schedule_digest=mixed)
        .group_by("loan_id")
        .agg(pl.col("schedule_digest").sum())
    )
