"""Transfers: one row per movement of money, debit and credit in one, so never unbalanced."""

from __future__ import annotations

from collections.abc import Iterable

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.frames import DATE, KEY, MINOR, column, empty


class Transfers(dy.Schema):
    """Double entry. `loan_id` 0 and `event_id` 0 mark the day's aggregated accrual."""

    loan_id = dy.Int64(metadata=column("The loan; 0: the day's aggregated accrual", KEY))
    event_id = dy.Int64(metadata=column("The event that caused it; 0: a rule of the day", KEY))
    entity = dy.Int16(
        metadata=column("The entity whose books it is in", "code of the lender's entities")
    )
    product = dy.Int16(
        metadata=column("Product version of the loan", "code of the product registry")
    )
    currency = dy.Int8(metadata=column("Currency of the amount", "code of the currency list"))
    debit = dy.Int16(metadata=column("Account that is debited", "code of the account role"))
    credit = dy.Int16(metadata=column("Account that is credited", "code of the account role"))
    amount = dy.Int64(
        min=1, metadata=column("Amount debited on the one side and credited on the other", MINOR)
    )
    value_date = dy.Date(metadata=column("Date from which it counts", DATE))
    booking_date = dy.Date(metadata=column("Business date that books it", DATE))


def transfer(
    moved: pl.DataFrame, debit: str | pl.Expr, credit: str | pl.Expr, amount: str
) -> pl.DataFrame:
    """One transfer per row of `moved` whose `amount` column is not zero.

    `moved` carries `loan_id`, `entity`, `product`, `currency`, `business_date` (Date of the movement), and
    `event_id` if an event caused it. `debit` and `credit` are role names, or expressions of role
    codes. A negative amount swaps the sides.
    """
    if moved.is_empty():
        return empty(Transfers)
    event = pl.col("event_id") if "event_id" in moved.columns else pl.lit(0, dtype=pl.Int64)

    def code(role: str | pl.Expr) -> pl.Expr:
        return pl.lit(ROLE[role], dtype=pl.Int16) if isinstance(role, str) else role

    back = pl.col(amount) < 0
    return moved.filter(pl.col(amount) != 0).select(
        "loan_id",
        event_id=event,
        entity="entity",
        product="product",
        currency="currency",
        debit=pl.when(back).then(code(credit)).otherwise(code(debit)).cast(pl.Int16),
        credit=pl.when(back).then(code(debit)).otherwise(code(credit)).cast(pl.Int16),
        amount=pl.col(amount).abs().cast(pl.Int64),
        value_date="business_date",
        booking_date="business_date",
    )


def all_of(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Transfers of a day in one frame, with the schema even when there are none."""
    return pl.concat([empty(Transfers), *parts])


def aggregated(accruals: pl.DataFrame) -> pl.DataFrame:
    """The day's accrual, which every loan has, summed per entity, product and account pair."""
    keys = [c for c in accruals.columns if c not in ("loan_id", "event_id", "amount")]
    summed = accruals.group_by(keys).agg(pl.col("amount").sum())
    return summed.with_columns(
        loan_id=pl.lit(0, dtype=pl.Int64), event_id=pl.lit(0, dtype=pl.Int64)
    ).select(Transfers.column_names())


def accruals_of_parts(accruals: pl.DataFrame) -> pl.DataFrame:
    """The day's accrual of parts of a book as that of the whole.

    Interest of a product moves one way, or the other where it is below zero: of a product, parts that differ in it
    are set off. Deferred income is summed each way, as loans move it.
    """
    if accruals.is_empty():
        return accruals
    deferred = ROLE["deferred_fee_income"]
    by_loan = (pl.col("debit") == deferred) | (pl.col("credit") == deferred)
    keys = [c for c in accruals.columns if c not in ("amount", "debit", "credit")]
    turned = ~by_loan & (pl.col("debit") > pl.col("credit"))
    sides = [pl.when(turned).then(second).otherwise(first).alias(first)
             for first, second in (("debit", "credit"), ("credit", "debit"))]  # fmt: skip
    signed = accruals.with_columns(
        *sides, amount=pl.when(turned).then(-pl.col("amount")).otherwise("amount")
    )
    sums = signed.group_by(*keys, "debit", "credit").agg(pl.col("amount").sum())
    back = pl.col("amount") < 0
    return (
        sums.filter(pl.col("amount") != 0)
        .with_columns(
            debit=pl.when(back).then("credit").otherwise("debit"),
            credit=pl.when(back).then("debit").otherwise("credit"),
            amount=pl.col("amount").abs(),
        )
        .select(Transfers.column_names())
    )


def account_movements(transfers: pl.DataFrame) -> pl.DataFrame:
    """Net debit of each account: `entity`, `product`, `currency`, `account`, `movement`."""
    keys = ["entity", "product", "currency"]
    debit = transfers.select(*keys, account="debit", movement="amount")
    credit = transfers.select(*keys, account="credit", movement=-pl.col("amount"))
    return (
        pl.concat([debit, credit])
        .group_by(*keys, "account")
        .agg(pl.col("movement").sum())
        .sort(*keys, "account")
    )
