"""A batch of terms for the contract engine, one row a case, in one frame."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl

from loanbook.core.contract.dates.day_count import RateBasis
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.figures import Amortisation
from loanbook.core.contract.first_period import Stub
from loanbook.core.contract.money import Rounding
from loanbook.core.contract.schedule.agreement import agree
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.contract.steps_and_seasons import PLAIN

_SCHEMA = {
    "loan_id": pl.Int64, "principal_agreed": pl.Int64, "balloon": pl.Int64, "rate_ppb": pl.Int64,
    "instalments": pl.Int16, "every": pl.Int16, "unit": pl.Int8, "disbursed_on": pl.Date,
    "first_due_date": pl.Date, "anchor_day": pl.Int8, "second_anchor_day": pl.Int8,
    "end_of_month": pl.Boolean, "emi": pl.Int64, "first_interest_adjustment": pl.Int64,
    "amortisation": pl.Int8, "basis": pl.Int8, "stub": pl.Int8, "interest_rounding": pl.Int8,
    "instalment_rounding": pl.Int8, "instalment_multiple": pl.Int64,
    "smooth_last_instalment": pl.Boolean, "grace_principal": pl.Int8, "grace_interest": pl.Int8,
    "grace_charged": pl.Int8, "decimal_factor": pl.Boolean, "unpaid_until": pl.Date,
    "matures_on": pl.Date, "level_last": pl.Boolean, "lent": pl.Int64,
    "flat_by_days": pl.Boolean, "step_ppb": pl.Int64, "step_every": pl.Int32, "season": pl.Int64,
    "capitalises": pl.Boolean, "level_of_even_periods": pl.Boolean,
}  # fmt: skip


def row(
    *,
    principal: int,
    rate_percent: str,
    n: int,
    start: dt.date,
    first_due: dt.date,
    unit: Unit = Unit.months,
    every: int = 1,
    amortisation: Amortisation = Amortisation.equal_instalment,
    basis: RateBasis = RateBasis.period,
    rounding: Rounding = Rounding.half_even,
    instalment_rounding: Rounding | None = None,
    multiple: int = 1,
    smooth: bool = False,
    emi: int | None = None,
    balloon: int = 0,
    anchor_day: int | None = None,
    stub: Stub = Stub.prorate,
    grace: tuple[int, int, int] = (0, 0, 0),
    decimal_factor: bool = False,
    unpaid_until: dt.date | None = None,
    matures_on: dt.date | None = None,
    level_last: bool = False,
    flat_by_days: bool = False,
    lent: int | None = None,
    step_percent: str = "0",
    step_every: int = 12,
    capitalises: bool = False,
    even_periods: bool = False,
) -> dict[str, object]:
    """One row of the batch; money in minor units, instalments rounded as interest unless told."""
    return {
        "principal_agreed": principal, "balloon": balloon,
        "rate_ppb": int(Decimal(rate_percent) * 10**7), "instalments": n, "every": every,
        "unit": unit.value, "disbursed_on": start, "first_due_date": first_due,
        "anchor_day": anchor_day or first_due.day, "second_anchor_day": 1, "end_of_month": False,
        "emi": emi, "first_interest_adjustment": 0, "amortisation": amortisation.value,
        "basis": basis.value, "stub": stub.value, "interest_rounding": rounding.value,
        "instalment_rounding": (rounding if instalment_rounding is None else instalment_rounding).value,
        "instalment_multiple": multiple,
        "smooth_last_instalment": smooth, "grace_principal": grace[0], "grace_interest": grace[1],
        "grace_charged": grace[2], "decimal_factor": decimal_factor, "unpaid_until": unpaid_until,
        "lent": lent, "matures_on": matures_on, "level_last": level_last, "flat_by_days": flat_by_days,
        "step_ppb": int(Decimal(step_percent) * 10**7), "step_every": step_every,
        "season": PLAIN,
        "capitalises": capitalises, "level_of_even_periods": even_periods,
    }  # fmt: skip


def schedules(rows: list[dict[str, object]]) -> list[pl.DataFrame]:
    """Instalments of every row, in the order of `rows`; of long ones apart, a batch takes as many turns
    as its longest has instalments."""
    if not rows:
        return []
    found: dict[tuple[object, ...], pl.DataFrame] = {}
    long = pl.col("instalments") > 60
    for part in _frame(rows).with_columns(long=long).partition_by("long", include_key=False):
        agreed = agree(part.drop("unpaid_until"))
        if part["unpaid_until"].is_not_null().any():
            agreed = agreed.join(part.select("loan_id", "unpaid_until"), on="loan_id")
        found |= expand(agreed).partition_by("loan_id", as_dict=True, maintain_order=True)
    return [found[(i,)] for i in range(len(rows))]


def expanded_together(rows: list[dict[str, object]]) -> list[pl.DataFrame]:
    """As `schedules`, of all kinds in one batch, as in a book."""
    terms = agree(_frame(rows).drop("unpaid_until"))
    found = expand(terms).partition_by("loan_id", as_dict=True, maintain_order=True)
    return [found[(i,)] for i in range(len(rows))]


def _frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(
        [r | {"loan_id": i} for i, r in enumerate(rows)], schema=_SCHEMA, orient="row"
    )
