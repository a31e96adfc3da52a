"""Positions show their dues, no due is overpaid, and positions are sane."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import label
from loanbook.core.catalogue.components import DUES, Component, is_, is_charge
from loanbook.core.servicing.laws.law import Law, verdict
from loanbook.core.servicing.laws.moved import Moved
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
    shows = pl.any_horizontal(pl.col(name) != 0 for name in DUES)
    broken = (
        moved.after.select("loan_id", *DUES)
        .filter(shows)
        .join(open_, on="loan_id", how="full", coalesce=True)
        .fill_null(0)
        .filter(pl.any_horizontal(pl.col(name) != pl.col(f"open_{name}") for name in DUES))
    )
    return verdict("positions_show_their_dues", _by_component(broken), f"{moved.dues.height} dues")


def _by_component(broken: pl.DataFrame) -> pl.DataFrame:
    """What loans show beside what their dues say, a row for each component that differs."""
    return pl.concat(
        broken.filter(pl.col(name) != pl.col(f"open_{name}")).select(
            "loan_id",
            figure=pl.lit(name.replace("_", " ")),
            shown=name,
            unpaid_on_its_dues=f"open_{name}",
        )
        for name in DUES
    )


def no_due_is_overpaid(moved: Moved) -> Law:
    """No due is paid beyond its amount, and none of it is below zero."""
    paid, amount = pl.col("paid"), pl.col("amount")
    broken = moved.dues.filter((paid > amount) | (paid < 0)).select(
        "loan_id",
        instalment=pl.format("instalment {}", "instalment_no"),
        component=label("component", Component),
        amount="amount",
        paid="paid",
    )
    return verdict("no_due_is_overpaid", broken, f"{moved.dues.height} dues")


_NOT_BELOW_ZERO = ("principal", *DUES, "credit", "cash_advances")
_WITHIN_PRINCIPAL = ("principal_due", "cash_advances")


def one_row_a_loan(moved: Moved) -> Law:
    """One position a loan, and no amount below zero that must not be."""
    positions = moved.after
    bad = positions.filter(
        (pl.min_horizontal(_NOT_BELOW_ZERO) < 0)
        | (pl.max_horizontal(_WITHIN_PRINCIPAL) > pl.col("principal"))
    )
    told = bad.select("loan_id", *dict.fromkeys((*_NOT_BELOW_ZERO, *_WITHIN_PRINCIPAL)))
    ids = positions["loan_id"]
    if not (ids.is_sorted() and ids.n_unique() == ids.len()):
        twice = positions.filter(ids.is_duplicated()).select(
            "loan_id", figure=pl.lit("two positions")
        )
        told = pl.concat([told, twice.unique("loan_id")], how="diagonal")
    return verdict("positions_are_sane", told, f"{positions.height} loans")
