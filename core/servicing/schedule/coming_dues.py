"""Dues that an event adds to instalments to come, and what of the principal stands due."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import Component, is_charge, is_principal
from loanbook.core.contract.dates.business_days import Calendar, adjusted
from loanbook.core.contract.dates.due_dates import DUE_TERMS
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.servicing.loan import balances
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY, OWN_DATE, due_rows, merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.fixed_schedule import instalment_of


def show_principal_due(day: DayState, mask: pl.Series) -> None:
    """Set `principal_due` of the loans of `mask` to what stands due: a down payment, a late chargeback."""
    loans = day.loans.filter(mask).select("loan_id")
    due = (
        day.dues.filter((pl.col("due_date") <= BUSINESS_DATE) & is_principal())
        .join(loans, on="loan_id", how="semi")
        .group_by("loan_id")
        .agg(shown=(pl.col("amount") - pl.col("paid")).sum())
    )
    shown = pl.col("shown").fill_null(0)
    day.loans = (
        day.loans.join(due, on="loan_id", how="left", maintain_order="left")
        .with_columns(**balances.set_due(Component.principal, shown, where=mask))
        .drop("shown")
    )


def unpaid_down_payments(dues: pl.DataFrame) -> pl.DataFrame:
    """`loan_id`, `business_date`, `unpaid` (Int64) by day on which they fell due: down payments that are open."""
    unpaid = pl.col("amount") - pl.col("paid")
    return dues.filter((pl.col("instalment_no") < 0) & is_principal() & (unpaid > 0)).select(
        "loan_id", "due_date", "business_date", unpaid=unpaid
    )


def show_down_payments_due(day: DayState) -> None:
    """Set `down_payment_due` of loans whose product has down payments bear no interest."""
    if not day.loans["down_payment_is_free"].any():
        return
    open_ = unpaid_down_payments(day.dues).group_by("loan_id").agg(pl.col("unpaid").sum())
    shown = pl.min_horizontal(pl.col("unpaid").fill_null(0), "principal")
    free = pl.col("down_payment_is_free")
    day.loans = (
        day.loans.join(open_, on="loan_id", how="left", maintain_order="left")
        .with_columns(**balances.set_down_payment_due(shown, where=free))
        .drop("unpaid")
    )


def with_place_of_charge(loans: pl.DataFrame, calendars: dict[int, Calendar]) -> pl.DataFrame:
    """`number` and `falls` (its due date) of what a charge due on `on` joins: the instalment within whose
    period that is; after the last one, or where the product says so, it falls due by itself on that date.

    `loans`: terms and `on` (Date), a row a charge.
    """
    placed = instalment_of(loans.with_columns(strictly=pl.lit(False)), calendars)
    apart = pl.col("charges_on_own_date") | (pl.col("number") > pl.col("instalments"))
    days = (pl.col("on") - pl.col("disbursed_on")).dt.total_days().clip(0, OWN_DATE - 1)
    return placed.with_columns(
        number=pl.when(apart).then((days + OWN_DATE).cast(pl.Int16)).otherwise("number"),
        falls=pl.when(apart).then("on").otherwise("falls"),
    ).drop("strictly")


def not_before_running(placed: pl.DataFrame) -> pl.DataFrame:
    """`placed` with the running instalment in place of one that is over: billed before a change of the
    contract moved its date into the running period, or ended by a re-age with nothing in it. Of a schedule
    that stands whole the dues have their dates.

    `placed`: terms and positions, with `number` and `falls` of an instalment.
    """
    # one that was billed and waits for a business day ended when the running period began
    began = pl.min_horizontal("period_start", BUSINESS_DATE)
    moved = due_of(pl.col("number"), placed) > began
    billed = ~pl.col("materialised") & (pl.col("number") < pl.col("instalment_no")) & moved
    return placed.with_columns(
        number=pl.when(billed).then("instalment_no").otherwise("number"),
        falls=pl.when(billed).then("next_due_date").otherwise("falls"),
    )


def placed_anew(
    dues: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame, calendars: dict[int, Calendar]
) -> pl.DataFrame:
    """Dues with what was to come after the last instalment where a longer term has it fall due.

    `before`, `after`: terms of loans with the shorter and the longer term; those that `after` lacks stay.
    Of loans that bill step by step.
    """
    of_loan = before.select("loan_id", "charges_on_own_date", last="instalments")
    beyond = (
        dues.filter(pl.col("due_date") > BUSINESS_DATE)
        .join(of_loan, on="loan_id")
        .filter((pl.col("instalment_no") > pl.col("last")) & ~pl.col("charges_on_own_date"))
        .join(after, on="loan_id", how="semi")
        .select(dues.columns)
    )
    if beyond.is_empty():
        return dues
    terms = after.select("loan_id", pl.exclude("loan_id", *dues.columns))
    held = beyond.join(terms, on="loan_id", maintain_order="left").with_columns(
        on="due_date", strictly=pl.lit(False)
    )
    placed = [
        place(held.filter(of), calendars).select(
            *(c for c in dues.columns if c not in ("instalment_no", "due_date")),
            instalment_no="number", due_date="falls",
        )
        for place, of in ((instalment_of, ~is_charge()), (with_place_of_charge, is_charge()))
        if not held.filter(of).is_empty()
    ]  # fmt: skip
    moved = pl.concat(placed).select(dues.columns)
    return merge_dues(dues.join(beyond, on=DUE_KEY, how="anti"), moved)


def with_their_instalments(
    dues: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame, calendars: dict[int, Calendar]
) -> pl.DataFrame:
    """Dues of instalments to come on the dates on which they fall due now.

    `before`, `after`: terms and positions of loans; those that `after` lacks stay. Money in advance and
    charges stay with their instalment, what was to come after the last one is none's (`placed_anew`). Of
    loans that bill step by step.
    """
    cursor = before.join(after, on="loan_id", how="semi").select(
        "loan_id", "instalments", next="instalment_no"
    )
    number = pl.col("instalment_no")
    coming = (
        dues.join(cursor, on="loan_id", maintain_order="left")
        .filter((number >= pl.col("next")) & (number <= pl.col("instalments")))
        .select(dues.columns)
    )
    if coming.is_empty():
        return dues
    moved = dated_by_terms(coming, after, calendars)
    return pl.concat([dues.join(coming, on=DUE_KEY, how="anti"), moved]).sort(DUE_KEY)


def dated_by_terms(
    rows: pl.DataFrame, loans: pl.DataFrame, calendars: dict[int, Calendar]
) -> pl.DataFrame:
    """Dues `rows` on the due dates of their instalments by the terms of their `loans`."""
    terms = loans.select("loan_id", *DUE_TERMS, "disbursed_on", "business_day", "calendar")
    joined = rows.join(terms, on="loan_id", maintain_order="left")
    joined = joined.with_columns(due_date=due_of(pl.col("instalment_no"), joined))
    return joined.with_columns(due_date=adjusted(pl.col("due_date"), joined, calendars)).select(
        rows.columns
    )


def open_dues(day: DayState, placed: pl.DataFrame, component: pl.Expr, amount: str) -> None:
    """Add amounts to the dues of the instalments that `instalment_of` found."""
    rows = due_rows(placed.filter(pl.col(amount) > 0), "number", component, "falls", amount)
    # an instalment after the last one reaches up to the latest of what it holds
    same = day.dues.join(
        rows.select("loan_id", "instalment_no"), on=["loan_id", "instalment_no"], how="semi"
    )
    reach = pl.concat([same, rows.select(same.columns)]).group_by("loan_id", "instalment_no").agg(
        reach=pl.col("due_date").max()
    )  # fmt: skip
    keys = ["loan_id", "instalment_no"]
    # but what of it was billed and has fallen due, as interest after maturity has, stays due
    billed = ~is_charge() & (pl.col("due_date") <= BUSINESS_DATE)

    def reaching(frame: pl.DataFrame) -> pl.DataFrame:
        return (
            frame.join(reach, on=keys, how="left", maintain_order="left")
            .with_columns(
                due_date=pl.when(billed)
                .then("due_date")
                .otherwise(pl.coalesce("reach", "due_date"))
            )
            .drop("reach")
        )

    day.dues = merge_dues(reaching(day.dues), reaching(rows))
