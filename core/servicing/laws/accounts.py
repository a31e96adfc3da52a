"""Accounts: the general ledger carries what positions say, and debits equal credits."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import MEMORANDUM, ROLE
from loanbook.core.ledger.transfers import account_movements
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.laws.law import Law, verdict
from loanbook.core.servicing.loan.claim import carried


def ledger_equals_positions(closed: DayClose, balances: pl.DataFrame) -> Law:
    """General-ledger accounts equal the carrying amounts, memorandum the off-books claims."""
    keys = ["entity", "product", "currency"]
    names = [*keys, "cash_accounting", "non_accrual_mode"]
    rows = pl.concat(
        [closed.book.terms.select(names), closed.book.positions.drop("loan_id")], how="horizontal"
    )
    expected = (
        rows.lazy()
        .group_by(keys)
        .agg(amount.sum().alias(role) for role, amount in carried(rows).items())
        .collect()
    )
    long = expected.unpivot(index=keys, variable_name="role", value_name="expected").with_columns(
        account=pl.col("role").replace_strict(ROLE, return_dtype=pl.Int16)
    )
    accounts = long["account"].unique()
    held = balances.filter(pl.col("account").is_in(accounts.implode()))
    broken = (
        long.join(held, on=[*keys, "account"], how="full", coalesce=True)
        .with_columns(pl.col("expected", "balance").fill_null(0))
        .filter(pl.col("expected") != pl.col("balance"))
    )
    total = int(closed.book.positions["principal"].sum() or 0)
    return verdict("ledger_equals_positions", broken, f"{total} minor principal")


def trial_balance(balances: pl.DataFrame) -> Law:
    """Debits equal credits per currency, in the general ledger and in memorandum apart."""
    memo = pl.col("account").is_in(MEMORANDUM)
    broken = (
        balances.group_by("currency", memo=memo)
        .agg(pl.col("balance").sum())
        .filter(pl.col("balance") != 0)
    )
    return verdict("trial_balance", broken, f"{balances.height} accounts")


def movements_after(balances: pl.DataFrame, closed: DayClose) -> pl.DataFrame:
    """Account balances after the close: those before it plus the day's transfers."""
    moved = account_movements(closed.transfers).rename({"movement": "balance"})
    keys = ["entity", "product", "currency", "account"]
    return (
        pl.concat([balances, moved.cast(balances.schema)])
        .group_by(keys)
        .agg(pl.col("balance").sum())
        .sort(keys)
    )
