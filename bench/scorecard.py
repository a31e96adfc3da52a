"""`python -m bench.scorecard`: fit the points of data/policies/decisions/personal-loan.yaml to the public sample.

The sample holds loans that were granted, 5 months of their life and 7 that were charged off: too few to fit to losses.
So the points are fitted to the lender's own sub-grade (A1 to G5): they say how that lender ranked its applicants by what
bureaus told, not who pays. Months January and February fit, March tests. Prints the policy's parts and the figures that
docs/guide/origination.md shows.

A ridge regression on bins; neighbouring bins that go against a characteristic's direction are pooled, points are whole.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from loanbook.core.decision.validity import calibration, rank_correlation, separation, stability
from loanbook.pipelines.simulation.applicants import inputs_of, issued
from loanbook.pipelines.simulation.landing import public_tape

POINTS_A_STEP = 10
"""Points of a sub-grade."""
BASE = 500
RIDGE = 20.0
BINS: dict[str, tuple[list[int], int]] = {
    "utilisation_bp": ([1000, 2500, 4000, 5500, 7000, 8500], -1),
    "inquiries_12m": ([1, 2, 3, 5, 8], -1),
    "accounts_opened_24m": ([2, 4, 6, 9], -1),
    "history_months": ([84, 120, 168, 228, 300], 1),
    "debt_to_income_bp": ([1000, 1600, 2200, 2800, 3400], -1),
    "card_limit": ([500_000, 1_000_000, 2_000_000, 3_500_000, 6_000_000], 1),
    "months_since_delinquency": ([12, 24, 48], 1),
    "bankruptcies": ([1], -1),
    "mortgages": ([1, 3], 1),
}
"""Where the bins of a number begin, and whether more is better."""
WORDS = {"purpose": ["credit_card", "debt_consolidation", "home_improvement", "car"]}


def design(rows: pl.DataFrame) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """One column of 0 and 1 a bin, and what it stands for."""
    columns, names = [], []
    for name, (edges, _) in BINS.items():
        place = sum((rows[name] >= edge).cast(pl.Int32).fill_null(-99) for edge in edges)
        for at in range(len(edges) + 1):
            columns.append((place == at).cast(pl.Float64).to_numpy())
            names.append((name, str(at)))
        if rows[name].null_count():
            columns.append(rows[name].is_null().cast(pl.Float64).to_numpy())
            names.append((name, "missing"))
    for name, words in WORDS.items():
        for word in words:
            columns.append((rows[name] == word).cast(pl.Float64).to_numpy())
            names.append((name, word))
        columns.append((~rows[name].is_in(words)).cast(pl.Float64).to_numpy())
        names.append((name, "other"))
    return np.column_stack(columns), names


def pooled(values: list[float], weights: list[float], direction: int) -> list[float]:
    """Values that go one way: neighbours that don't are put together at their mean."""
    blocks = [[direction * v, w, 1] for v, w in zip(values, weights, strict=True)]
    at = 0
    while at < len(blocks) - 1:
        if blocks[at][0] > blocks[at + 1][0]:
            (a, wa, na), (b, wb, nb) = blocks[at], blocks[at + 1]
            blocks[at : at + 2] = [[(a * wa + b * wb) / (wa + wb), wa + wb, na + nb]]
            at = max(at - 1, 0)
        else:
            at += 1
    return [direction * v for v, _, n in blocks for _ in range(int(n))]


def fitted(rows: pl.DataFrame, target: np.ndarray) -> dict[str, dict[str, int]]:
    """Points by characteristic and bin; the worst bin of each has none."""
    matrix, names = design(rows)
    centred = matrix - matrix.mean(axis=0)
    goal = target - target.mean()
    weights = np.linalg.solve(centred.T @ centred + RIDGE * np.eye(len(names)), centred.T @ goal)
    found: dict[str, dict[str, float]] = {}
    sizes: dict[str, dict[str, float]] = {}
    for (name, at), weight, size in zip(names, weights, matrix.sum(axis=0), strict=True):
        found.setdefault(name, {})[at] = float(weight)
        sizes.setdefault(name, {})[at] = float(size) + 1
    points = {}
    for name, by in found.items():
        values = dict(by)
        if name in BINS:
            keys = [key for key in by if key != "missing"]
            way = pooled([by[k] for k in keys], [sizes[name][k] for k in keys], BINS[name][1])
            values |= dict(zip(keys, way, strict=True))
        least = min(values.values())
        points[name] = {k: round((v - least) * POINTS_A_STEP) for k, v in values.items()}
    return points


def scored(rows: pl.DataFrame, points: dict[str, dict[str, int]]) -> pl.Series:
    matrix, names = design(rows)
    return pl.Series((matrix @ np.array([points[n][k] for n, k in names])).astype(int)) + BASE


SAYS = {
    "utilisation_bp": "You use much of the credit that you have.",
    "inquiries_12m": "There were several inquiries for credit within a year.",
    "accounts_opened_24m": "You opened several accounts within two years.",
    "history_months": "Your credit history is short.",
    "debt_to_income_bp": "Your debts are high for your income.",
    "card_limit": "Your credit lines are small or few.",
    "months_since_delinquency": "You were late on a debt within the last years.",
    "bankruptcies": "There is a bankruptcy on your record.",
    "mortgages": "You have few secured loans on record.",
    "purpose": "The purpose of the loan is one of higher risk.",
}
"""What an applicant is told where a characteristic cost most of the points."""


def yaml_of(points: dict[str, dict[str, int]], says: dict[str, str]) -> str:
    """The characteristics as the policy file has them."""
    lines = []
    for name, by in points.items():
        text = f"    - input: {name}\n      says: {says[name]}\n"
        if name in BINS:
            edges = BINS[name][0]
            bins = [(edge, by[str(at)]) for at, edge in enumerate(edges)] + [
                (None, by[str(len(edges))])
            ]
            kept = [
                b
                for b, after in zip(bins, [*bins[1:], None], strict=True)
                if after is None or b[1] != after[1]
            ]
            told = ", ".join(
                f"{{below: {e}, points: {p}}}" if e else f"{{points: {p}}}" for e, p in kept
            )
            text += f"      bins: [{told}]\n" + (
                f"      missing: {by['missing']}\n" if "missing" in by else ""
            )
        else:
            told = ", ".join(f"{w}: {p}" for w, p in by.items() if w != "other")
            text += f"      words: {{{told}}}\n" + (
                f"      other: {by['other']}\n" if name == "purpose" else ""
            )
        lines.append(text)
    return "".join(lines)


def main() -> None:
    """Fit, print, test."""
    tape = public_tape()
    rows = inputs_of(tape).with_columns(
        month=issued(tape), grade=tape["grade"], rate=tape["interest_rate"].cast(pl.Decimal(8, 2)),
        step=tape["sub_grade"].str.head(1).replace_strict(dict(zip("ABCDEFG", range(7), strict=True)), return_dtype=pl.Int64) * 5
        + tape["sub_grade"].str.tail(1).cast(pl.Int64),
        bad=~tape["loan_status"].is_in(["Current", "Fully Paid"]),
    )  # fmt: skip
    early = rows.filter(pl.col("month") < dt.date(2018, 3, 1))
    late = rows.filter(pl.col("month") >= dt.date(2018, 3, 1))
    points = fitted(early, -early["step"].to_numpy().astype(float))
    print(yaml_of(points, SAYS))
    one, other = scored(early, points), scored(late, points)
    cuts, below = {}, 0.0
    for grade in "GFEDCBA":
        share = float((early["grade"] == grade).mean() or 0)
        cuts[grade] = int(one.quantile(below, "lower") or 0) if below else None
        below += share
    print("cuts", cuts)
    prices = early.group_by("grade", "term").agg(pl.col("rate").median(), pl.len(), pl.col("amount").quantile(0.95)).sort("grade", "term")  # fmt: skip
    with pl.Config(tbl_rows=40):
        print(prices)
    for name, part, given in (("Jan-Feb", early, one), ("March", late, other)):
        print(name, "rank correlation with sub-grade", round(rank_correlation(given, -part["step"]), 3),
              "with rate", round(rank_correlation(given, -part["rate"].cast(pl.Float64)), 3),
              "separation of late or worse", round(separation(given, part["bad"]), 3), "n bad", part["bad"].sum())  # fmt: skip
        print(
            "   the lender's own sub-grade separates",
            round(separation(-part["step"], part["bad"]), 3),
        )
    edges = [int(one.quantile(q / 10) or 0) for q in range(1, 10)]
    print("PSI", round(stability(one, other, edges)[0], 4), "edges", edges)
    bands = sum((other >= e).cast(pl.Int32) for e in edges[1::2])
    print(calibration(bands, late["bad"]))


if __name__ == "__main__":
    main()
