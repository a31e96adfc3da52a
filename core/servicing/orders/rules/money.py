"""How much may be lent, given back and refunded."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import InterestMode, Kind
from loanbook.core.catalogue.events import kinds_of
from loanbook.core.catalogue.kinds import Family
from loanbook.core.servicing.orders.rule import rule

_LENDS = kinds_of(Family.lent)


@rule("interest_is_fixed_by_the_schedule", kinds=_LENDS)
def more_principal_at_fixed_interest() -> pl.Expr:
    """After the first payout, a schedule that fixes the interest and does not stand whole has no place
    for more principal: its interest would not follow."""
    scheduled = pl.col("interest_mode") == InterestMode.scheduled.value
    return pl.col("status").is_not_null() & ~pl.col("materialised") & scheduled


@rule("more_than_may_be_lent", kinds=_LENDS)
def more_than_may_be_lent() -> pl.Expr:
    """With what was lent before, it is more than was agreed and the product lets be lent over it; of
    a line of credit, more than its limit leaves."""
    return pl.col("lent") + pl.col("amount") > pl.col("limit")


@rule("fee_not_below_the_payout", kinds=(Kind.disbursed,))
def fee_not_below_the_payout() -> pl.Expr:
    """The fee that is kept of the payout, with the tax on it, is as much as the payout or more: the
    borrower would get nothing, or pay for it."""
    return (pl.col("payout_fee") > 0) & (pl.col("payout_fee") >= pl.col("amount"))


@rule("more_than_was_capitalised", kinds=(Kind.capitalised_fee_adjusted,))
def more_than_was_capitalised() -> pl.Expr:
    """More of the capitalised fees would be given back than joined the principal."""
    return pl.col("amount") > pl.col("capitalised")


@rule("more_than_was_bought_down", kinds=(Kind.buy_down_adjusted,))
def more_than_was_bought_down() -> pl.Expr:
    """More would be given back than was paid for the borrower's rate."""
    return pl.col("amount") > pl.col("bought_down")


@rule("more_than_the_credit", kinds=(Kind.credit_refunded,))
def more_than_the_credit() -> pl.Expr:
    """The refund is more than the borrower's credit: beyond it the lender would pay out money of its
    own. Source for refunds of a credit: 12 CFR 1026.11(a) and 1026.21."""
    return pl.col("amount") > pl.col("credit").fill_null(0)


@rule("charge_above_the_bound", kinds=(Kind.charge_assessed,))
def charge_above_the_bound() -> pl.Expr:
    """The charge is more than people may ask of a loan of its size (the product's
    `bounds.charge_percent` of what was agreed)."""
    return pl.col("amount") > pl.col("charge_limit")


@rule("no_merchant", kinds=(Kind.merchant_refund,))
def no_merchant() -> pl.Expr:
    """The loan was paid out to the borrower: there is no merchant that gives money back. What the payee
    of the payout gives back is a payout refund."""
    return ~pl.col("merchant")
