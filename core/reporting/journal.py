"""The general-ledger journal of a day, and the trial balance: what a lender's own ledger takes over.

One line per account, product, currency and value date, debit and credit apart. Debits equal
credits; with the lines of all days before, an account's sum is the balance that positions show.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.accounts import MEMORANDUM, ROLES
from loanbook.core.contract.money import CURRENCY_NAMES
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import Accounts

COLUMNS = ("booking_date", "entity", "value_date", "ledger", "account", "role", "product",
           "currency", "debit", "credit", "transfers")  # fmt: skip


def journal(transfers: pl.DataFrame, policies: PolicyBook, date: dt.date) -> pl.DataFrame:
    """Lines of one booking date from its transfers (schema `Transfers`).

    Columns `COLUMNS`; `debit` and `credit` are Int64 minor units, `ledger` is `general` or
    `memorandum`, `account` the lender's number by the accounts policy in force on the date.
    """
    keys = ["entity", "product", "currency", "value_date"]
    sides = [
        transfers.select(*keys, role=side, debit=debit, credit=credit)
        for side, debit, credit in (("debit", pl.col("amount"), pl.lit(0, dtype=pl.Int64)),
                                    ("credit", pl.lit(0, dtype=pl.Int64), pl.col("amount")))
    ]  # fmt: skip
    lines = (
        pl.concat(sides)
        .group_by(*keys, "role")
        .agg(pl.col("debit", "credit").sum(), transfers=pl.len().cast(pl.Int64))
    )
    numbered = lines.join(_accounts(policies, date), on=["product", "role"], how="left")
    return (
        _named(numbered.with_columns(booking_date=pl.lit(date)), policies)
        .select(COLUMNS)
        .sort("entity", "ledger", "account", "product", "currency", "value_date")
    )


BALANCE = ("entity", "ledger", "account", "role", "currency", "debit", "credit")


def trial_balance(balances: pl.DataFrame, policies: PolicyBook, date: dt.date) -> pl.DataFrame:
    """A line an account, of the balances of a date (`entity`, `product`, `currency`, `account`, `balance`).

    Columns `BALANCE`: the net of the lender's account by the accounts policy in force, as `debit` or
    `credit` (Int64 minor units); per entity, ledger and currency both sums are equal.
    """
    roles = balances.select("entity", "product", "currency", "balance", role="account")
    numbered = roles.join(_accounts(policies, date), on=["product", "role"], how="left")
    keys = ["entity", "ledger", "account", "role", "currency"]
    net = _named(numbered, policies).group_by(keys).agg(pl.col("balance").sum())
    sides = net.with_columns(
        debit=pl.col("balance").clip(lower_bound=0), credit=(-pl.col("balance")).clip(lower_bound=0)
    )
    return sides.filter(pl.col("balance") != 0).select(BALANCE).sort(
        "entity", "currency", "ledger", "account"
    )  # fmt: skip


def _named(rows: pl.DataFrame, policies: PolicyBook) -> pl.DataFrame:
    """Rows of accounts with names in place of codes, and `ledger`: `general` or `memorandum`."""
    names = dict(enumerate(policies.entities))
    products = dict(enumerate(policies.registry))
    return rows.with_columns(
        ledger=pl.when(pl.col("role").is_in(sorted(MEMORANDUM)))
        .then(pl.lit("memorandum"))
        .otherwise(pl.lit("general")),
        entity=pl.col("entity").replace_strict(names, return_dtype=pl.String),
        role=pl.col("role").replace_strict(dict(enumerate(ROLES)), return_dtype=pl.String),
        product=pl.col("product").replace_strict(products, return_dtype=pl.String),
        currency=pl.col("currency").replace_strict(CURRENCY_NAMES, return_dtype=pl.String),
    )


def _accounts(policies: PolicyBook, date: dt.date) -> pl.DataFrame:
    """`product`, `role` -> `account`, the lender's number."""
    rows = [
        (code, place, chart.numbers[role])
        for code in range(len(policies.registry))
        for chart in [policies.in_force(Accounts, policies.product(code).accounts, date)]
        for place, role in enumerate(ROLES)
    ]
    schema = {"product": pl.Int16, "role": pl.Int16, "account": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def unbalanced(lines: pl.DataFrame) -> pl.DataFrame:
    """Entities, ledgers and currencies whose debits and credits differ: none, in a sound journal."""
    sums = lines.group_by("entity", "ledger", "currency").agg(pl.col("debit", "credit").sum())
    return sums.filter(pl.col("debit") != pl.col("credit"))


def untied(moved: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Accounts whose stored balance after the day is not the one before it plus the transfers.

    `moved`: `account_movements` of the day; `before` and `after`: stored balances (`entity`,
    `product`, `currency`, `account`, `balance`), which a law holds equal to the positions.
    """
    keys = ["entity", "product", "currency", "account"]
    both = pl.concat(
        [
            before.select(*keys, amount="balance"),
            moved.select(*keys, amount="movement"),
            after.select(*keys, amount=-pl.col("balance")),
        ],
        how="vertical_relaxed",
    )
    return both.group_by(keys).agg(pl.col("amount").sum()).filter(pl.col("amount") != 0)
