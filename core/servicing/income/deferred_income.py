"""Income that is deferred and taken over the loan's life, by nights to its maturity.

A capitalised fee, a buy-down and an origination fee join one running line a loan: `deferred_whole`
since `deferred_from`, evenly down to `deferred_to` on `deferred_until`: to zero at maturity, or, at
the loan's yield, period by period (`loanbook.core.servicing.income.effective_interest`). What is taken by a night is the
difference of rounded values, so that any split of the nights gives the same income. Whatever changes
the line (more of it, less of it, another maturity) begins it anew from what is left.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import ENDED, Status
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.contract.money import Rounding, int128, rounded_quotient
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.posting import DayState


def any_deferred(wide: pl.DataFrame) -> bool:
    """Whether some loan has income that is not taken yet."""
    return bool((wide["deferred_whole"] != 0).any())


def unamortised(on: pl.Expr) -> pl.Expr:
    """What is left of the line after the nights before `on`, rounded half-even (Int64)."""
    days = (pl.col("deferred_until") - pl.col("deferred_from")).dt.total_days()
    nights = (on - pl.col("deferred_from")).dt.total_days().clip(0)
    share = pl.min_horizontal(nights, days)
    falls = int128(pl.col("deferred_whole") - pl.col("deferred_to"))
    taken = rounded_quotient(falls * int128(share), int128(days.clip(1)), Rounding.half_even)
    rest = pl.when(days > 0).then(pl.col("deferred_whole") - taken).otherwise("deferred_to")
    return rest.fill_null(0)


_LINE = ("deferred_whole", "deferred_from", "deferred_until", "deferred_to", "business_date")
"""What of a loan its line hangs on."""


def unamortised_today(wide: pl.DataFrame) -> pl.Series:
    """`left` on each loan's `business_date` (Int64); worked out where there is a line, 0 elsewhere."""
    runs = wide["deferred_whole"] != 0
    rest = wide.select(_LINE).filter(runs).select(unamortised(BUSINESS_DATE)).to_series()
    return pl.zeros(wide.height, dtype=pl.Int64, eager=True).scatter(runs.arg_true(), rest)


def run_line(
    where: pl.Expr, whole: pl.Expr, since: pl.Expr, until: pl.Expr, to: pl.Expr | None = None
) -> dict[str, pl.Expr]:
    """Columns of a line of loans `where`: `whole` (Int64) at `since` (Date), evenly down to `to`
    (Int64, 0) on `until` (Date)."""
    named = {
        "deferred_whole": whole,
        "deferred_from": since,
        "deferred_until": until,
        "deferred_to": pl.lit(0) if to is None else to,
    }
    return {name: pl.when(where).then(value).otherwise(name) for name, value in named.items()}


def recognise(wide: pl.DataFrame) -> pl.DataFrame:
    """`wide` with `income_deferred` as it is on each loan's `business_date`."""
    return (
        wide.with_columns(income_deferred=unamortised_today(wide)) if any_deferred(wide) else wide
    )


def nightly(wide: pl.DataFrame) -> pl.DataFrame:
    """What a transfer asks of loans with a line, with `taken`, the income of the night before each one's `business_date` (Int64)."""
    booked = ["loan_id", "entity", "product", "currency", "deferred_as_fee"]
    lines = wide.select(*booked, *_LINE).filter(pl.col("deferred_whole") != 0)
    return lines.with_columns(
        taken=unamortised(BUSINESS_DATE - pl.duration(days=1)) - unamortised(BUSINESS_DATE)
    )


def income() -> pl.Expr:
    """Code of the account that a loan's deferred income is taken to, by its product."""
    as_fee = pl.col("deferred_as_fee")
    return pl.when(as_fee).then(ROLE["fee_income"]).otherwise(ROLE["interest_income"])


def defer(day: DayState, amounts: pl.DataFrame) -> None:
    """The line of loans grows by `amount` (`loan_id`, `event_id`, `amount`), below zero it shrinks.

    What shrinks by more than is left was taken as income already: it is given back. A loan that is
    off the books has no income to come: the line lessens its loss at once.
    """
    amounts = amounts.select("loan_id", "event_id", "amount")
    lines = day.loans.select("loan_id", "income_deferred", "deferred_as_fee").join(
        amounts, on="loan_id"
    )
    over = lines.with_columns(
        back=-pl.min_horizontal(pl.col("income_deferred") + pl.col("amount"), 0)
    )
    day.book(over, income(), "deferred_fee_income", "back")
    sums = over.group_by("loan_id").agg(more=(pl.col("amount") + pl.col("back")).sum())
    joined = day.loans.join(sums, on="loan_id", how="left", maintain_order="left")
    line = pl.col("income_deferred") + pl.col("more").fill_null(0)
    joined = _anew(joined.with_columns(income_deferred=line), pl.col("more").is_not_null())
    day.loans = joined.drop("more")
    off = pl.col("loan_id").is_in(day.charged_off().implode())
    offset_loss(day, amounts.filter(off), "credit_loss")


def restart(day: DayState) -> None:
    """Lines of loans whose contract changed today run to the maturity that they have now."""
    if not day.changed or not any_deferred(day.loans):
        return
    ids = pl.concat(day.changed)["loan_id"]
    day.loans = _anew(day.loans, pl.col("loan_id").is_in(ids.implode()))


def _anew(loans: pl.DataFrame, where: pl.Expr) -> pl.DataFrame:
    """`loans` with lines that begin today, from what is left of them."""
    runs = where & (pl.col("income_deferred") != 0)
    last = due_of(pl.col("instalments").cast(pl.Int32), loans)
    return loans.with_columns(
        **run_line(
            where,
            pl.col("income_deferred"),
            pl.when(runs).then(BUSINESS_DATE),
            pl.when(runs).then(last),
        ),
        eir_ppb=pl.when(where).then(None).otherwise("eir_ppb"),
        contract_yield_ppb=pl.when(where).then(None).otherwise("contract_yield_ppb"),
    )


def recognise_remainder(day: DayState) -> None:
    """What ended loans, and those past their maturity, still have deferred is income now."""
    if not any_deferred(day.loans):
        return
    over = pl.col("status").is_in([*ENDED, Status.overpaid.value]) | (
        pl.col("deferred_until") <= BUSINESS_DATE
    )
    rest = day.loans.filter(over & (pl.col("income_deferred") != 0))
    day.book(rest, "deferred_fee_income", income(), "income_deferred")
    day.loans = _without(day.loans, rest["loan_id"])


def offset_loss(day: DayState, gone: pl.DataFrame, against: str) -> None:
    """What loans that are given up (`loan_id`, `event_id`) have deferred lessens the loss."""
    if not any_deferred(day.loans):
        return
    rest = day.loans.select("loan_id", "income_deferred").join(
        gone.select("loan_id", "event_id"), on="loan_id"
    )
    day.book(rest, "deferred_fee_income", against, "income_deferred")
    day.loans = _without(day.loans, rest["loan_id"])


def _without(loans: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    """Positions whose line is over for loans `ids`."""
    over = pl.col("loan_id").is_in(ids.implode())
    return loans.with_columns(
        income_deferred=pl.when(over).then(0).otherwise("income_deferred"),
        **run_line(over, pl.lit(0), pl.lit(None), pl.lit(None)),
        eir_ppb=pl.when(over).then(None).otherwise("eir_ppb"),
        contract_yield_ppb=pl.when(over).then(None).otherwise("contract_yield_ppb"),
    )
