"""Accounting of loans that are not booked by accrual: one translation of what the contract moves.

Every step of a day books as if interest were income when it is earned. Of loans under cash
accounting or in non-accrual those transfers are translated here, once, so that the contract
computes the same whatever its accounting. Postings: the product's domain rules, Double entry.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Flag, NonAccrual, Status
from loanbook.core.catalogue.components import INCOME
from loanbook.core.ledger.transfers import Transfers, all_of, transfer
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import AccountingBasis, accounting_basis, interest

_INTEREST = [ROLE["interest_accrued"], ROLE["interest_due"]]
_CHARGES = [ROLE[each.row.receivable] for each in INCOME]
_INCOME = {
    ROLE["interest_accrued"]: ROLE["interest_income"],
    ROLE["interest_due"]: ROLE["interest_income"],
    **{ROLE[each.row.receivable]: ROLE[each.charged_to] for each in INCOME},
}
"""Income that money for a receivable is, once it is received."""
_MONEY = [ROLE[r] for r in ("payment_clearing", "payout_clearing", "borrower_credit",
                            "goodwill_expense", "deferred_fee_income", "refinance_clearing")]  # fmt: skip
"""Accounts that stand for money that came, or went back."""
_STOP_INCOME = sum(flag.value for flag in Flag if flag.stops_income)
"""Bits of the flags with which interest is no income before it is received."""
_LOST = [ROLE[r] for r in ("interest_charged_off", "interest_waived", "charge_adjusted",
                           "write_off_expense")]  # fmt: skip
"""Accounts against which interest is given up; what was no income yet needs none of it."""


def translate(moved: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """Transfers (schema `Transfers`) as the accounting of their loan books them.

    `loans`: `loan_id` and `accounting_basis` of those that are not booked by accrual.
    """
    if loans.is_empty() or moved.is_empty():
        return moved
    joined = moved.join(loans, on="loan_id", how="left", maintain_order="left")
    regime_ = pl.col("accounting_basis").fill_null(AccountingBasis.accrual.value)
    cash, suspended = (
        regime_ == AccountingBasis.cash.value,
        regime_ == AccountingBasis.suspense.value,
    )

    def held(side: str) -> pl.Expr:
        role = pl.col(side)
        interest_ = role.is_in(_INTEREST) & (regime_ != AccountingBasis.accrual.value)
        return interest_ | (cash & role.is_in(_CHARGES))

    marked = joined.with_columns(debit_held=held("debit"), credit_held=held("credit"))
    either = pl.col("debit_held") | pl.col("credit_held")
    parts = [
        marked.filter(~either),
        *_by_memorandum(marked.filter(either & ~suspended)),
        *_by_suspense(marked.filter(either & suspended)),
    ]
    columns = Transfers.column_names()
    return pl.concat(part.select(columns) for part in parts)


def _by_memorandum(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Receivables in memorandum; income where money comes, or goes back."""
    one = rows.filter(pl.col("debit_held") != pl.col("credit_held"))
    comes = pl.col("credit_held")
    held, other = (
        pl.when(comes).then("credit").otherwise("debit"),
        pl.when(comes).then("debit").otherwise("credit"),
    )
    memo = (
        pl.when(held.is_in(_INTEREST))
        .then(ROLE["memo_interest"])
        .otherwise(ROLE["memo_charges"])
        .cast(pl.Int16)
    )
    contra = pl.lit(ROLE["memo_contra"], dtype=pl.Int16)
    mirrored = one.with_columns(
        debit=pl.when(comes).then(contra).otherwise(memo),
        credit=pl.when(comes).then(memo).otherwise(contra),
    )
    income = held.replace_strict(_INCOME, return_dtype=pl.Int16)
    capitalised = other == ROLE["loan_principal"]
    income = (
        pl.when(capitalised)
        .then(pl.lit(ROLE["deferred_capitalised_interest"], dtype=pl.Int16))
        .otherwise(income)
    )
    paid = one.filter(other.is_in(_MONEY) | capitalised).with_columns(
        debit=pl.when(comes).then("debit").otherwise(income),
        credit=pl.when(comes).then(income).otherwise("credit"),
    )
    return [paid, mirrored]


def _by_suspense(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Receivables stay; suspense stands where income or a loss would."""
    suspense = pl.lit(ROLE["interest_suspense"], dtype=pl.Int16)
    income = pl.lit(ROLE["interest_income"], dtype=pl.Int16)
    instead = [ROLE["interest_income"], *_LOST]

    def turned(side: str) -> pl.Expr:
        return pl.when(pl.col(side).is_in(instead)).then(suspense).otherwise(side)

    stays = rows.with_columns(debit=turned("debit"), credit=turned("credit"))
    capital = pl.lit(ROLE["deferred_capitalised_interest"], dtype=pl.Int16)

    def released(side: str, other: str) -> pl.DataFrame:
        """What money on `other` makes income of, or no income any more."""
        with_money = pl.col(f"{side}_held") & (
            pl.col(other).is_in(_MONEY) | (pl.col(other) == ROLE["loan_principal"])
        )
        to = pl.when(pl.col(other) == ROLE["loan_principal"]).then(capital).otherwise(income)
        back = side == "debit"
        return rows.filter(with_money).with_columns(
            debit=to if back else suspense, credit=suspense if back else to
        )

    return [stays, released("credit", "debit"), released("debit", "credit")]


def off_accrual(wide: pl.DataFrame) -> pl.DataFrame:
    """`loan_id`, `accounting_basis` of loans that are not booked by accrual."""
    return wide.select("loan_id", accounting_basis=accounting_basis()).filter(
        pl.col("accounting_basis") != AccountingBasis.accrual.value
    )


def _flagged() -> pl.Expr:
    return (pl.col("flags").fill_null(0) & _STOP_INCOME) != 0


def enters() -> pl.Expr:
    """Loans that go into non-accrual today: so many days past due, bankrupt or a fraud."""
    return (
        ~pl.col("non_accrual")
        & ~pl.col("cash_accounting")
        & (pl.col("non_accrual_mode") != NonAccrual.none.value)
        & (pl.col("status") == Status.active.value)
        & ((pl.col("days_past_due") >= pl.col("non_accrual_days")) | _flagged())
    )


def returns() -> pl.Expr:
    """Loans that go back to accrual today: without arrears for as long as the product asks."""
    days = (BUSINESS_DATE - pl.col("performing_since")).dt.total_days()
    long = (days >= pl.col("returns_days").cast(pl.Int64)).fill_null(False)
    return pl.col("non_accrual") & long & ~_flagged()


def reclassified(aged: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Positions with their accounting status after the day, and the transfers of its changes.

    `aged`: terms and positions with the day's days past due. Interest that was income and did not
    come is taken back on the way in, and is income again on the way out.
    """
    if not (aged["non_accrual_mode"] != NonAccrual.none.value).any():
        return aged, all_of([])
    none = pl.col("days_past_due") == 0
    since = pl.when(pl.col("non_accrual") & none).then(
        pl.coalesce("performing_since", BUSINESS_DATE)
    )
    counted = aged.with_columns(performing_since=since)
    turns = counted.with_columns(goes_in=enters(), comes_back=returns())
    if not turns.select((pl.col("goes_in") | pl.col("comes_back")).any()).item():
        return counted, all_of([])
    stands = pl.col("status") != Status.charged_off.value
    parts = []
    for side, sign in (("goes_in", 1), ("comes_back", -1)):
        rows = turns.filter(pl.col(side) & stands).with_columns(
            accrued=pl.col("interest_accrued") * sign,
            due=pl.col("interest_due") * sign,
            held=interest() * sign,
        )
        memo = rows.filter(pl.col("non_accrual_mode") == NonAccrual.reverse_to_memo.value)
        kept = rows.filter(pl.col("non_accrual_mode") == NonAccrual.suspense.value)
        parts += [
            transfer(memo, "interest_income", "interest_accrued", "accrued"),
            transfer(memo, "interest_income", "interest_due", "due"),
            transfer(memo, "memo_interest", "memo_contra", "held"),
            transfer(kept, "interest_income", "interest_suspense", "held"),
        ]
    back = pl.col("comes_back")
    after = turns.with_columns(
        non_accrual=(pl.col("non_accrual") | pl.col("goes_in")) & ~back,
        performing_since=pl.when(pl.col("goes_in") & none)
        .then(BUSINESS_DATE)
        .when(~back)
        .then("performing_since"),
    )
    return after.drop("goes_in", "comes_back"), all_of(parts)
