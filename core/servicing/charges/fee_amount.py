"""How much a fee by policy is: a share of its base and a flat sum, between floor and cap."""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.money import PPB, int128, share_of


def fee_amount(based: pl.DataFrame) -> pl.Expr:
    """The share of the base and the flat sum, between floor and cap.

    Reads `base` (minor units) and the columns of a fee table: `fee_ppb`, `fee_flat`, `fee_min`,
    `fee_max`, `fee_rounding`.
    """
    whole = _share(based) + pl.col("fee_flat")
    return pl.min_horizontal(pl.max_horizontal(whole, "fee_min"), "fee_max")


def _share(based: pl.DataFrame) -> pl.Expr:
    """`fee_ppb` of `base`, rounded once as `fee_rounding` says."""
    return share_of(based, int128(pl.col("base")) * int128(pl.col("fee_ppb")), PPB, "fee_rounding")
