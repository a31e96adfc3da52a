"""Cash flow to come of a book: by contract, and at speeds that a scenario sets or the book's past shows.

Loans of one rate and remaining term are a pool; a pool is taken to be level and monthly (pool_cash_flow), so of other
schedules the figures are an estimate.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.frames import largest
from loanbook.core.policy.risk.scenarios import Scenario, Speed
from loanbook.core.reporting import prepayment as speed
from loanbook.core.reporting.metrics import Metric
from loanbook.core.reporting.pool_cash_flow import cash_flow

CONTRACTUAL = Metric(
    "contractual_flow", "By contract", "Principal and interest that live loans pay if each pays what is agreed, "
    "loans taken as level and monthly", "", "currency", "left out",
)  # fmt: skip
BEHAVIOURAL = Metric(
    "behavioural_flow", "As the scenario has it", "Principal, prepayment, interest and recoveries of the same loans at "
    "the scenario's speeds", "", "currency", "left out; defaults to come are counted",
)  # fmt: skip
NOTHING_HAPPENS = Scenario(name="contract", version=1, effective_from=dt.date(2000, 1, 1))
"""Of a book that showed no speed: nothing is prepaid, nothing defaults."""
METRICS = (CONTRACTUAL, BEHAVIOURAL)
FLOWS = ("scheduled", "prepaid", "interest", "recovered", "lost", "balance")


def speeds(pools: pl.DataFrame, scenario: Scenario, seen: dict[str, float]) -> pl.DataFrame:
    """`pool`, `month`, `smm`, `mdr` to the end of each pool's term.

    `pools`: `pool`, `term` (months to come), `age` (months since origination). `seen`: `smm` and `mdr` that the book
    showed, which `observed` multiplies.
    """
    longest = largest(pools["term"])
    months = pl.DataFrame({"month": range(1, longest + 1)}, schema={"month": pl.Int32})
    grid = pools.select("pool", "term", "age").join(months, how="cross")
    age = pl.col("age") + pl.col("month")
    smm = _monthly(scenario.prepayment, seen["smm"], age)
    mdr = _monthly(scenario.default, seen["mdr"], age)
    return (
        grid.filter(pl.col("month") <= pl.col("term"))
        .select("pool", "month", smm=smm.clip(0, 1), mdr=mdr.clip(0, 1))
        .sort("pool", "month")
    )


def _monthly(told: Speed, seen: float, age: pl.Expr) -> pl.Expr:
    """The share a month of a speed."""
    value = pl.lit(told.value)
    match told.curve:
        case "observed":
            return pl.lit(min(seen * told.value, 1.0))
        case "psa":
            return speed.smm_of_cpr(speed.cpr_of_psa(value, age))
        case "abs":
            return speed.smm_of_abs(value, age)
        case "sda":
            return speed.smm_of_cpr(speed.cdr_of_sda(value, age))
        case _:
            return speed.smm_of_cpr(value)


def contractual(pools: pl.DataFrame) -> pl.DataFrame:
    """`month`, `scheduled`, `interest`, `balance` (at its end) of all pools, by contract.

    `pools`: `pool`, `balance`, `rate` (Float64 share a year), `term`, `age`.
    """
    return _summed(pools, NOTHING_HAPPENS, {"smm": 0.0, "mdr": 0.0})


def behavioural(pools: pl.DataFrame, scenario: Scenario, seen: dict[str, float]) -> pl.DataFrame:
    """`month` and `FLOWS` of all pools at a scenario's speeds, in the unit of `balance`."""
    return _summed(pools, scenario, seen)


def _summed(pools: pl.DataFrame, scenario: Scenario, seen: dict[str, float]) -> pl.DataFrame:
    rated = pools.filter((pl.col("term") > 0) & (pl.col("balance") > 0)).with_columns(
        wac=pl.col("rate"), net_rate=pl.col("rate"),
        months_to_liquidation=pl.lit(scenario.months_to_recovery),
        severity=pl.lit(scenario.severity), advance=pl.lit(False),
    )  # fmt: skip
    if rated.is_empty():
        return pl.DataFrame(schema={"month": pl.Int32, **dict.fromkeys(FLOWS, pl.Float64)})
    flows = cash_flow(rated, speeds(rated, scenario, seen))
    return (
        flows.group_by("month")
        .agg(
            scheduled=pl.col("paid_principal").sum(),
            prepaid=pl.col("prepaid").sum(),
            interest=(pl.col("expected_interest") - pl.col("lost_interest")).sum(),
            recovered=pl.col("recovered").sum(),
            lost=pl.col("lost").sum(),
            balance=pl.col("performing").sum(),
        )
        .sort("month")
    )
