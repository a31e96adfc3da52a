"""The annual percentage rate that a loan's own schedule discloses, before a payment is made, by three laws.

United States, 12 CFR 1026 Appendix J: the unit period is the instalment's; the time to the first
instalment is whole unit periods and a fraction, the odd days over 30 a month, 15 a half month or the
days of a week or day period.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.dates.due_dates import Unit, change, changes_of, due_date
from loanbook.core.contract.dates.instalment_dates import has_agreed_rows
from loanbook.core.contract.disclosed.apr import effective_percent, nominal_percent, solved_rate
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.contract.schedule.stub_interest import kept_of_payout
from loanbook.core.frames import codes

_YEAR = {Unit.months: 12, Unit.weeks: 52, Unit.days: 365, Unit.semi_monthly: 24}
_DAYS = {Unit.months: 30, Unit.weeks: 7, Unit.days: 1, Unit.semi_monthly: 15}
MOST_BEFORE = 24
"""Unit periods before the first instalment that are looked for."""


def us_apr(agreed: pl.DataFrame, cost: pl.DataFrame) -> pl.DataFrame:
    """`loan_id`, `apr` (Float64, per cent a year) of loans by their terms.

    `agreed`: terms with the schedule's constants (`loanbook.core.servicing.loan.opening.agreed_terms`), `emi`
    solved. `cost`: `loan_id`, `cost` (Int64 minor units), finance charges that the payout bears.
    """
    flows, years = _flows(agreed, cost)
    joined = solved_rate(flows).join(years, on="loan_id")
    return joined.select("loan_id", apr=nominal_percent(pl.col("rate"), pl.col("a_year")))


def eu_apr(agreed: pl.DataFrame, cost: pl.DataFrame) -> pl.DataFrame:
    """As `us_apr`, but by Directive 2008/48/EC Annex I, as 2011/90/EU words it: whole periods counted back from
    each instalment, twelve months or 52 weeks a year, and the odd days before them over 365; compounded."""
    flows, years = _flows(agreed, cost)
    timed = flows.join(years, on="loan_id", maintain_order="left").with_columns(
        periods=pl.col("periods") / pl.col("a_year") + pl.col("fraction") * pl.col("days") / 365,
        fraction=pl.lit(0.0),
    )
    rates = solved_rate(timed)
    return rates.select("loan_id", apr=effective_percent(pl.col("rate"), 1))


def in_apr(agreed: pl.DataFrame, cost: pl.DataFrame) -> pl.DataFrame:
    """As `us_apr`, but as India's key facts statement has it (RBI, 15 April 2024, annex B): the rate of a month,
    compounded within an odd first period, times twelve."""
    flows, years = _flows(agreed, cost)
    timed = flows.join(years, on="loan_id", maintain_order="left").with_columns(
        periods=(pl.col("periods") + pl.col("fraction")) * 12 / pl.col("a_year"),
        fraction=pl.lit(0.0),
    )
    return solved_rate(timed).select("loan_id", apr=nominal_percent(pl.col("rate"), 12))


def _flows(agreed: pl.DataFrame, cost: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What loans advance and ask as `solved_rate` takes it, in unit periods of each loan; and `loan_id`, `a_year`
    (unit periods of a year), `days` of one."""
    by_unit = {unit.value: float(n) for unit, n in _YEAR.items()}
    every = pl.col("every").cast(pl.Float64)
    days = {unit.value: float(n) for unit, n in _DAYS.items()}
    loans = _with_first_period(agreed).select(
        "loan_id",
        "whole",
        odd=pl.col("odd").cast(pl.Float64)
        / (pl.col("unit").replace_strict(days, return_dtype=pl.Float64) * every),
        a_year=pl.col("unit").replace_strict(by_unit, return_dtype=pl.Float64) / every,
        days=pl.col("unit").replace_strict(days, return_dtype=pl.Float64) * every,
        lent="principal_agreed",
    )
    rows = _redated(expand(agreed).join(loans, on="loan_id"), agreed)
    if has_agreed_rows(agreed):  # of rows that were agreed, time is days, 365 a year
        told = agreed.filter(pl.col("agreed_schedule").is_not_null())
        starts = told.select("loan_id", start="disbursed_on")
        rows = rows.join(starts, on="loan_id", how="left", maintain_order="left")
        since = (pl.col("period_end") - pl.col("start")).dt.total_days().cast(pl.Float64)
        rows = rows.with_columns(_in=since * pl.col("a_year") / 365)
    else:
        rows = rows.with_columns(_in=pl.lit(None, dtype=pl.Float64))
    kept = kept_of_payout(agreed)
    rows = rows.join(kept, on="loan_id", how="left", maintain_order="left")
    early = pl.when(pl.col("instalment_no") == 1).then(pl.col("kept").fill_null(0)).otherwise(0)
    paid = rows.select(
        "loan_id",
        amount=pl.col("principal") + pl.col("interest") - early,
        periods=pl.coalesce(
            "_in",
            (pl.col("whole") + pl.col("instalment_no") - pl.col("counts_from")).cast(pl.Float64),
        ),
        fraction=pl.when(pl.col("_in").is_null()).then("odd").otherwise(0.0),
    )
    at_once = loans.join(cost, on="loan_id", how="left").join(kept, on="loan_id", how="left")
    out = at_once.select(
        "loan_id",
        amount=pl.col("cost").fill_null(0) + pl.col("kept").fill_null(0) - pl.col("lent"),
        periods=pl.lit(0.0),
        fraction=pl.lit(0.0),
    )
    flows = pl.concat([out, paid]).sort("loan_id", maintain_order=True)
    return flows, loans.select("loan_id", "a_year", "days")


def _redated(rows: pl.DataFrame, agreed: pl.DataFrame) -> pl.DataFrame:
    """Instalments with the `whole` unit periods and the `odd` share of one before instalment `counts_from`, by which
    their due dates are counted: the first, or that from which on they are counted anew."""
    rows = rows.with_columns(counts_from=pl.lit(1, dtype=pl.Int32))
    units = codes(agreed, "unit")
    length = pl.col("unit").replace_strict({u.value: n for u, n in _DAYS.items()}) * pl.col("every")
    for k in range(changes_of(agreed)):
        begins, date, _ = change(k)
        loans = agreed.filter(begins.is_not_null()).with_columns(_from=begins, _date=date)
        number, most = pl.col("_from"), MOST_BEFORE + int(loans["_from"].max())  # type: ignore[arg-type]

        def back(m: pl.Expr | int, most: int = changes_of(agreed)) -> pl.Expr:
            return due_date(pl.col("_from") - m, units, changes=most, like=pl.col("_from"))

        start = pl.col("disbursed_on")
        whole = pl.sum_horizontal((back(m) >= start).cast(pl.Int64) for m in range(most + 1)) - 1
        counted = loans.with_columns(_whole=whole).select(
            "loan_id", "_from", "_whole",
            _odd=(back(pl.col("_whole")) - start).dt.total_days().cast(pl.Float64) / length,
        )  # fmt: skip
        here = pl.col("instalment_no") >= number
        rows = (
            rows.join(counted, on="loan_id", how="left", maintain_order="left")
            .with_columns(
                whole=pl.when(here).then("_whole").otherwise("whole"),
                odd=pl.when(here).then("_odd").otherwise("odd"),
                counts_from=pl.when(here).then("_from").otherwise("counts_from"),
            )
            .drop("_whole", "_odd", "_from")
        )
    return rows


def _with_first_period(agreed: pl.DataFrame) -> pl.DataFrame:
    """Terms with `whole` unit periods and `odd` days before them, to the first instalment."""
    units = codes(agreed, "unit")
    back = [due_date(pl.lit(1 - k), units) for k in range(MOST_BEFORE + 1)]
    start = pl.col("disbursed_on")
    whole = pl.sum_horizontal((date >= start).cast(pl.Int64) for date in back) - 1
    begun = agreed.with_columns(whole=whole)
    first = due_date(1 - pl.col("whole"), units)
    return begun.with_columns(odd=(first - start).dt.total_days())
