"""Penal interest: what overdue money bears beside the contract's own interest.

Simple, by nights over 365, from the close that finds money overdue beyond the grace until it is
paid or the loan is charged off. It is rounded where it is asked: with a billing, before any event
of the loan on its day, and where what is overdue changes. Policy: a product's `penal`. Source: the
product's domain rules, Interest; RBI circular RBI/2023-24/53 for penal charges.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.catalogue.components import Component, is_, is_principal, of_schedule
from loanbook.core.contract.money import PPB, int128, share_of
from loanbook.core.servicing.loan import balances
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY, due_rows, merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.loan.taxes import ask_tax

YEAR = 365


def ask_penal(day: DayState, why: pl.Expr) -> None:
    """Ask penal interest of the nights so far, of loans where `why` holds."""
    rules = day.policies.penal
    if not day.concerns(rules):
        return
    bears = (pl.col("penal_base") > 0) & (pl.col("penal_from") < BUSINESS_DATE)
    bearing = day.loans.filter(bears & why).join(rules, on="product")
    if bearing.is_empty():
        return
    charged = bearing.with_columns(penal=penal_of(bearing), number=pl.col("instalment_no") - 1)
    day.loans = (
        day.loans.join(charged.select("loan_id", "penal"), on="loan_id", how="left",
                         maintain_order="left")
        .with_columns(
            **balances.grow_due(Component.penalty, pl.col("penal").fill_null(0)),
            penal_from=pl.when(pl.col("penal").is_not_null()).then(BUSINESS_DATE).otherwise("penal_from"),
        )
        .drop("penal")
    )  # fmt: skip
    billed = charged.filter(pl.col("penal") > 0).with_columns(
        instalment_no=pl.col("number").clip(lower_bound=1).cast(pl.Int16)
    )
    rows = due_rows(billed, "instalment_no", Component.penalty, BUSINESS_DATE, "penal")
    # a penalty that the instalment has already keeps its own due date
    stands = day.dues.select(*DUE_KEY, falls="due_date")
    rows = rows.join(stands, on=DUE_KEY, how="left", maintain_order="left").with_columns(
        due_date=pl.coalesce("falls", "due_date")
    )
    day.dues = merge_dues(day.dues, rows.drop("falls"))
    day.book(billed, "penalties_receivable", "penalty_income", "penal")
    of = pl.when("penal_as_charge").then(Component.penalty.value).otherwise(
        Component.interest.value
    )  # fmt: skip
    taxes = stands.filter(is_(Component.tax))  # the tax on it too joins what stands, on its date
    taxed = billed.with_columns(component=of.cast(pl.Int8)).join(
        taxes.select("loan_id", "instalment_no", "falls"), on=["loan_id", "instalment_no"],
        how="left", maintain_order="left",
    )  # fmt: skip
    falls = pl.coalesce("falls", BUSINESS_DATE)
    ask_tax(day, taxed.select(*DUE_KEY, due_date=falls, base="penal"), of_contract=False)


def none_borne(where: pl.Expr) -> dict[str, pl.Expr]:
    """Columns of loans `where` nothing overdue bears penal interest any more: it was given up."""
    return {
        "penal_base": pl.when(where).then(0).otherwise("penal_base"),
        "penal_from": pl.when(~where).then("penal_from"),
    }


def penal_of(loans: pl.DataFrame) -> pl.Expr:
    """Penal interest (Int64) of the nights from `penal_from` to `business_date`; `loans`: positions with
    the product's penal rules."""
    nights = (BUSINESS_DATE - pl.col("penal_from")).dt.total_days()
    exact = int128(pl.col("penal_base")) * pl.col("penal_ppb") * nights
    return share_of(loans, exact, PPB * YEAR, "penal_rounding")


def with_base(day: DayState) -> None:
    """Find what is overdue at the end of the day, and bears penal interest from this night on."""
    rules = day.policies.penal
    if not day.concerns(rules):
        return
    living = day.loans.filter(pl.col("status") == Status.active.value).select("loan_id", "product")
    overdue = (
        day.dues.filter(
            of_schedule()
            & (pl.col("amount") > pl.col("paid"))
            & (pl.col("due_date") <= BUSINESS_DATE)
        )
        .join(living, on="loan_id")
        .join(rules, on="product")
        .filter(
            ((BUSINESS_DATE - pl.col("due_date")).dt.total_days() >= pl.col("penal_grace"))
            & (pl.col("penal_on_interest") | is_principal())
        )
        .group_by("loan_id")
        .agg(base=(pl.col("amount") - pl.col("paid")).sum())
    )
    found = day.loans.join(overdue, on="loan_id", how="left", maintain_order="left")
    found = found.with_columns(pl.col("base").fill_null(0))
    changes = pl.col("base") != pl.col("penal_base")
    if not found.select(changes.any()).item():
        return
    day.loans = found
    ask_penal(day, changes)
    since = pl.when(pl.col("base") > 0).then(BUSINESS_DATE)
    day.loans = day.loans.with_columns(
        penal_from=pl.when(changes).then(since).otherwise("penal_from"), penal_base="base"
    ).drop("base")
