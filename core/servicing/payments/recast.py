"""Recast: money off the balance lowers the level instalment, and the loan ends when it was to end."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Excess, Status
from loanbook.core.catalogue.components import is_principal
from loanbook.core.servicing.loan import segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.level_instalment import stepped, with_what_stands


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
