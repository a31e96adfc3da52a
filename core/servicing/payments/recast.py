"""Recast: money off the balance lowers the level instalment, and the loan ends when it was to end."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Excess, Status
from loanbook.core.catalogue.components import is_principal
from loanbook.core.servicing.loan import segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.level_instalment import stepped, with_what_stands
from loanbook.core.servicing.schedule.running_instalment import (
    any_takes_all,
    demanded_on_due_date,
    lowered,
)


def demand_on_due_date(day: DayState, money: pl.DataFrame) -> pl.Series:
    """Let the instalment of today ask all that `money` (`loan_id`, `amount`) brings, of loans whose product
    says so; returns their ids. A payment that says itself where it goes asks for nothing."""
    if not any_takes_all(day.loans):
        return day.loans["loan_id"].clear()
    if "excess_of_event" in money.columns:
        money = money.filter(pl.col("excess_of_event").is_null())
    day.loans, day.dues, ids = demanded_on_due_date(day.loans, day.dues, money)
    return ids


def lower_after_due_date(day: DayState, money: pl.DataFrame, ids: pl.Series) -> None:
    """Solve the level instalment anew of loans `ids` that paid more than was due, at the start of a period."""
    mask = day.loans["loan_id"].is_in(ids.implode())
    if not mask.any():
        return
    before = day.loans.filter(mask)
    after = lowered(before, pl.lit(True))
    day.loans = replaced(day.loans, mask, before, after.select(before.columns))
    paid = money.filter(pl.col("loan_id").is_in(ids.implode()))
    day.changed.append(paid.select("loan_id", "event_id"))


def recast(day: DayState, money: pl.DataFrame, allocations: pl.DataFrame) -> None:
    """Solve the level instalment anew of loans whose balance `allocations` of `money` lowered, where
    the product says so and the payer does not say otherwise.

    `money`: `loan_id`, `event_id`, `rule`, maybe `excess_of_event`.
    """
    excess = day.policies.excess.rename({"excess": "excess_of_rule"})
    by_rule = (day.policies.excess["excess"] == Excess.recast.value).any()
    if not by_rule and not (day.loans["excess"] == Excess.recast.value).any():
        return
    told = [name for name in ("excess_of_event",) if name in money.columns]
    lowered = allocations.filter(is_principal() & (pl.col("instalment_no") == 0))
    wanted = (
        day.loans.join(money.drop("amount"), on="loan_id")
        .join(excess, on="rule", how="left", maintain_order="left")
        .filter(pl.coalesce(*told, "excess_of_rule", "excess") == Excess.recast.value)
        .filter(pl.col("status") == Status.active.value)
        .join(lowered.select("loan_id").unique(), on="loan_id", how="semi")
    )
    if wanted.is_empty():
        return
    mask = day.loans["loan_id"].is_in(wanted["loan_id"].implode())
    before = day.loans.filter(mask)
    # interest to the day is paid, and rounded with it: the new schedule begins with none
    paid = pl.col("interest_accrued") == 0
    loans = before.with_columns(
        **segment.set_earned("accrued_prepaid", where=paid),
        keep=pl.lit("term"),
        lifted_interest=pl.lit(0, dtype=pl.Int64),
    )
    loans = with_what_stands(loans, day.dues)
    after = stepped(loans, day.policies.calendars).select(before.columns)
    day.loans = replaced(day.loans, mask, before, after)
    day.changed.append(wanted.select("loan_id", "event_id"))
