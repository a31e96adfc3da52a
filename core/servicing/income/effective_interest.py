"""Income deferred at the effective rate of the loan: IFRS 9 appendix A, ASC 310-20.

Two rates a year make the instalments to come worth what is lent: the plain one, of the balance, and
the yield, of the balance less the income that is deferred. What a period takes is the yield of the
carrying amount less the plain rate of the balance, evenly by nights within the period, as interest is.
So a loan on its schedule is carried at the worth of its instalments at the yield. The last period
takes the rest. Arrears count as paid, as in every projection. Flat interest, which is no rate of the
balance, is booked as it is asked; the fee goes by the same two rates.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.catalogue.components import of_schedule
from loanbook.core.contract.disclosed.apr import solved_rate
from loanbook.core.contract.money import PPB, Rounding, int128, rounded_quotient
from loanbook.core.errors import EngineError
from loanbook.core.servicing.income.deferred_income import run_line
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.projection import project

YEAR = 365
"""Days of a year, as the yield counts them."""
SCALE = 10**15
"""What the growth of a stretch is over: as many digits as a float has."""
MOST_RATE = 10**9
"""The highest rate that is held (100 billion % a year)."""
MOST_GROWTH = 9_000
"""What a stretch may grow by at most: over `SCALE` it is an Int64."""


def follow_yield(day: DayState) -> None:
    """Lines that begin today find their yield; those whose period is over take the next one.

    A loan that is not on its schedule (past maturity, charged off) keeps its line as it runs.
    """
    if not day.loans["deferred_by_yield"].any():
        return
    runs = (
        pl.col("deferred_by_yield")
        & (pl.col("income_deferred") > 0)
        & (pl.col("status") == Status.active.value)
        & (pl.col("instalment_no") <= pl.col("instalments"))
    )
    begins = pl.col("deferred_from") == BUSINESS_DATE
    turns = (pl.col("deferred_until") == BUSINESS_DATE) & pl.col("eir_ppb").is_not_null()
    mask = day.loans.select(runs & (begins | turns)).to_series()
    if not mask.any():
        return
    lines = day.loans.filter(mask)
    solved = _solved(lines.filter(begins), day)
    with_yields = lines.join(solved, on="loan_id", how="left", maintain_order="left").with_columns(
        pl.when(begins).then(found).otherwise(name).alias(name)
        for name, found in (("eir_ppb", "with_it"), ("contract_yield_ppb", "without"))
    )
    day.loans = replaced(day.loans, mask, lines, _segment(with_yields).select(lines.columns))


def _balance() -> pl.Expr:
    """Principal to come, and interest so far."""
    return pl.col("principal") - pl.col("principal_due") + pl.col("interest_accrued")


def _solved(lines: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """`loan_id`, `with_it`, `without` (Int64, parts per billion a year): yield and plain rate.

    None of loans whose instalments to come are not worth their balance.
    """
    days = (pl.col("due_date") - BUSINESS_DATE).dt.total_days()
    paid = (
        project(lines, day.dues, day.policies.calendars)
        .join(lines.select("loan_id", "business_date"), on="loan_id")
        .join(_in_advance(day.dues), on=["loan_id", "instalment_no"], how="left")
        .select(
            "loan_id",
            # what came in advance is off the balance already
            amount=pl.col("principal") + pl.col("interest") - pl.col("came").fill_null(0),
            periods=days / YEAR,
        )
    )
    kinds = (("with_it", _balance() - pl.col("income_deferred")), ("without", _balance()))
    found = lines.select("loan_id")
    for name, worth in kinds:
        lent = lines.filter(worth > 0).select("loan_id", amount=-worth, periods=pl.lit(0.0))
        flows = pl.concat([lent, paid.join(lent, on="loan_id", how="semi")])
        gains = flows.group_by("loan_id").agg(pl.col("amount").sum()).filter(pl.col("amount") >= 0)
        flows = flows.join(gains, on="loan_id", how="semi").with_columns(fraction=pl.lit(0.0))
        rates = solved_rate(flows) if flows.height else gains.select("loan_id", rate=pl.lit(0.0))
        _must_be_held(rates.select(pl.col("rate") < MOST_RATE))
        found = found.join(
            rates.select("loan_id", (pl.col("rate") * PPB).round().cast(pl.Int64).alias(name)),
            on="loan_id",
            how="left",
            maintain_order="left",
        )
    return found.drop_nulls()


def _in_advance(dues: pl.DataFrame) -> pl.DataFrame:
    """`loan_id`, `instalment_no`, `came` (Int64): money that stands with instalments to come."""
    coming = dues.filter(of_schedule() & (pl.col("due_date") > BUSINESS_DATE))
    return coming.group_by("loan_id", "instalment_no").agg(came=pl.col("paid").sum())


def _must_be_held(within: pl.DataFrame) -> None:
    """Raise EngineError where a rate or growth is not `within` what is held."""
    if not within.select(pl.all_horizontal(pl.all().fill_null(True)).all()).item():
        raise EngineError(
            "its fees leave so little of what is lent that no effective rate holds it; lower them, or "
            "set `recognition: straight_line` in a new version of its origination fee"
        )


def _growth(rate: str) -> pl.Expr:
    """What a rate makes of one to the end of the period, less one (Float64).

    In floats, as the rates were solved: every loan has its own, so exact powers would be worked
    out loan by loan.
    """
    years = (pl.col("period_end") - BUSINESS_DATE).dt.total_days() / YEAR
    return (1 + pl.col(rate).cast(pl.Float64) / PPB).pow(years) - 1


def _segment(lines: pl.DataFrame) -> pl.DataFrame:
    """`lines` with the stretch from today to the end of the period; without a yield, as they are."""
    rates = {"_yields": _growth("eir_ppb"), "_bears": _growth("contract_yield_ppb")}
    _must_be_held(lines.select(**{name: growth < MOST_GROWTH for name, growth in rates.items()}))
    with_growth = lines.with_columns(
        **{name: (growth * SCALE).round().cast(pl.Int64) for name, growth in rates.items()}
    )
    carried = _balance() - pl.col("income_deferred")
    exact = int128(carried) * int128(pl.col("_yields")) - int128(_balance()) * int128(
        pl.col("_bears")
    )
    takes = rounded_quotient(exact, int128(pl.lit(SCALE)), Rounding.half_even).clip(0)
    rest = (pl.col("income_deferred") - takes).clip(0)
    last = pl.col("instalment_no") >= pl.col("instalments")
    found = pl.col("eir_ppb").is_not_null()
    return with_growth.with_columns(
        **run_line(
            found,
            pl.col("income_deferred"),
            BUSINESS_DATE,
            pl.col("period_end"),
            pl.when(~last).then(rest).otherwise(0),
        )
    )
