"""Two balances: what the borrower owes, and what the books show of it.

The claim is the contract's. What the general ledger carries of it depends on the loan's accounting:
all of it, none of a charged-off claim, no interest (and under cash accounting no charges) that was
not received, or interest with a suspense against it. What is not carried stands in memorandum
accounts. Source: the product's domain rules, Two balances and Double entry.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

import polars as pl

from loanbook.core.catalogue.codes import NonAccrual, Status
from loanbook.core.catalogue.components import CHARGES, CLAIM_ROLES, DUES, INCOME, Component


class AccountingBasis(IntEnum):
    """How a loan's interest and charges are booked."""

    accrual = 0
    cash = 1
    """Interest, fees and penalties are income when they are received."""
    memorandum = 2
    """Interest is; what is earned meanwhile is kept in memorandum."""
    suspense = 3
    """Interest stays a receivable, with a suspense against it instead of income."""


def claim() -> pl.Expr:
    """What the borrower owes: principal, interest and charges, billed or not."""
    return _total(CLAIM_ROLES)


def interest() -> pl.Expr:
    """Interest of the claim, billed or not."""
    return part(Component.interest)


def charges() -> pl.Expr:
    """Fees and penalties of the claim; a tax on them is no income, whatever the accounting."""
    return _total(each.due for each in INCOME)


def charges_and_taxes() -> pl.Expr:
    """All that is charged beside the schedule: fees, penalties, taxes."""
    return _total(each.due for each in CHARGES)


def part(of: Component) -> pl.Expr:
    """A component's part of the claim, billed or not (Int64)."""
    return _total(of.balances)


def overdue() -> pl.Expr:
    """What is billed or charged and unpaid, of all components (Int64)."""
    return _total(DUES)


def _total(columns: Iterable[str]) -> pl.Expr:
    first, *others = (pl.col(name) for name in columns)
    return sum(others, first)


def owes_nothing() -> pl.Expr:
    """Loans of which nothing is owed; interest may have been paid before it was earned."""
    owed = (name for name in CLAIM_ROLES if name != "interest_accrued")
    return pl.all_horizontal(pl.col(name) == 0 for name in owed) & (pl.col("interest_accrued") <= 0)


def accounting_basis() -> pl.Expr:
    """The loan's accounting (`AccountingBasis`, Int8); reads product parameters and `non_accrual`."""
    suspends = pl.col("non_accrual_mode") == NonAccrual.suspense.value
    return (
        pl.when("cash_accounting")
        .then(AccountingBasis.cash.value)
        .when("non_accrual")
        .then(
            pl.when(suspends)
            .then(AccountingBasis.suspense.value)
            .otherwise(AccountingBasis.memorandum.value)
        )
        .otherwise(AccountingBasis.accrual.value)
        .cast(pl.Int8)
    )


def charged_off() -> pl.Expr:
    """Loans off the books, also those that owe nothing now: what they owe again is off them too."""
    lasts = pl.col("charged_off_on").is_not_null()
    return (pl.col("status") == Status.charged_off.value) | lasts


def any_off_accrual(wide: pl.DataFrame) -> bool:
    """Whether some loan is booked otherwise than by accrual."""
    return bool(wide["non_accrual"].any() or wide["cash_accounting"].any())


def off_books(wide: pl.DataFrame) -> pl.Expr:
    """The part of the claim that the general ledger does not carry (Int64, not below 0)."""
    if not any_off_accrual(wide):
        return pl.when(charged_off()).then(claim()).otherwise(0)
    kind = accounting_basis()
    held = interest() + pl.when(kind == AccountingBasis.cash.value).then(charges()).otherwise(0)
    return (
        pl.when(charged_off())
        .then(claim())
        .when(kind != AccountingBasis.accrual.value)
        .then(held.clip(lower_bound=0))
        .otherwise(0)
    )


def carried(wide: pl.DataFrame) -> dict[str, pl.Expr]:
    """What each account that is tied to positions holds of a loan (debit above 0), by role."""
    kind = accounting_basis() if any_off_accrual(wide) else pl.lit(AccountingBasis.accrual.value)
    off = charged_off()
    memo = kind.is_in([AccountingBasis.cash.value, AccountingBasis.memorandum.value])
    cash = kind == AccountingBasis.cash.value

    def where(condition: pl.Expr, amount: pl.Expr) -> pl.Expr:
        return pl.when(condition).then(amount).otherwise(0)

    # interest, and charges that are income, are not shown before they are received
    shows = {each: ~cash if each in INCOME else pl.lit(True) for each in Component}
    shows[Component.interest] = ~memo
    return {
        **{
            role: where(~off & shows[each], pl.col(name))
            for each in Component
            for name, role in each.balances.items()
        },
        "interest_suspense": where(~off & (kind == AccountingBasis.suspense.value), -interest()),
        "memo_interest": where(~off & memo, interest()),
        "memo_charges": where(~off & cash, charges()),
        "memo_claim": where(off, claim()),
        "borrower_credit": -pl.col("credit"),
        "deferred_fee_income": -pl.col("income_deferred"),
    }
