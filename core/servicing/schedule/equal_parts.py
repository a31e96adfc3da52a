"""What joins instalments to come whose interest stays what it is, in even shares.

Where a re-age fixed interest, what is lent on top, or spread over more instalments: each asks an even
sum of principal and interest. Where interest is fixed, or there is none, arrears that a re-amortisation
spreads. The last instalment takes what rounding leaves. And equal parts of principal, made anew.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import Component, is_interest, is_principal, of_schedule
from loanbook.core.contract.dates.business_days import Calendar, adjusted
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.contract.figures import Amortisation
from loanbook.core.contract.money import (
    Rounding,
    even_part,
    int128,
    to_multiple,
    with_quotient,
    with_rest,
)
from loanbook.core.frames import codes
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import NO_DUES, due_rows, on_own_date


def is_fixed() -> pl.Expr:
    """Loans whose schedule stands whole since a re-age fixed its interest."""
    return pl.col("materialised") & pl.col("schedule_fixed_on").is_not_null()


def shares_arrears() -> pl.Expr:
    """Loans whose interest is fixed, or that bear none, and whose arrears are spread: what is to come grows by
    even shares of them."""
    arrears = pl.col("lifted_principal") + pl.col("lifted_interest") > 0
    return (is_fixed() | (pl.col("rate_ppb") == 0)) & arrears


def even_instalment(amount: pl.Expr, count: pl.Expr) -> pl.Expr:
    """An even part of `amount`, rounded to the product's multiple of an instalment; below half of one it stays
    as it is, or nothing would be paid."""
    part, whole = even_part(amount, count), _even_multiple(amount, count)
    return pl.when(whole == 0).then(part).otherwise(whole)


def even_principal(one: pl.Expr, of: pl.Expr, number: str, last: pl.Expr) -> pl.Expr:
    """Principal of the `number`th of a loan's instalments that ask an even sum: `one`, what the sum leaves for it,
    never below zero and no more than is left `of` it; all that is left of the `last`."""
    fits = one.clip(0)
    before = (fits.cum_sum() - fits).over("loan_id", order_by=number)
    left = (of - before).clip(0)
    return pl.when(last).then(left).otherwise(pl.min_horizontal(fits, left))


def _even_multiple(amount: pl.Expr, count: pl.Expr) -> pl.Expr:
    part = even_part(amount, count)
    return to_multiple(part, pl.col("instalment_multiple"), Rounding.half_even)


def redated(
    loans: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar]
) -> pl.DataFrame:
    """Dues of the instalments after `first_no` as they are, on the dates that the terms give them now.

    `loans`: terms as they are from now on; of one whose interest is fixed another rate changes nothing.
    """
    if loans.is_empty():
        return dues
    each = loans.with_columns(
        instalment_no=pl.int_ranges(pl.col("first_no") + 1, pl.col("instalments") + 1)
    ).explode("instalment_no")
    each = each.with_columns(pl.col("instalment_no").cast(pl.Int16))
    each = each.with_columns(falls=due_of(pl.col("instalment_no"), each))
    each = each.with_columns(falls=adjusted(pl.col("falls"), each, calendars))
    falls = each.select("loan_id", "instalment_no", "falls")
    moves = (pl.col("due_date") > BUSINESS_DATE) & ~on_own_date()
    return (
        dues.join(falls, on=["loan_id", "instalment_no"], how="left", maintain_order="left")
        .with_columns(
            due_date=pl.when(moves).then(pl.coalesce("falls", "due_date")).otherwise("due_date")
        )
        .drop("falls")
    )


def share_arrears(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """What the instalments after `first_no` grow by for the `lifted_principal` of loans.

    A share is rounded to the product's multiple of an instalment.
    """
    terms = loans.select("loan_id", "first_no", "lifted_principal", "instalment_multiple")
    coming = (
        dues.filter((pl.col("due_date") > BUSINESS_DATE) & is_principal())
        .join(terms, on="loan_id", maintain_order="left")
        .filter(pl.col("instalment_no") > pl.col("first_no"))
    )
    arrears, n = pl.col("lifted_principal"), pl.len().over("loan_id")
    share = _even_multiple(arrears, n)
    nth = pl.col("instalment_no").rank("ordinal").over("loan_id")
    return coming.with_columns(
        amount=with_rest(arrears, share, n, nth), paid=pl.lit(0, dtype=pl.Int64)
    ).select(NO_DUES.columns)


def spread_evenly(
    loans: pl.DataFrame, dues: pl.DataFrame, calendars: dict[int, Calendar]
) -> pl.DataFrame:
    """What the dues of the instalments after `first_no` grow by, below zero where they shrink.

    `loans`: terms as they are from now on, `first_no`, and `lent` on top (Int64, minor units).
    """
    if loans.is_empty():
        return NO_DUES
    each = loans.with_columns(
        number=pl.int_ranges(pl.col("first_no") + 1, pl.col("instalments") + 1)
    ).explode("number")
    number = pl.col("number").cast(pl.Int16)
    each = each.with_columns(number).with_columns(due=due_of(pl.col("number"), each))
    each = each.with_columns(due=adjusted(pl.col("due"), each, calendars))
    existing = (
        dues.filter((pl.col("due_date") > BUSINESS_DATE) & of_schedule())
        .group_by("loan_id", number="instalment_no")
        .agg(
            principal_stood=pl.col("amount").filter(is_principal()).sum(),
            interest_stood=pl.col("amount").filter(is_interest()).sum(),
        )
    )
    each = each.join(existing, on=["loan_id", "number"], how="left", maintain_order="left")
    each = each.with_columns(pl.col("principal_stood", "interest_stood").fill_null(0))
    of_loan = pl.col("principal_stood").sum().over("loan_id") + pl.col("lent")
    n = pl.len().over("loan_id")
    whole = of_loan + pl.col("interest_stood").sum().over("loan_id")
    even = even_instalment(whole, n)
    last = pl.col("number") == pl.col("instalments")
    spread = each.with_columns(one=even - pl.col("interest_stood"), all=of_loan)
    principal = even_principal(pl.col("one"), pl.col("all"), "number", last)
    growth = due_rows(
        spread, "number", Component.principal, "due", principal - pl.col("principal_stood")
    )
    return growth.select(NO_DUES.columns)


def with_equal_parts(solved: pl.DataFrame, loans: pl.DataFrame, rest: pl.DataFrame) -> pl.DataFrame:
    """Loans of equal parts of principal ask them anew of what the `rest` of them is to pay off, from the
    running instalment on; where an order keeps the instalment, those of before."""
    equal = pl.col("amortisation") == Amortisation.equal_principal
    if Amortisation.equal_principal not in codes(loans, "amortisation"):
        return solved
    n = pl.col("instalment_no").cast(pl.Int64)
    graced = pl.col("grace_principal").cast(pl.Int64)
    last = pl.col("instalments").cast(pl.Int64)
    anew = rest.filter(equal).with_columns(
        _left=pl.col("principal_agreed") - pl.col("lifted_interest") - pl.col("balloon"),
        _parts=(last - pl.max_horizontal(n - 1, graced)).clip(lower_bound=1),
    )
    kept = loans.filter(
        equal & (pl.col("keep") == "instalment") & pl.col("level_changes").is_null()
    ).with_columns(
        _left=pl.col("principal_agreed") - pl.col("balloon"),
        _parts=(last - pl.col("more").fill_null(0) - graced).clip(lower_bound=1),
    )
    return with_parts_of(solved, pl.concat([anew.select(PARTS), kept.select(PARTS)]))


PARTS = ["loan_id", "instalment_no", "instalment_rounding", "_left", "_parts"]
"""What `with_parts_of` reads: the principal to pay off, and over how many instalments."""


def with_parts_of(solved: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """Loans with equal parts of principal from an instalment on. `parts`: `PARTS`, a row a loan whose parts are others."""
    if parts.is_empty():
        return solved
    parts = with_quotient(
        parts, "_part", int128(pl.col("_left")), int128(pl.col("_parts")), "instalment_rounding",
        codes(parts, "instalment_rounding"),
    )  # fmt: skip
    from_here = pl.concat_str("instalment_no", pl.lit(":"), "_part")
    return (
        solved.join(
            parts.select("loan_id", _from_here=from_here), on="loan_id", how="left",
            maintain_order="left",
        )
        .with_columns(level_changes=pl.coalesce("_from_here", "level_changes"))
        .drop("_from_here")
    )  # fmt: skip
