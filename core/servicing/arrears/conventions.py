"""Delinquency in every convention at once, from the days that a loan has lived.

Each convention reads the same stored figures (`oldest_due_date`, what is overdue, what is owed),
so one change of a rule never moves another. Sources: RBI circular RBI/2021-2022/125 of 12 November
2021 (special mention accounts, non-performing assets, upgrade on payment of all arrears); MBA and
OTS methods as US mortgage servicers report; EBA/GL/2016/07 with the thresholds of Regulation (EU)
2018/171; IFRS 9 5.5.11 and B5.5.37; US uniform retail credit policy, 65 FR 36903.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.contract.dates.due_dates import add_months
from loanbook.core.contract.money import PPB, int128
from loanbook.core.servicing.arrears.days_past_due import days_past_due, off_on


@dataclass(frozen=True)
class Thresholds:
    """What the conventions leave to policy; the defaults are those of the sources."""

    material_minor: int = 10_000
    """Arrears that are material (EBA, retail: 100 EUR), minor units."""
    material_ppb: int = 10_000_000
    """... and as a share of the exposure: 1 %."""
    default_after: int = 90
    """Days that may pass before a default (EBA) or a non-performing asset (RBI)."""
    charge_off_after: int = 120
    """Days past due by whose month's end a closed-end loan is charged off (US)."""


@dataclass(frozen=True)
class Shown:
    """What a convention says of a loan on a date: a column of `states_by_date`."""

    name: str
    kind: type[pl.DataType]
    value: Callable[[Thresholds], pl.Expr]
    """Reads the days of `states_by_date` and what it counts of them (`_counted`, `_classified`)."""
    turns: bool = False
    """It turns now and then, not every day: reports show the dates on which it does."""


def states_by_date(days: pl.DataFrame, rules: Thresholds) -> pl.DataFrame:
    """The state of every loan on every date of `days`, in each convention (schema `STATES`).

    `days`: a row a loan and business date without gaps, with `loan_id`, `business_date`,
    `oldest_due_date` (null without counted arrears), `due_today` (Boolean: something that counts
    fell due on the date and is unpaid), `arrears`, `exposure` (Int64 minor units), `status`,
    `non_accrual`, `anchor_day`; maybe `borrower` (String, null: of no other loan), by whom
    RBI classifies. Counters that depend on the past (EBA's days, RBI's
    non-performing assets) begin with the first row of a loan.
    """
    counted = _counted(days.sort("loan_id", "business_date"), rules)
    classified = counted.join(
        _classified(counted, rules), on=["loan_id", "business_date"], maintain_order="left"
    )
    return classified.select(
        "loan_id",
        "business_date",
        *(each.value(rules).cast(each.kind).alias(each.name) for each in SHOWN),
    )


def _counted(days: pl.DataFrame, rules: Thresholds) -> pl.DataFrame:
    """`days` with what several conventions count: `days_after_due`, `rbi_days`, `eba_days`."""
    on, oldest = pl.col("business_date"), pl.col("oldest_due_date")
    return (
        days.with_columns(
            days_after_due=days_past_due(on, oldest, pl.lit(0)),
            rbi_days=days_past_due(
                on, pl.coalesce(oldest, pl.when("due_today").then(on)), pl.lit(1)
            ),
            material=oldest.is_not_null()
            & (pl.col("arrears") > rules.material_minor)
            & (int128(pl.col("arrears")) * PPB > int128(pl.col("exposure")) * rules.material_ppb),
        )
        .with_columns(calm=(~pl.col("material")).cum_sum().over("loan_id"))
        .with_columns(eba_days=pl.col("material").cum_sum().over("loan_id", "calm"))
    )


def _classified(counted: pl.DataFrame, rules: Thresholds) -> pl.DataFrame:
    """`class_days`, `npa` of each loan and date: of the worst of all its borrower's loans, and
    non-performing until the arrears of all of them are paid."""
    whose = pl.format("loan {}", "loan_id")
    if "borrower" in counted.columns:
        whose = pl.coalesce("borrower", whose)
    owned = counted.select("loan_id", "business_date", "rbi_days", owner=whose)
    days = pl.col("class_days")
    spells = (
        owned.group_by("owner", "business_date")
        .agg(class_days=pl.col("rbi_days").max())
        .sort("owner", "business_date")
        .with_columns(spell=(days == 0).cum_sum().over("owner"))
        .with_columns(worst=days.cum_max().over("owner", "spell"))
        .with_columns(npa=(pl.col("worst") > rules.default_after) & (days > 0))
    )
    return owned.join(spells, on=["owner", "business_date"], maintain_order="left").select(
        "loan_id", "business_date", "class_days", "npa"
    )


def _whole_months(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Due dates that went by from `start` to `end`, both ends included, less the first; 0 if null."""
    years = end.dt.year().cast(pl.Int32) - start.dt.year().cast(pl.Int32)
    months = years * 12 + end.dt.month().cast(pl.Int32) - start.dt.month().cast(pl.Int32)
    reached = add_months(start, months, pl.col("anchor_day"), pl.lit(False))
    return (months - (reached > end).cast(pl.Int32)).clip(lower_bound=0).fill_null(0)


def _rbi_class() -> pl.Expr:
    """An account that became non-performing is so until all arrears are paid."""
    days = pl.col("class_days")
    return (
        pl.when("npa")
        .then(pl.lit("NPA"))
        .when(days > 60)
        .then(pl.lit("SMA-2"))
        .when(days > 30)
        .then(pl.lit("SMA-1"))
        .when(days > 0)
        .then(pl.lit("SMA-0"))
        .otherwise(pl.lit("standard"))
    )


def stage_of(days: pl.Expr) -> pl.Expr:
    """The stage of IFRS 9, by the backstops of 30 and 90 `days` after the oldest due date, of a loan's `status` and
    `non_accrual`."""
    lost = (pl.col("status") == Status.charged_off.value) | pl.col("non_accrual")
    return pl.when((days > 90) | lost).then(3).when(days > 30).then(2).otherwise(1)


_ON, _OLDEST = pl.col("business_date"), pl.col("oldest_due_date")
SHOWN = (
    Shown("days_after_due", pl.Int32, lambda _: pl.col("days_after_due")),
    Shown("rbi_days", pl.Int32, lambda _: pl.col("rbi_days")),
    Shown("rbi_class", pl.String, lambda _: _rbi_class(), turns=True),
    Shown(
        "us_mba_months",
        pl.Int32,
        lambda _: _whole_months(_OLDEST, _ON + pl.duration(days=1)),
        turns=True,
    ),
    Shown("us_ots_months", pl.Int32, lambda _: _whole_months(_OLDEST, _ON), turns=True),
    Shown("eba_days", pl.Int32, lambda _: pl.col("eba_days")),
    Shown("eba_default", pl.Boolean, lambda r: pl.col("eba_days") > r.default_after, turns=True),
    Shown("ifrs9_stage", pl.Int8, lambda _: stage_of(pl.col("days_after_due")), turns=True),
    Shown(
        "us_charge_off_by",
        pl.Date,
        lambda r: off_on(_OLDEST, pl.lit(r.charge_off_after), pl.lit(True)),
    ),
)
"""Every convention that is shown beside the count of the policy. A new one is a row here."""
STATES = {"loan_id": pl.Int64, "business_date": pl.Date} | {each.name: each.kind for each in SHOWN}
"""Schema of `states_by_date`."""
TURNS = tuple(each.name for each in SHOWN if each.turns)
"""States that turn now and then, not every day."""
