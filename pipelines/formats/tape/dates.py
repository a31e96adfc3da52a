"""Dates of a loan tape: the day on which instalments fall due, the maturity, and the cycle that they keep or leave."""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.dates.due_dates import Unit, change_text, due_date
from loanbook.core.frames import codes
from loanbook.pipelines.formats.table import (
    date_in,
    whole_number,
    within_the_calendar,
)
from loanbook.pipelines.formats.tape.cells import YES_OR_NO


def anchor(of: dict[str, str], date: str) -> dict[str, pl.Expr]:
    """The day of the month on which instalments fall due, and whether it is the last one.

    Where a tape tells neither it is the day of the first due date, and the last day of the month if
    that is one; where it tells the day alone, that day, clipped to short months.
    """
    first = date_in(of["first_due_date"], date)
    day, last = first.dt.day().cast(pl.Int64), first == first.dt.month_end()
    if "anchor_day" in of:
        text = pl.col(of["anchor_day"]).str.strip_chars()
        is_given = text != ""
        day = pl.when(is_given).then(whole_number(text)).otherwise(day)
        last = last & ~is_given
    if "end_of_month" in of:
        word = pl.col(of["end_of_month"]).str.strip_chars().str.to_lowercase()
        flag = word.replace_strict(YES_OR_NO, default=None, return_dtype=pl.Boolean)
        last = pl.when(word == "").then(last).otherwise(flag)
    # a first due date that is none is refused as that, not for what is counted from it
    return {"anchor_day": pl.when(first.is_null()).then(1).otherwise(day),
            "end_of_month": pl.when(first.is_null()).then(False).otherwise(last)}  # fmt: skip


def maturity(of: dict[str, str], date: str) -> dict[str, pl.Expr]:
    """The date on which the last instalment falls due, where a tape tells one."""
    if "maturity_date" not in of:
        return {"matures_on": pl.lit(None, dtype=pl.Date), "maturity_told": pl.lit(False)}
    told = pl.col(of["maturity_date"]).str.strip_chars() != ""
    return {"matures_on": date_in(of["maturity_date"], date), "maturity_told": told}


def on_cycle(typed: pl.DataFrame) -> pl.DataFrame:
    """Rows with the first due date as their cycle has it, and the due dates before the last one and after it
    where a maturity is told; one that is on the cycle is no other date."""
    counted = typed.filter(
        pl.col("anchor_day").is_between(1, 31)
        & pl.col("second_anchor_day").is_between(1, 31)
        & pl.col("every").is_between(1, 366)
        & pl.col("instalments").is_between(1, 600)
        & pl.col("unit").is_not_null()
        & pl.col("first_due_date").is_not_null()
        & within_the_calendar("first_due_date", pl.col("every"), pl.col("unit"))
    )
    anchor = pl.when("end_of_month").then(31).otherwise("anchor_day")
    on_one_day = (pl.col("unit") == Unit.semi_monthly.value) & (
        anchor == pl.col("second_anchor_day")
    )
    units, n = codes(counted, "unit"), pl.col("instalments")
    nowhere = pl.lit(None, dtype=pl.Date)
    before, on, after = (due_date(n + by, units) if units else nowhere for by in (-1, 0, 1))
    told = pl.col("maturity_told")
    dates = counted.select(
        "line",
        half_months_differ=~on_one_day,
        first_on_cycle=due_date(pl.lit(1), units) if units else nowhere,
        second_on_cycle=due_date(pl.lit(2), units) if units else nowhere,
        on_cycle=pl.when(told).then(on),
        period_before_maturity=pl.when(told).then(before),
        period_after_maturity=pl.when(told).then(after),
    )
    dated = _counted_anew(typed.join(dates, on="line", how="left", maintain_order="left"))
    own = (pl.col("matures_on") != pl.col("on_cycle")).fill_null(True)
    return dated.with_columns(
        matures_on=pl.when(own).then("matures_on"), maturity_told=pl.col("maturity_told") & own
    ).drop("on_cycle")


def _counted_anew(dated: pl.DataFrame) -> pl.DataFrame:
    """Rows whose first due date is off its cycle: from the second one on dates are counted by the anchor that is
    told, and the first by its own day. Half months whose periods are shares of a year stay off: no whole one ends
    with such a first."""
    off = (pl.col("first_due_date") != pl.col("first_on_cycle")).fill_null(False)
    off = off & ~((pl.col("unit") == Unit.semi_monthly.value) & ~pl.col("counts_days"))
    anchor = pl.when("end_of_month").then(31).otherwise("anchor_day")
    return dated.with_columns(
        due_date_changes=pl.when(off & (pl.col("instalments") > 1)).then(
            change_text(pl.lit(2), pl.col("second_on_cycle"), anchor)
        ),
        first_on_cycle=pl.when(off).then("first_due_date").otherwise("first_on_cycle"),
        anchor_day=pl.when(off)
        .then(pl.col("first_due_date").dt.day())
        .otherwise("anchor_day")
        .cast(pl.Int64),
        end_of_month=pl.when(off).then(False).otherwise("end_of_month"),
    ).drop("second_on_cycle", "counts_days")
