"""Taxes on what a borrower is asked: a rate times the base, rounded once, due with the base.

A tax is asked when its base is billed, assessed or met in advance, and is owed to the state from
then on; what forgives the base forgives the tax on it. Of a claim that is off the books none is
asked. Interest that was taxed once is not again, where a change of the contract asks it anew: its
base is counted (`interest_taxed`). Policy: `data/policies/taxes`.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import Component, is_, is_interest
from loanbook.core.contract.money import PPB, int128, share_of
from loanbook.core.frames import engine_for
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.charge_tables import in_force_on
from loanbook.core.servicing.loan import balances
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import charged_off
from loanbook.core.servicing.loan.dues import due_rows, merge_dues
from loanbook.core.servicing.loan.posting import DayState


def place(places: tuple[int, ...]) -> pl.Expr:
    """The loan's jurisdiction where some rule names it, else 0; reads `jurisdiction`."""
    named = pl.col("jurisdiction").is_in(places).fill_null(False)
    return pl.when(named).then("jurisdiction").otherwise(0).alias("place")


def ask_tax(day: DayState, bases: pl.DataFrame, *, of_contract: bool = True) -> None:
    """Tax on `bases`: `loan_id`, `instalment_no`, `component`, `due_date`, `base` (Int64, minor).

    `of_contract`: interest among them is the contract's, which is taxed once; penal interest is beside it.

    A base below zero is one that was forgiven: its tax is, as far as it is unpaid, at the rate of the day
    on which it fell due.
    """
    rates = day.policies.taxes
    if bases.is_empty() or not day.concerns(rates):
        return
    taxed = pl.col("product").is_in(rates["product"].unique().implode())
    loans = (
        day.loans.lazy()
        .filter(taxed & ~charged_off())
        .select("loan_id", "product", "business_date", place(day.policies.places))
        .collect(engine=engine_for(day.loans))
    )
    asked = bases.filter(pl.col("base") != 0).join(loans, on="loan_id", maintain_order="left")
    if of_contract:
        _count(day, asked.filter(pl.col("product").is_in([*day.policies.interest_taxed])))
    forgiven = pl.when(pl.col("base") < 0).then(pl.coalesce("due_date", BUSINESS_DATE))
    rated = asked.join(rates, on=["product", "place", "component"], maintain_order="left").filter(
        in_force_on(forgiven.otherwise(BUSINESS_DATE))
    )
    if rated.is_empty():
        return
    rated = rated.with_columns(tax=_share(rated))
    added = rated.filter(pl.col("tax") > 0)
    fresh = due_rows(added, "instalment_no", Component.tax, "due_date", "tax")
    day.dues = merge_dues(day.dues, fresh)
    _book(day, added.select("loan_id", moved="tax"))
    _waive(day, rated.filter(pl.col("tax") < 0))


def untaxed(owed: pl.Expr | None = None) -> pl.Expr:
    """Interest that was met or is `owed` (billed and unpaid) and bore no tax yet (Int64, from 0)."""
    billed = pl.col("interest_due") if owed is None else owed
    return (pl.col("interest_paid") + billed - pl.col("interest_taxed")).clip(0)


def _count(day: DayState, asked: pl.DataFrame) -> None:
    """Interest that was asked counts, also on a day on which no version of the tax is on it."""
    on_interest = asked.filter(is_interest())
    sums = on_interest.group_by("loan_id").agg(more=pl.col("base").sum())
    if sums.is_empty():
        return
    counted = (pl.col("interest_taxed") + pl.col("more").fill_null(0)).clip(0)
    joined = day.loans.join(sums, on="loan_id", how="left", maintain_order="left")
    day.loans = joined.with_columns(interest_taxed=counted).drop("more")


def tax_on(
    rows: pl.DataFrame, component: Component, base: str, policies: PolicyBook
) -> pl.DataFrame:
    """Rows of loans (`product`, `jurisdiction`, `business_date` on which the tax is asked, and `base` in
    minor units) with `tax` (Int64) on a base of one component, 0 where there is none."""
    rates = policies.taxes.filter(is_(component)).drop("component")
    if rates.is_empty() or rows.is_empty():
        return rows.with_columns(tax=pl.lit(0, dtype=pl.Int64))
    numbered = rows.with_row_index("_row").with_columns(base=base)
    rated = (
        numbered.with_columns(place(policies.places))
        .join(rates, on=["product", "place"])
        .filter(in_force_on(BUSINESS_DATE))
    )
    taxes = (
        rated.select("_row", tax=_share(rated)) if rated.height else rated.select("_row", tax=base)
    )
    asked = numbered.select("_row").join(taxes, on="_row", how="left", maintain_order="left")
    return rows.with_columns(tax=asked["tax"].fill_null(0))


def _share(rated: pl.DataFrame) -> pl.Expr:
    return share_of(rated, int128(pl.col("base")) * int128(pl.col("tax_ppb")), PPB, "tax_rounding")


def _waive(day: DayState, reduced: pl.DataFrame) -> None:
    keys = ["loan_id", "instalment_no"]
    unpaid = day.dues.filter(is_(Component.tax)).select(
        *keys, left=pl.col("amount") - pl.col("paid"), falls="due_date"
    )
    given = (
        reduced.group_by(*keys, "business_date")
        .agg(pl.col("tax").sum())
        .join(unpaid, on=keys)
        .with_columns(given=pl.min_horizontal(-pl.col("tax"), "left"))
        .filter(pl.col("given") > 0)
    )
    nothing = pl.lit(0, dtype=pl.Int64)
    met = due_rows(given, "instalment_no", Component.tax, "falls", nothing)
    day.dues = merge_dues(day.dues, met.with_columns(paid=given["given"]))
    _book(day, given.select("loan_id", moved=-pl.col("given")))


def _book(day: DayState, moved: pl.DataFrame) -> None:
    sums = moved.group_by("loan_id", maintain_order=True).agg(pl.col("moved").sum())
    day.loans = (
        day.loans.join(sums, on="loan_id", how="left", maintain_order="left")
        .with_columns(**balances.grow_due(Component.tax, pl.col("moved").fill_null(0)))
        .drop("moved")
    )
    day.book(sums, "tax_receivable", "tax_payable", "moved")
