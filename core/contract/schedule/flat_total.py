"""The interest of a whole life on what was lent: the total of a flat loan.

Frames hold one row a loan with the columns of :class:`loanbook.core.contract.terms.Terms`; amounts are Int64
minor units.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.dates.day_count import ACTUAL, counts_days
from loanbook.core.contract.dates.due_dates import change
from loanbook.core.contract.figures import Amortisation, Figures
from loanbook.core.contract.money import int128, with_quotient
from loanbook.core.contract.schedule.cursor import from_the_first, onward


def with_flat_total(terms: pl.DataFrame) -> pl.DataFrame:
    """`terms` with the `flat_interest` (Int64) of a whole life at the rate in force, 0 of others."""
    flat = terms["amortisation"] == Amortisation.flat.value
    if not flat.any():
        return terms
    totals = pl.zeros(terms.height, dtype=pl.Int64, eager=True)
    totals = totals.scatter(flat.arg_true(), _totals(terms.filter(flat)))
    return terms.with_columns(flat_interest=totals)


def _totals(terms: pl.DataFrame) -> pl.Series:
    """The `flat_interest` of flat loans."""
    if "rate_until" in terms.columns:  # what an earlier rate bore is billed, or its period's own
        terms = terms.drop("rate_until")
    figures = Figures(terms)
    whole = from_the_first(terms, figures)
    if any(basis in figures.basis for basis in ACTUAL):
        # t is the actual time from disbursement to the last due date
        until = figures.due_date(pl.col("instalments"))
        whole = whole.with_columns(
            period_end=pl.when(counts_days()).then(until).otherwise("period_end")
        )
    whole = whole.with_columns(_lent=figures.lent)
    whole = _with_redated(whole, figures) if figures.redated else _with_life_rate(whole, figures)
    # interest is on what was lent, also where a part of it is spread anew
    whole = with_quotient(
        whole, "total", int128(pl.col("_lent")) * pl.col("life_over"), pl.col("life_under"),
        "interest_rounding", figures.rounding,
    )  # fmt: skip
    return _by_days_total(terms, whole["total"]) if figures.by_days else whole["total"]


def _by_days_total(terms: pl.DataFrame, whole: pl.Series) -> pl.Series:
    """The totals of flat loans, those by days in place of `whole`: the sum of what the periods ask, each
    rounded by itself."""
    mask = terms["flat_by_days"]
    loans = terms.filter(mask)
    figures = Figures(loans)
    cursor = from_the_first(loans, figures).with_columns(_total=pl.lit(0, dtype=pl.Int64))
    for _ in range(int(loans["instalments"].max())):  # type: ignore[arg-type]
        with_interest = figures.with_period_interest(figures.with_rate(cursor), "_charged")
        there = pl.col("instalment_no") <= pl.col("instalments")
        cursor = with_interest.with_columns(
            _total=pl.col("_total") + pl.when(there).then("_charged").otherwise(0),
            **onward(figures),
        ).drop("_charged")
    return whole.scatter(mask.arg_true(), cursor["_total"])


def _with_redated(first: pl.DataFrame, figures: Figures) -> pl.DataFrame:
    """`_with_life_rate` of loans whose due dates are counted from another date later: the period between the
    two bears its own share in place of a whole one."""
    alike = pl.lit(None, dtype=pl.String)
    regular = Figures(figures.terms.with_columns(due_date_changes=alike))
    life = _with_life_rate(first.with_columns(due_date_changes=alike), regular)
    second = first.with_columns(due_date_changes=alike, instalment_no=pl.lit(2, dtype=pl.Int16))
    whole = regular.with_rate(second).select(
        _over=int128(pl.col("rate_over")), _under=int128(pl.col("rate_under"))
    )
    for k in range(figures.redated):
        begins, _, _ = change(k)
        there = ((begins <= pl.col("instalments")) & ~counts_days()).fill_null(False)
        own = first.with_columns(instalment_no=begins.fill_null(1).cast(pl.Int16))
        odd = figures.with_rate(own).select(
            there, _odd=int128(pl.col("rate_over")), _of=int128(pl.col("rate_under"))
        )
        # an odd period is over a multiple of a whole one's denominator, and so is the life
        parts, times = pl.col("_of") // pl.col("_under"), pl.col("life_under") // pl.col("_under")
        more = pl.col("_odd") - pl.col("_over") * parts
        joined = pl.concat([life, whole, odd.rename({odd.columns[0]: "_there"})], how="horizontal")
        life = joined.with_columns(
            life_over=pl.when("_there")
            .then(pl.col("life_over") * parts + more * times)
            .otherwise("life_over"),
            life_under=pl.when("_there").then(pl.col("life_under") * parts).otherwise("life_under"),
        ).drop("_there", "_over", "_under", "_odd", "_of")
    return life.with_columns(first["due_date_changes"])


def _with_life_rate(first: pl.DataFrame, figures: Figures) -> pl.DataFrame:
    """Loans before instalment 1 with the rate of their whole life, `life_over` / `life_under` (Int128).

    That of the period from `period_start` to `period_end`, which of loans that count actual days is
    the life; of others so much for each period, and an odd first one bears its own share.
    """
    rated = figures.with_rate(first)
    over, under = int128(pl.col("rate_over")), int128(pl.col("rate_under"))
    periods = pl.when(counts_days()).then(1).otherwise(pl.col("instalments").cast(pl.Int64))
    if not (figures.stubbed or figures.tranched):
        return rated.with_columns(life_over=over * periods, life_under=under)
    later = figures.with_rate(first.with_columns(instalment_no=pl.lit(2, dtype=pl.Int16)))
    rated = rated.with_columns(later.select(_over="rate_over", _under="rate_under"))
    following, each = int128(pl.col("_over")) * (periods - 1), int128(pl.col("_under"))
    # an odd period is over a multiple of the others' denominator: no product of the two is needed
    within = under % each == 0
    return rated.with_columns(
        life_over=pl.when(within)
        .then(over + following * (under // each))
        .otherwise(over * each + following * under),
        life_under=pl.when(within).then(under).otherwise(under * each),
    ).drop("_over", "_under")
