"""What falls due today: instalments are billed and booked, and taxed where interest is."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import InterestMode
from loanbook.core.catalogue.components import Component
from loanbook.core.servicing.interest.at_once import earn_at_once
from loanbook.core.servicing.loan import balances, line
from loanbook.core.servicing.loan.dues import due_rows, merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.loan.taxes import ask_tax
from loanbook.core.servicing.schedule.billing import bill, is_billed
from loanbook.core.servicing.schedule.statements import minimum_share


def fall_due(day: DayState) -> pl.Series:
    """Bill the instalments whose period ends today; returns the ids of their loans.

    A calendar may move several onto one day: they are billed one after the other.
    """
    billed = [_billed_next(day)]
    while billed[-1].len():
        billed.append(_billed_next(day))
    return pl.concat(billed)


def _billed_next(day: DayState) -> pl.Series:
    """Bill one instalment of each loan whose period ends today; returns their ids."""
    if not day.loans.select(is_billed()).to_series().any():
        return pl.Series("loan_id", dtype=pl.Int64)
    at_once = (pl.col("period_start") == pl.col("period_end")) & is_billed()
    fixed = (pl.col("interest_mode") == InterestMode.scheduled) & ~pl.col("materialised")
    # interest that the schedule fixes, of a period without a night
    none_left = day.loans.select(at_once & fixed & (pl.col("period_interest") != 0)).to_series()
    earn_at_once(day, none_left, pl.col("period_interest"))
    day.loans, day.dues, billed = bill(day.loans, day.dues, day.policies.calendars)
    if billed.is_empty():
        return billed["loan_id"]
    day.book_within_claim(billed, "interest_due", "interest_accrued", "billed_interest")
    day.book(billed, "loan_principal", "interest_accrued", "capitalised")
    taxable = billed.with_columns(component=pl.lit(Component.interest.value, dtype=pl.Int8))
    before = day.loans.select("loan_id", taxes_before="taxes_due")
    ask_tax(day, taxable.rename({"taxable": "base"}))
    _take_in_tax(day, billed, before)
    return billed["loan_id"]


def _take_in_tax(day: DayState, billed: pl.DataFrame, before: pl.DataFrame) -> None:
    """The tax of a line's statement is part of its minimum and of its balance.

    A minimum that is the floor asks so much less principal, one that is a share asks the tax too.
    """
    if not (day.concerns(day.policies.taxes) and day.loans["revolving"].any()):
        return
    taxed = (
        day.loans.filter("revolving")
        .join(before, on="loan_id", maintain_order="left")
        .join(billed.select("loan_id", "billed_principal", no="instalment_no", falls="due_date"),
              on="loan_id", maintain_order="left")
        .with_columns(tax=pl.col("taxes_due") - pl.col("taxes_before"))
        .filter(pl.col("tax") > 0)
    )  # fmt: skip
    if taxed.is_empty():
        return
    minimum = pl.col("billed_principal")
    least = pl.min_horizontal(minimum_share(), minimum)
    taxed = taxed.with_columns(less=minimum - pl.max_horizontal(minimum - pl.col("tax"), least))
    rows = due_rows(taxed.filter(pl.col("less") > 0), "no", Component.principal, "falls",
                    -pl.col("less"))  # fmt: skip
    day.dues = merge_dues(day.dues, rows)
    joined = day.loans.join(
        taxed.select("loan_id", "less", "tax"), on="loan_id", how="left", maintain_order="left"
    ).with_columns(pl.col("less", "tax").fill_null(0))
    day.loans = joined.with_columns(
        **balances.grow_due(Component.principal, -pl.col("less")),
        **line.add_to_statement(pl.col("tax")),
    ).select(day.loans.columns)
