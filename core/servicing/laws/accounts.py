"""Accounts: the general ledger carries what positions say, and debits equal credits."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import MEMORANDUM, ROLE
from loanbook.core.catalogue.codes import ENDED
from loanbook.core.frames import engine_for
from loanbook.core.ledger.transfers import account_movements
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.laws.law import Law, verdict
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.claim import carried

PLACE = ["entity", "product", "currency"]


def carried_by_account(book: Book) -> pl.DataFrame:
    """What positions carry, by `entity`, `product`, `currency` and `account`: `expected` (Int64, debit above 0)."""
    names = [*PLACE, "cash_accounting", "non_accrual_mode"]
    rows = pl.concat([book.terms.select(names), book.positions.drop("loan_id")], how="horizontal")
    expected = (
        rows.lazy()
        .group_by(PLACE)
        .agg(amount.sum().alias(role) for role, amount in carried(rows).items())
        .collect(engine=engine_for(rows))
    )
    long = expected.unpivot(index=PLACE, variable_name="role", value_name="expected")
    account = pl.col("role").replace_strict(ROLE, return_dtype=pl.Int16)
    return long.select(*PLACE, account=account, expected="expected")


def ledger_equals_positions(book: Book, balances: pl.DataFrame) -> Law:
    """General-ledger accounts equal the carrying amounts, memorandum the off-books claims."""
    total = int(book.positions["principal"].sum() or 0)
    return ledger_carries(carried_by_account(book), balances, total)


def ledger_carries(expected: pl.DataFrame, balances: pl.DataFrame, principal: int) -> Law:
    """The same of what positions carry (`carried_by_account`), their `principal` in all beside it."""
    held = balances.filter(pl.col("account").is_in(expected["account"].unique().implode()))
    broken = (
        expected.join(held, on=[*PLACE, "account"], how="full", coalesce=True)
        .with_columns(pl.col("expected", "balance").fill_null(0))
        .filter(pl.col("expected") != pl.col("balance"))
    )
    return verdict("ledger_equals_positions", broken, f"{principal} minor principal")


_REST = ("payout_clearing", "memo_contra")
"""Accounts that positions say nothing of, of the general ledger and of memorandum."""


def balances_of_part(book: Book) -> pl.DataFrame:
    """General-ledger balances of a part of a book: what its positions carry, and on an account that they say
    nothing of what makes debits equal credits. With them the laws of the ledger hold for a part as for the whole.
    """
    stands = carried_by_account(book).rename({"expected": "balance"})
    is_memo = pl.col("account").is_in(MEMORANDUM)
    against = pl.when(is_memo).then(ROLE[_REST[1]]).otherwise(ROLE[_REST[0]]).cast(pl.Int16)
    rest = stands.with_columns(account=against, balance=-pl.col("balance"))
    keys = [*PLACE, "account"]
    both = pl.concat([stands, rest]).group_by(keys).agg(pl.col("balance").sum())
    return both.filter(pl.col("balance") != 0).sort(keys)


_BY_NIGHT = ("interest_accrued", "interest_suspense", "memo_interest", "memo_claim",
             "deferred_fee_income")  # fmt: skip
"""Accounts that nights move too, booked as one sum for all loans."""


def loans_keep_their_accounts(before: Book, closed: DayClose) -> Law:
    """Each loan's accounts move by its own transfers of the day: it finds the loan where
    `ledger_equals_positions` is broken. Accounts that nights move are left out."""
    names = ["loan_id", "cash_accounting", "non_accrual_mode"]
    held = closed.book.held["loan_id"].implode()
    levels = []
    for book, leaves, sign in ((closed.book, [], 1), (before, ENDED, -1)):
        stands = ~pl.col("status").is_in(leaves) & ~pl.col("loan_id").is_in(held)
        both = [book.terms.select(names), book.positions.drop("loan_id")]
        rows = pl.concat(both, how="horizontal").filter(stands)
        amounts = {r: amount * sign for r, amount in carried(rows).items() if r not in _BY_NIGHT}
        levels.append(
            rows.select("loan_id", **amounts).unpivot(
                index="loan_id", variable_name="role", value_name="amount"
            )
        )
    roles = levels[0]["role"].unique().to_list()
    moved = closed.transfers.filter(pl.col("value_date") == closed.date)
    account = {ROLE[role]: role for role in roles}
    flows = [
        moved.filter(pl.col(side).is_in(list(account))).select(
            "loan_id", role=pl.col(side).replace_strict(account, return_dtype=pl.String),
            amount=pl.col("amount") * way)
        for side, way in (("debit", -1), ("credit", 1))
    ]  # fmt: skip
    rests = pl.concat([*levels, *flows]).filter(pl.col("loan_id") > 0).group_by("loan_id", "role")
    broken = rests.agg(moved_beyond_its_transfers=pl.col("amount").sum()).filter(
        pl.col("moved_beyond_its_transfers") != 0
    )
    told = broken.sort("loan_id", "role").with_columns(
        role=pl.col("role").str.replace_all("_", " ")
    )
    return verdict("loans_keep_their_accounts", told, f"{closed.book.loans} loans")


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
    return moved_on(balances, account_movements(closed.transfers))


def moved_on(balances: pl.DataFrame, movements: pl.DataFrame) -> pl.DataFrame:
    """Account balances after movements (`loanbook.core.ledger.transfers.account_movements`)."""
    moved = movements.rename({"movement": "balance"})
    keys = [*PLACE, "account"]
    return (
        pl.concat([balances, moved.cast(balances.schema)])
        .group_by(keys)
        .agg(pl.col("balance").sum())
        .sort(keys)
    )
