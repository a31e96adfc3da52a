"""The level instalment: solved from the rate of each period, rounded, smoothed where the product asks it.

Frames hold one row a loan with the columns of :class:`loanbook.core.contract.terms.Terms`; amounts are Int64
minor units.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.dates.day_count import counts_days
from loanbook.core.contract.figures import UNITY, Amortisation, Figures
from loanbook.core.contract.money import (
    Rounding,
    int128,
    rounded_quotient,
    to_multiple,
    with_quotient,
)
from loanbook.core.contract.schedule.cursor import open_schedule
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.contract.schedule.periods import periods
from loanbook.core.contract.schedule.stub_interest import from_a_regular
from loanbook.core.contract.steps_and_seasons import WHOLE, alike, weight
from loanbook.core.frames import codes, engine_for


def level_instalment(terms: pl.DataFrame) -> pl.Series:
    """EMI = (P - balloon * v_n) / sum of v_k, rounded to the minor unit, then to the multiple.

    v_k is the discount factor to due k, held with 18 decimals in Int128. The same value
    as P * prod(1 + rf) / F_n with F_k = 1 + F_(k-1) (1 + rf_k). Flat loans: (P + I) / n.
    0 where the kind of schedule has no level instalment.
    """
    if "stub_amount" in terms.columns and (terms["stub_amount"] != 0).any():
        apart = pl.col("stub_amount") != 0
        regular = from_a_regular(terms).select("disbursed_on", "has_stub")
        terms = terms.with_columns(
            pl.when(apart).then(regular[name]).otherwise(name).alias(name)
            for name in regular.columns
        )
    if "lacks" in terms.columns:  # smoothing finds the nights that a tranche does not bear
        smooth = pl.col("smooth_last_instalment")
        terms = terms.with_columns(lacks=pl.when(smooth).then(0).otherwise("lacks"))
        if "lifted_interest" in terms.columns:  # and the interest that waits
            apart = pl.when(smooth).then("lifted_interest").otherwise(0)
            terms = terms.with_columns(principal_agreed=pl.col("principal_agreed") - apart)
    if (
        "reaged" in terms.columns
    ):  # and what the first period after a re-age is short of a whole one
        regular = from_a_regular(terms).select("disbursed_on", "has_stub")
        smooth = pl.col("smooth_last_instalment") & pl.col("reaged")
        terms = terms.with_columns(
            pl.when(smooth).then(regular[name]).otherwise(name).alias(name)
            for name in regular.columns
        )
    figures = Figures(terms)
    cursor = open_schedule(terms).with_columns(
        v=pl.lit(UNITY, dtype=pl.Int128), total=pl.lit(0, dtype=pl.Int128)
    )
    over, under = int128(pl.col("rate_over")), int128(pl.col("rate_under"))
    if "level_of_even_periods" in terms.columns and terms["level_of_even_periods"].any():
        even = pl.col("level_of_even_periods") & counts_days()
        even_over, even_under = figures.even_factor()
        over = pl.when(even).then(int128(even_over)).otherwise(over)
        under = pl.when(even).then(int128(even_under)).otherwise(under)
    within = pl.col("there") & (pl.col("instalment_no") > pl.col("grace_principal"))
    free = pl.col("instalment_no") <= pl.col("grace_charged")  # its period bears nothing
    v = pl.when(within & ~free).then(pl.col("v") * under // (under + over)).otherwise("v")
    asked = pl.when(within).then(_weighted(pl.col("v"), figures)).otherwise(0)
    for period in periods(cursor, figures, int(terms["instalments"].max())):  # type: ignore[arg-type]
        here = cursor.lazy().with_columns(period.get_columns()).with_columns(v=v)
        cursor = here.with_columns(total=pl.col("total") + asked).collect(engine=engine_for(cursor))
    present = int128(pl.col("schedule_balance")) * UNITY - int128(pl.col("balloon")) * pl.col("v")
    return _rounded_level(cursor.with_columns(_present=present), figures)


def _rounded_level(cursor: pl.DataFrame, figures: Figures) -> pl.Series:
    """The level instalment of loans whose `_present` value and `total` of factors are known.

    Rounded to the minor unit, then to the multiple; each quotient is columns, for nested in one expression
    they took 35 ms to plan, be it for one loan.
    """
    modes = codes(cursor, "instalment_rounding")
    by_days = pl.col("flat_by_days") if figures.by_days else pl.lit(False)
    level = pl.col("amortisation") == Amortisation.equal_instalment
    flat = pl.col("amortisation") == Amortisation.flat
    shared = flat & ((pl.col("instalment_multiple") > 1) | by_days)
    beside = pl.col("stub_amount") if "stub_amount" in cursor.columns else pl.lit(0)
    over = int128(pl.col("principal_agreed") + pl.col("flat_interest") - beside)
    one = with_quotient(
        cursor, "_level",
        pl.when(level).then("_present").otherwise(over),
        pl.when(~level).then(int128(pl.col("instalments")))
        .when(pl.col("total") > 0).then("total").otherwise(UNITY),
        "instalment_rounding", modes,
    )  # fmt: skip
    # where only skipped months are left, the last one asks all
    asks = (level & (pl.col("total") > 0)) | shared
    one = one.with_columns(_level=pl.when(asks).then("_level").otherwise(0))
    whole = with_quotient(
        one, "_times", pl.col("_level"), pl.col("instalment_multiple"), "instalment_rounding", modes
    ).with_columns(_whole=pl.col("_times") * pl.col("instalment_multiple"))
    return whole.select(emi=_or_unrounded(pl.col("_level"), pl.col("_whole"))).to_series()


def _weighted(factor: pl.Expr, figures: Figures) -> pl.Expr:
    """A discount factor times what its instalment asks of the level one."""
    if not figures.weighted:
        return factor
    share = weight(pl.col("instalment_no"), pl.col("period_end"), figures.terms)
    return factor * int128(share) // WHOLE


def _or_unrounded(amount: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """An instalment below half its multiple stays as it is, or nothing would be paid."""
    return pl.when(whole == 0).then(amount).otherwise(whole)


def smoothed(terms: pl.DataFrame) -> pl.DataFrame:
    """Move the level instalment where the last one differs too much from the one before.

    Up to three rounds: if |last - previous| > n // 2 minor units, EMI' = EMI +
    round(difference / n), kept only if the difference shrinks.
    """
    flagged = terms.filter(pl.col("smooth_last_instalment") & (pl.col("instalments") > 1))
    if flagged.is_empty():
        return terms
    rest = terms.filter(~(pl.col("smooth_last_instalment") & (pl.col("instalments") > 1)))
    gap = last_instalment_gap(flagged)
    for _ in range(3):
        n = pl.col("instalments").cast(pl.Int64)
        wide = flagged.select(gap.abs() > n // 2).to_series()
        if not wide.any():
            break
        was = gap.filter(wide)
        tried = flagged.filter(wide).with_columns(_gap=was)
        sign = pl.when(pl.col("_gap") < 0).then(-1).otherwise(1)
        step = sign * rounded_quotient(int128(pl.col("_gap").abs()), int128(n), Rounding.half_even)
        whole = to_multiple(pl.col("_moved"), pl.col("instalment_multiple"), Rounding.half_even)
        tried = (
            tried.with_columns(_moved=pl.col("emi") + step)
            .with_columns(_whole=whole)
            .with_columns(emi=_or_unrounded(pl.col("_moved"), pl.col("_whole")))
            .drop("_gap", "_moved", "_whole")
        )
        after = last_instalment_gap(tried)
        better = after.abs() < was.abs()
        if not better.any():
            break
        rows = wide.arg_true().filter(better)
        flagged = flagged.with_columns(
            flagged["emi"].clone().scatter(rows, tried["emi"].filter(better))
        )
        gap = gap.scatter(rows, after.filter(better))
    return pl.concat([rest, flagged]).sort("loan_id")


def last_instalment_gap(terms: pl.DataFrame) -> pl.Series:
    """Last instalment less the one before it, in minor units, in the order of `terms`.

    Where instalments are not all alike, less what the last one asks by its weight. The last one
    takes what is left, also where it will be as high as the others.
    """
    figures = Figures(terms)
    rows = expand(terms.with_columns(level_last=pl.lit(False)))
    payment = pl.col("principal") + pl.col("interest")
    gap = rows.group_by("loan_id", maintain_order=True).agg(
        last=payment.sort_by("instalment_no").last(),
        before=payment.sort_by("instalment_no").slice(-2, 1).first(),
    )
    found = terms.join(gap, on="loan_id", how="left", maintain_order="left")
    found = found.with_columns(last=pl.col("last") - pl.col("balloon"))  # that is agreed
    if not figures.weighted:
        return found.select(pl.col("last") - pl.col("before")).to_series()
    due = figures.due_date(pl.col("instalments"))
    regular = pl.when(alike()).then("before").otherwise("level")
    levelled = figures.with_level(found, pl.col("instalments"), due)
    return levelled.select(pl.col("last") - regular).to_series()
