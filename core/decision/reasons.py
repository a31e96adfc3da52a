"""Reasons of a decision: codes by their weight, the heaviest first, as an applicant is told of them.

Of a rule it is the rule's weight; of points what the characteristic cost of the most that it gives, as 12 CFR 1002.9,
comment (b)(2)-4 has it. Where weights are equal the code's place in the alphabet decides.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.core.policy.decisions.scorecard import SHOWN_REASONS

OWN_WEIGHT = 50
"""Weight of a reason that stands in no rule: of limits and terms."""


def ranked(rows: pl.DataFrame, weights: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """`place`, `reasons` (codes set apart by commas) of rows with at least one reason.

    `rows` has a `place`; `weights`: by code, null where it is no reason of the row.
    """
    if not weights or rows.is_empty():
        return pl.DataFrame(schema={"place": pl.Int64, "reasons": pl.String})
    wide = rows.select("place", **{code: each.cast(pl.Int64) for code, each in weights.items()})
    long = wide.unpivot(index="place", variable_name="code", value_name="weight").drop_nulls(
        "weight"
    )
    ordered = long.sort("place", "weight", "code", descending=[False, True, False])
    return ordered.group_by("place", maintain_order=True).agg(
        reasons=pl.col("code").head(SHOWN_REASONS).str.join(",")
    )


def of_points(policy: DecisionPolicy) -> dict[str, pl.Expr]:
    """What each characteristic cost, by its code, where points are too low; null where it cost nothing."""
    low = pl.col("too_low")
    found: dict[str, pl.Expr] = {}
    for each in policy.scorecard.characteristics:
        cost = each.most - pl.col(f"points_{each.input}")
        found[f"points_{each.input}"] = pl.when(low & (cost > 0)).then(cost)
    return found


def in_words(policy: DecisionPolicy, reasons: str) -> list[str]:
    """A decision's reasons as the applicant is told of them."""
    words = policy.words()
    return [words.get(code, code.replace("_", " ")) for code in reasons.split(",") if code]
