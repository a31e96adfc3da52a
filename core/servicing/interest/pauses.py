"""Pauses of interest: nights that bear none. The one that runs or comes next stands in dates, later ones in a list."""

from __future__ import annotations

import polars as pl

from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.posting import DayState

_SPAN, _LIST = "/", ";"


def with_one_more(begins: str, ends: str) -> dict[str, pl.Expr]:
    """Columns of loans with another pause: no night from the date `begins` on, until the date `ends`.

    Pauses have no day in common; those that have ended are left out.
    """
    runs = pl.when(pl.col("paused_until") > BUSINESS_DATE).then(
        _span("paused_from", "paused_until")
    )
    return _in_order(pl.concat_list(runs, _span(begins, ends), _later()))


def begin_next(day: DayState) -> None:
    """The next pause takes the place of one that has ended."""
    if day.loans["pauses_to_come"].null_count() == day.loans.height:
        return
    ended = (pl.col("paused_until") <= BUSINESS_DATE) & pl.col("pauses_to_come").is_not_null()
    mask = day.loans.select(ended.fill_null(False)).to_series()
    if not mask.any():
        return
    before = day.loans.filter(mask)
    # what the earlier one left out stays left out
    after = close_segment(before).with_columns(**_in_order(_later()))
    day.loans = replaced(day.loans, mask, before, after)
    nobody = pl.lit(0, dtype=pl.Int64)
    day.changed.append(after.select("loan_id", event_id=nobody))


def pauses_of_period(loans: pl.DataFrame) -> pl.DataFrame:
    """Loans whose pauses that end within the running period, and that another one follows, are over: each
    leaves out its nights, as on the days on which they end."""
    if loans["pauses_to_come"].null_count() == loans.height:
        return loans
    ended = (pl.col("paused_until") < pl.col("period_end")) & pl.col("pauses_to_come").is_not_null()
    while (mask := loans.select(ended.fill_null(False)).to_series()).any():
        before = loans.filter(mask)
        on = before.with_columns(business_date=pl.max_horizontal("paused_until", "segment_start"))
        after = close_segment(on).with_columns(**_in_order(_later()))
        loans = replaced(loans, mask, before, after)
    return loans


def later_pauses(loans: pl.DataFrame) -> pl.DataFrame:
    """`loans`, a row for each pause after the one that runs or comes next, in `paused_from` and `paused_until`;
    `place`: the row of the loan."""
    each = loans.with_row_index("place").filter(pl.col("pauses_to_come").is_not_null())
    spans = each.with_columns(_pause=_later()).explode("_pause")
    dates = pl.col("_pause").str.split(_SPAN)
    return spans.with_columns(
        paused_from=dates.list.get(0).str.to_date(), paused_until=dates.list.get(1).str.to_date()
    ).drop("_pause")


def _span(begins: str, ends: str) -> pl.Expr:
    return pl.concat_str(
        pl.col(begins).cast(pl.String), pl.lit(_SPAN), pl.col(ends).cast(pl.String)
    )


def _later() -> pl.Expr:
    return pl.col("pauses_to_come").str.split(_LIST).fill_null([])


def _in_order(pauses: pl.Expr) -> dict[str, pl.Expr]:
    """Columns of a list of pauses: the first of them, and those after it."""
    ordered = pauses.list.drop_nulls().list.sort()
    first = ordered.list.first().str.split(_SPAN)
    later = ordered.list.slice(1)
    return {
        "paused_from": first.list.get(0).str.to_date(),
        "paused_until": first.list.get(1).str.to_date(),
        "pauses_to_come": pl.when(later.list.len() > 0).then(later.list.join(_LIST)),
    }
