"""Printed annual percentage rates: every case's cash flows, solved in one batch."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.disclosed.apr import effective_percent, nominal_percent, solved_rate
from tests.conformance.outcome import Outcome, judged
from tests.conformance.printed_words import UnknownWordsError, period
from tests.conformance.terms import row, schedules

Flow = tuple[int, float, float]
"""Minor units (advances below zero), periods, fraction."""


def apr(cases: list[dict[str, Any]]) -> list[Outcome]:
    """Regulation Z, EU and India alike."""
    rows, shapes = [], {}
    for place, case in enumerate(cases):
        flows, years, nominal = _MAPPED[case["category"]](case["inputs"])
        shapes[place] = (years, nominal)
        rows += [(place, *flow) for flow in flows]
    frame = pl.DataFrame(
        rows, orient="row",
        schema={"loan_id": pl.Int64, "amount": pl.Int64, "periods": pl.Float64, "fraction": pl.Float64},
    )  # fmt: skip
    found = solved_rate(frame).with_columns(
        years=pl.col("loan_id").replace_strict(
            {k: v[0] for k, v in shapes.items()}, return_dtype=pl.Float64
        )
    )
    percent = dict(
        found.select(
            "loan_id",
            pl.struct(
                a=nominal_percent(pl.col("rate"), pl.col("years")),
                b=effective_percent(pl.col("rate"), pl.col("years")),
            ),
        ).rows()
    )
    outcomes = []
    for place, case in enumerate(cases):
        ours = percent[place]["a" if shapes[place][1] else "b"]
        told = str(case["expected"]["apr_percent"])
        bound = (
            case.get("abs_tol") or float(Decimal(1).scaleb(Decimal(told).as_tuple().exponent)) / 2
        )  # type: ignore[arg-type]
        same = abs(ours - float(told)) <= bound * (1 + 1e-9)
        outcomes.append(judged(case, [] if same else [f"{ours:.6f} %, expected {told} %"]))
    return outcomes


def _units(text: str) -> int:
    """Some tables carry amounts unrounded: 10^-10 of the currency is the unit here."""
    return int((Decimal(text) * 10**10).to_integral_value(ROUND_HALF_UP))


def _regz(given: dict[str, Any]) -> tuple[list[Flow], float, bool]:
    if "advances" in given:
        flows: list[Flow] = []
        for sign, name in ((-1, "advances"), (1, "payments")):
            for run in given[name]:
                first, part = int(run["whole_to_first"]), float(run["fraction"])
                flows += [
                    (sign * _units(run["amount"]), first + k, part) for k in range(run["count"])
                ]
        return flows, float(Fraction(str(given["unit_periods_per_year"]))), True
    flows = [(-_units(given["amount_financed"]), 0.0, 0.0)]
    first = given.get("unit_periods_to_first", 1)
    part = given.get("odd_days", 0) / given.get("odd_day_divisor", 1)
    unit, every = _unit_period(given)
    since = [_periods_between(given["payments"][0], p, unit, every) for p in given["payments"]]
    flows += [(_units(p["amount"]), first + k, part)
              for p, k in zip(given["payments"], since, strict=True)]  # fmt: skip
    year = given.get("unit_periods_per_year") or _A_YEAR[unit] / every
    return flows, float(Fraction(str(year))), True


_A_YEAR = {Unit.months: 12, Unit.weeks: 52, Unit.days: 365, Unit.semi_monthly: 24}
_DAYS = {Unit.weeks: 7, Unit.days: 1}


def _unit_period(given: dict[str, Any]) -> tuple[Unit, int]:
    """`1 month`, `2 weeks`, or the `164 days` of a single payment."""
    return period(given.get("unit_period", "1 month"))


def _periods_between(first: dict[str, Any], payment: dict[str, Any], unit: Unit, every: int) -> int:
    """Whole unit periods from the first payment to another: a skipped one counts."""
    a, b = (dt.date.fromisoformat(p["date"]) for p in (first, payment))
    if unit is Unit.months:
        return ((b.year - a.year) * 12 + b.month - a.month) // every
    if unit is Unit.semi_monthly:
        return (b.year - a.year) * 24 + (b.month - a.month) * 2 + (b.day > 15) - (a.day > 15)
    return (b - a).days // (_DAYS[unit] * every)


def _eu(given: dict[str, Any]) -> tuple[list[Flow], float, bool]:
    flows: list[Flow] = []
    for sign, name in ((-1, "drawdowns"), (1, "payments")):
        for run in given[name]:
            t = run["t"]
            start = _years(t)
            step = _years({k[5:]: v for k, v in run.items() if k.startswith("step_")})
            flows += [
                (sign * _units(run["amount"]), start + k * step, 0.0) for k in range(run["count"])
            ]
    return flows, 1.0, False


def _years(t: dict[str, Any]) -> float:
    """Years of a length told in months, weeks, days and years, alone or together."""
    if odd := set(t) - {
        "months",
        "plus_months",
        "weeks",
        "plus_weeks",
        "days",
        "year_days",
        "years",
    }:
        raise UnknownWordsError(f"time in {', '.join(sorted(odd))}")
    months, weeks = (t.get(k, 0) + t.get(f"plus_{k}", 0) for k in ("months", "weeks"))
    return t.get("years", 0) + months / 12 + weeks / 52 + t.get("days", 0) / t.get("year_days", 365)


def _india(given: dict[str, Any]) -> tuple[list[Flow], float, bool]:
    """The fee is taken off what is paid out; the instalment is to the paisa."""
    principal = int(Decimal(given["principal"]) * 100)
    table = schedules([
        row(principal=principal, rate_percent=given["annual_rate_percent"], n=given["n"],
            start=dt.date(2024, 1, 1), first_due=dt.date(2024, 2, 1))
    ])[0]  # fmt: skip
    emi = table["principal"][0] + table["interest"][0]
    flows: list[Flow] = [(-(principal - int(Decimal(given["fee"]) * 100)), 0.0, 0.0)]
    flows += [(emi, float(k), 0.0) for k in range(1, given["n"] + 1)]
    return flows, 12.0, True


_MAPPED = {"apr_regz": _regz, "apr_eu": _eu, "apr_india": _india}
