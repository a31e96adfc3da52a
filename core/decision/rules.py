"""Rules over all applications at once: which hold, and which can't be told, as bits of whole numbers."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from loanbook.core.policy.decisions.decision import Rule


def holds(rule: Rule) -> pl.Expr:
    """Whether the rule's condition holds for certain."""
    return rule.condition.expression.fill_null(False)


def unknown(rule: Rule, mistyped: Sequence[str] = ()) -> pl.Expr:
    """Whether the rule can't be told: it does not hold for certain, and an input that it needs is missing, or any
    is mistyped (`mistyped`: names of columns that say so, by `mistyped_NAME`)."""
    lacking = [pl.col(name).is_null() for name in rule.needs]
    lacking += [pl.col(f"mistyped_{n}") for n in rule.condition.inputs if n in mistyped]
    return ~holds(rule) & pl.any_horizontal(lacking or [pl.lit(False)])


def bits(answers: Sequence[pl.Expr]) -> pl.Expr:
    """Yes or no of each rule as one Int64: bit k is of the k-th."""
    if not answers:
        return pl.lit(0, dtype=pl.Int64)
    return pl.sum_horizontal(
        each.cast(pl.Int64) * (1 << place) for place, each in enumerate(answers)
    ).cast(pl.Int64)


def has(mask: str, place: int) -> pl.Expr:
    """Whether a bit is set."""
    return (pl.col(mask) // (1 << place)) % 2 == 1
