"""The interest segment of a loan: what is earned exactly of the running period, and since when.

One group of columns with one owner: `segment_start`, `accrued_units` (whole minor units of earlier
segments), `accrued_remainder` (over the period's denominator), `accrued_prepaid` (of the period's
interest, paid before billing), and a line's `cash_advance_units` and `cash_advance_remainder`. Others
call these functions, each of which gives columns for `with_columns`, read off the frame as it is.
"""

from __future__ import annotations

import polars as pl

Amount = pl.Expr | str | int
Columns = dict[str, pl.Expr]


def restart(
    on: pl.Expr | str, units: Amount, remainder: Amount = 0, where: pl.Expr | None = None
) -> Columns:
    """A segment that begins `on` a date, with so much earned before it."""
    start = pl.col(on) if isinstance(on, str) else on
    return {"segment_start": _where(where, start, "segment_start")} | set_earned(
        units, remainder, where
    )


def set_earned(units: Amount, remainder: Amount = 0, where: pl.Expr | None = None) -> Columns:
    """So many whole units and `remainder` are earned, whatever was; the segment goes on."""
    return {
        "accrued_units": _where(where, _amount(units), "accrued_units"),
        "accrued_remainder": _where(where, _amount(remainder), "accrued_remainder"),
    }


def end_earning(where: pl.Expr | None = None) -> Columns:
    """What was earned stays as it is shown, with what of it was paid before billing."""
    shown = pl.col("interest_accrued") + pl.col("accrued_prepaid")
    return set_earned(shown, where=where)


def earn_more(by: pl.Expr) -> Columns:
    """So many whole units more are earned."""
    return {"accrued_units": pl.col("accrued_units") + by}


def scale_remainder(remainder: pl.Expr, where: pl.Expr) -> Columns:
    """The remainder over another denominator, of loans `where`."""
    return {"accrued_remainder": _where(where, remainder, "accrued_remainder")}


def prepay(by: pl.Expr) -> Columns:
    """So much more of the period's interest is paid before it is billed."""
    return {"accrued_prepaid": pl.col("accrued_prepaid") + by}


def bill_prepaid(by: pl.Expr) -> Columns:
    """So much of what was paid ahead is billed now, and prepaid no more."""
    return {"accrued_prepaid": (pl.col("accrued_prepaid") - by).clip(lower_bound=0)}


def clear_prepaid() -> Columns:
    """Nothing of the period's interest is prepaid."""
    return {"accrued_prepaid": pl.lit(0, dtype=pl.Int64)}


def set_earned_of_advances(
    units: Amount, remainder: Amount = 0, where: pl.Expr | None = None
) -> Columns:
    """As `set_earned`, of a line's cash advances alone."""
    return {
        "cash_advance_units": _where(where, _amount(units), "cash_advance_units"),
        "cash_advance_remainder": _where(where, _amount(remainder), "cash_advance_remainder"),
    }


def _amount(value: Amount) -> pl.Expr:
    if isinstance(value, int):
        return pl.lit(value, dtype=pl.Int64)
    return pl.col(value) if isinstance(value, str) else value


def _where(where: pl.Expr | None, value: pl.Expr, column: str) -> pl.Expr:
    return value if where is None else pl.when(where).then(value).otherwise(column)
