"""Rebates of a finance charge at an early payoff."""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.money import Rounding, int128, rounded_quotient


def rule_of_78(charge: pl.Expr, term: pl.Expr, remaining: pl.Expr) -> pl.Expr:
    """What is given back of `charge` with `remaining` of `term` instalments left (Int64, half-even).

    The sum of the digits: charge * r (r + 1) / (n (n + 1)). For precomputed loans; United States
    law bars it above 61 months (15 U.S.C. 1615).
    """
    left, whole = int128(remaining), int128(term)
    return rounded_quotient(
        int128(charge) * left * (left + 1), whole * (whole + 1), Rounding.half_even
    )
