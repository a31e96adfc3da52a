"""What a late loan's call is worth, by which strategy, and which team's it is."""

from __future__ import annotations

import polars as pl

from loanbook.core.policy.decisions.scorecard import points_by
from loanbook.core.policy.lending.collection_queues import (
    CollectionQueue,
    Factor,
    Strategy,
    Team,
)


def mixed(number: pl.Expr) -> pl.Expr:
    """A hash (UInt64) stirred, so that each of its bits hangs on all (the finalizer of SplitMix64; products wrap)."""
    for shift, factor in ((2**30, 0xBF58476D1CE4E5B9), (2**27, 0x94D049BB133111EB)):
        number = number.xor(number // _unsigned(shift)) * _unsigned(factor)
    return number.xor(number // _unsigned(2**31))


def _unsigned(number: int) -> pl.Expr:
    return pl.lit(number, dtype=pl.UInt64)


def strategy_of(queue: CollectionQueue) -> pl.Expr:
    """Name of each loan's strategy by `key_hash` (UInt64): with the same seed and shares always the same."""
    place = mixed(pl.col("key_hash").xor(mixed(_unsigned(queue.seed + 1)))) % _unsigned(100)
    until, found = 100, pl.lit(queue.strategies[-1].name)
    for each, before in zip(queue.strategies[::-1], [*queue.strategies[-2::-1], None], strict=True):
        until -= each.share_percent
        if before is not None:
            found = pl.when(place < until).then(pl.lit(before.name)).otherwise(found)
    return found


def points_of(factor: Factor) -> pl.Expr:
    """Points (Int64) that a factor gives."""
    return points_by(pl.col(factor.of), factor.bins, factor.words, factor.other, factor.missing)


def scored(loans: pl.DataFrame, queue: CollectionQueue) -> pl.DataFrame:
    """Loans with `strategy`, `score` (Int64) and `why`, the points that make it: `amount due +25, promise +30`."""
    told = loans.with_columns(strategy=strategy_of(queue))
    parts = [_by(told.filter(pl.col("strategy") == each.name), each) for each in queue.strategies]
    return pl.concat(parts)


def _by(loans: pl.DataFrame, strategy: Strategy) -> pl.DataFrame:
    names = [each.of for each in strategy.factors]
    given = loans.select(points_of(each).alias(each.of) for each in strategy.factors)
    words = [
        pl.when(pl.col(name) != 0).then(
            pl.concat_str(
                pl.lit(f"{name.replace('_', ' ')} "), pl.when(pl.col(name) > 0).then(pl.lit("+")).otherwise(pl.lit("")),
                pl.col(name).cast(pl.String),
            )
        )
        for name in names
    ]  # fmt: skip
    told = given.select(
        score=pl.sum_horizontal(names).cast(pl.Int64),
        why=pl.concat_str(words, separator=", ", ignore_nulls=True),
    )
    return pl.concat([loans, told], how="horizontal")


def team_of(queue: CollectionQueue) -> pl.Expr:
    """Name of the first team that a loan fits; null: none."""
    found = pl.lit(None, dtype=pl.String)
    for each in queue.teams[::-1]:
        found = pl.when(_fits(each)).then(pl.lit(each.name)).otherwise(found)
    return found


def _fits(team: Team) -> pl.Expr:
    fits = pl.col("days_past_due") >= team.from_days
    if team.to_days is not None:
        fits &= pl.col("days_past_due") <= team.to_days
    if team.products:
        fits &= pl.col("product").is_in(team.products)
    if team.regions:
        country = pl.col("region").str.head(2)
        fits &= pl.col("region").is_in(team.regions) | country.is_in(team.regions)
    return fits.fill_null(False)
