"""Advances of a line of credit: the part of the balance that bears more than the rest, from its first
night, whether or not a statement was paid in full.

What a statement asks meets the balance that bears less first; what exceeds it goes to the highest
rate. Policy: a product's `line.cash_advances`. Source: the product's domain rules, Line of credit; 12 CFR
1026.53 for the order of what exceeds the minimum, 1026.5(b)(2)(ii) and 1026.54 concern purchases alone.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.servicing.interest.rate_ceilings import capped
from loanbook.core.servicing.loan import line, segment

ADVANCE = "$.advance"
"""Where the payload of a draw says that it is one."""


def bears_more(frame: pl.DataFrame) -> bool:
    """Whether any of the loans has a product with advances."""
    return bool((frame["cash_advance_margin"] > 0).any())


def margin() -> pl.Expr:
    """What advances bear beyond the line's own rate, under a ceiling by law (ppb a year)."""
    return capped(pl.col("rate_ppb") + pl.col("cash_advance_margin")) - pl.col("rate_ppb")


def taken(events: pl.DataFrame) -> pl.Series:
    """Which of the draws are advances (Boolean)."""
    is_advance = events["payload"].str.json_path_match(ADVANCE) == "true"
    return is_advance.fill_null(False).alias("advance")


def paid_last(loans: pl.DataFrame) -> pl.DataFrame:
    """`loans` after money for what was asked: the rest of the balance was paid first."""
    return loans.with_columns(**line.cap_cash_advances("cash_advances"))


def paid_first(loans: pl.DataFrame, beyond: pl.Expr | pl.Series) -> pl.DataFrame:
    """`loans` after so much money `beyond` what was asked (Int64), which advances take first."""
    left = (pl.col("cash_advances") - beyond).clip(lower_bound=0)
    return loans.with_columns(**line.cap_cash_advances(left))


def begun_anew(loans: pl.DataFrame) -> pl.DataFrame:
    """`loans` whose advances start a cycle: what was paid of their interest before it was asked stays."""
    if not bears_more(loans):
        return loans
    bears_advances = pl.col("cash_advance_margin") > 0
    return loans.with_columns(
        **segment.set_earned_of_advances(
            pl.when(bears_advances).then("accrued_prepaid").otherwise(0).cast(pl.Int64)
        )
    )
