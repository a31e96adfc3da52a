"""The coming periods of loans, many at once: their dates, rates and levels hang on no balance.

Over few loans a step costs what its expressions cost to plan, whatever its rows. So what no earlier instalment
changes is worked out for many instalments together, and only balances are stepped through one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import polars as pl

from loanbook.core.contract.dates.business_days import Calendar, adjusted
from loanbook.core.contract.figures import Figures
from loanbook.core.frames import engine_for

Calendars = Mapping[int, Calendar]
"""Holiday calendars by their codes."""
ROWS = 2**12
"""Loans times periods that are worked out together; of more loans than that, one period at a time."""
PERIOD = (
    "instalment_no", "period_start", "period_end", "there", "level", "rate_over", "rate_under"
)  # fmt: skip
"""Columns of a period."""
_STEP, _NUMBER = pl.col("_step"), pl.col("instalment_no")


def at_once(cursor: pl.DataFrame, most: int) -> int:
    """How many periods of each loan are worked out together: 1 to `most`."""
    return max(1, min(most, ROWS // max(1, cursor.height)))


def moved_end(due: pl.Expr, loans: pl.DataFrame, calendars: Calendars | None) -> pl.Expr:
    """Where a period ends that is `due`: with `calendars` on the moved date, where the accrual follows it."""
    if calendars is None:
        return due
    return pl.when("adjust_accrual").then(adjusted(due, loans, dict(calendars))).otherwise(due)


def periods(
    cursor: pl.DataFrame, figures: Figures, many: int, calendars: Calendars | None = None
) -> Iterator[pl.DataFrame]:
    """The next `many` periods of each loan, from the one that its cursor stands before; with `calendars`
    those after it end as they are lived.

    A frame a period, its rows those of `cursor`, with the columns `PERIOD`: the level as
    `Figures.with_level` has it, the rate as `Figures.with_rate`. `there` (Boolean) is false after a loan's
    last instalment, whose number stands there again.
    """

    def ends(number: pl.Expr) -> pl.Expr:
        due = figures.due_date(pl.min_horizontal(number, "instalments"))
        return moved_end(due, cursor, calendars)

    some = at_once(cursor, many)
    standing, ended = cursor.lazy(), cursor["period_end"]
    for first in range(0, many, some):
        if first:
            standing = cursor.lazy().with_columns(
                instalment_no=_NUMBER + first,
                period_start=ended,
                period_end=ends(_NUMBER + first),
            )
        rows = standing if some == 1 else _following(standing, ends, cursor.height, some)
        here = rows.with_columns(
            there=pl.col("instalments") >= _NUMBER,
            instalment_no=pl.min_horizontal("instalment_no", "instalments"),
        )
        found = (
            figures.with_rate(figures.with_level(here))
            .select(PERIOD)
            .collect(engine=engine_for(cursor))
        )
        for place in range(min(some, many - first)):
            period = found.slice(place * cursor.height, cursor.height)
            ended = period["period_end"]
            yield period


def _following(
    standing: pl.LazyFrame, ends: Callable[[pl.Expr], pl.Expr], loans: int, some: int
) -> pl.LazyFrame:
    """The next `some` periods of each of so many `loans`: one row each, those of a step together."""
    steps = pl.LazyFrame({"_step": pl.Series(range(some), dtype=pl.Int16)})
    counted = steps.join(standing, how="cross", maintain_order="left_right")
    begins, number = _STEP == 0, _NUMBER + _STEP
    ended = pl.when(begins).then("period_end").otherwise(ends(number))
    dated = counted.with_columns(instalment_no=number, period_end=ended)
    began = pl.when(begins).then("period_start").otherwise(pl.col("period_end").shift(loans))
    return dated.with_columns(period_start=began)
