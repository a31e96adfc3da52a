"""Positions show their dues, and are sane: one row a loan, no amount below zero that must not be."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import (
    DUES,
    is_,
    is_charge,
)
from loanbook.core.servicing.laws.law import Law, Moved, verdict
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.schedule.moved_due_dates import billed_not_due


def dues_agree(moved: Moved) -> Law:
    """What a position shows as due equals its open dues, component by component."""
    unpaid = pl.col("amount") - pl.col("paid")
    fallen = (pl.col("due_date") <= BUSINESS_DATE) | is_charge()
    if moved.lines.len():
        fallen = fallen | pl.col("loan_id").is_in(moved.lines.implode())
    owed = moved.dues.filter(fallen)
    if moved.ahead.len():
        loans = moved.after.filter(pl.col("loan_id").is_in(moved.ahead.implode()))
        billed = billed_not_due(moved.dues, loans).filter(~fallen)
        owed = pl.concat([owed, billed.select(owed.columns)])
    open_ = owed.group_by("loan_id").agg(
        unpaid.filter(is_(each)).sum().alias(f"open_{name}") for name, each in DUES.items()
    )
    shown = moved.after.filter(pl.any_horizontal(pl.col(name) != 0 for name in DUES))
    broken = (
        shown.select("loan_id", *DUES)
        .join(open_, on="loan_id", how="full", coalesce=True)
        .fill_null(0)
        .filter(pl.any_horizontal(pl.col(name) != pl.col(f"open_{name}") for name in DUES))
    )
    return verdict("positions_show_their_dues", broken, f"{moved.dues.height} dues")


def one_row_a_loan(moved: Moved) -> Law:
    """One position a loan, and no amount below zero that must not be."""
    positions = moved.after
    bad = positions.filter(
        (pl.min_horizontal("principal", *DUES, "credit", "cash_advances") < 0)
        | (pl.max_horizontal("principal_due", "cash_advances") > pl.col("principal"))
    )
    ids = positions["loan_id"]
    doubled = 0 if ids.is_sorted() and ids.n_unique() == ids.len() else 1
    law = verdict("positions_are_sane", bad, f"{positions.height} loans")
    return Law(law.name, law.holds and not doubled, law.broken + doubled, law.figures, law.example)
