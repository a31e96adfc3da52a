"""Points of an application by a scorecard, and what each characteristic cost of the most it gives."""

from __future__ import annotations

import polars as pl

from loanbook.core.policy.decisions.scorecard import Characteristic, Scorecard, points_by


def points(of: Characteristic) -> pl.Expr:
    """Points of a characteristic (Int64); null: its input is missing, or a word that is not listed."""
    return points_by(pl.col(of.input), of.bins, of.words, of.other, of.missing)


def points_of(card: Scorecard) -> dict[str, pl.Expr]:
    """Points by characteristic, named `points_INPUT`."""
    return {f"points_{each.input}": points(each) for each in card.characteristics}


def total(card: Scorecard) -> pl.Expr:
    """Points together, over the columns of `points_of`; null where one of them is."""
    whole = pl.lit(card.base, dtype=pl.Int64)
    for each in card.characteristics:
        whole = whole + pl.col(f"points_{each.input}")
    return whole
