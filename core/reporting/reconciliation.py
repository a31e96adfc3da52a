"""How the engine's balances compare with those that another servicer reports.

The carrying amount is compared: a charged-off loan has none. A difference is explained only
if it lies within what its reason can cause; the bound is part of the reason. Reasons are data: they
tell what the servicer's figures leave open (data/sample/reconciliation.yaml).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from loanbook.core.errors import PolicyError

PPB = 10**9
NEAR = 3
"""Cents within which rounding of interest explains a difference."""


def _interest(amount: pl.Expr, days: int | pl.Expr) -> pl.Expr:
    return amount.cast(pl.Float64) * pl.col("rate_ppb") * days / (360 * PPB)


class Term(BaseModel):
    """A part of a bound: an amount, or the interest on a product of columns for some days."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: str | None = None
    """Column of an amount in minor units."""
    interest_on: tuple[str, ...] = ()
    """Columns whose product is the amount that bears interest."""
    days: int | str = 0
    """Nights of interest, or their column."""

    @model_validator(mode="after")
    def _one(self) -> Term:
        if (self.amount is None) == (not self.interest_on):
            raise ValueError("name either amount or interest_on")
        return self

    def expr(self) -> pl.Expr:
        """Minor units, not rounded."""
        if self.amount is not None:
            return pl.col(self.amount)
        base = reduce(lambda one, other: one * other, map(pl.col, self.interest_on))
        return _interest(base, self.days if isinstance(self.days, int) else pl.col(self.days))


class Reason(BaseModel):
    """Why a balance may differ, for which loans, and by how much at most (sum of `bound`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    text: str
    positive: str | None = None
    """The reason applies where this column is above zero."""
    equal: tuple[str, str] | None = None
    """The reason applies where these columns are equal."""
    bound: tuple[Term, ...] = Field(min_length=1)

    def applies(self) -> pl.Expr:
        """Whether it applies to a loan."""
        tests = [pl.lit(True)]
        if self.positive is not None:
            tests.append(pl.col(self.positive) > 0)
        if self.equal is not None:
            tests.append(pl.col(self.equal[0]) == pl.col(self.equal[1]))
        return pl.all_horizontal(tests)

    def most(self) -> pl.Expr:
        """The largest difference that it explains, in minor units."""
        return reduce(lambda one, other: one + other, [term.expr() for term in self.bound])


def reasons_in(content: object) -> tuple[Reason, ...]:
    """Reasons of a parsed file, in the order in which they are tried. PolicyError tells what to mend."""
    listed = content.get("reasons") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise PolicyError("expected a list of `reasons`, each with name, text and bound")
    try:
        return tuple(Reason.model_validate(each) for each in listed)
    except ValidationError as bad:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in bad.errors())
        raise PolicyError(f"mend these fields of a reason: {problems}") from bad


def compared(loans: pl.DataFrame, reasons: Sequence[Reason]) -> pl.DataFrame:
    """`loans` with `difference` (Int64 minor units) and `verdict`.

    Reads `status`, `carrying`, `reported_balance`, `rate_ppb`, `emi`, `instalments_paid`,
    `extra`, `late_fees`, `age_days`, `principal_agreed`, `paid`, `reported_paid`, and what
    the reasons name. Verdicts: exact, near, the name of the first reason that explains it, unexplained.
    """
    apart = loans.with_columns(difference=pl.col("carrying") - pl.col("reported_balance"))
    size = pl.col("difference").abs()
    verdict = pl.lit("unexplained")
    for reason in reversed(reasons):
        fits = reason.applies() & (size.cast(pl.Float64) <= reason.most() + NEAR)
        verdict = pl.when(fits).then(pl.lit(reason.name)).otherwise(verdict)
    return apart.with_columns(
        verdict=pl.when(size == 0)
        .then(pl.lit("exact"))
        .when(size <= NEAR)
        .then(pl.lit("near"))
        .otherwise(verdict)
    )


def table(rows: pl.DataFrame, reasons: Sequence[Reason]) -> pl.DataFrame:
    """One row per reported status: loans, exact, within 3 cents, explained, unexplained,
    reported status met, and the largest unexplained difference (minor units)."""
    named = [reason.name for reason in reasons]
    return (
        rows.group_by("status")
        .agg(
            loans=pl.len(),
            exact=(pl.col("verdict") == "exact").sum(),
            within_3_cents=pl.col("verdict").is_in(["exact", "near"]).sum(),
            **{name: (pl.col("verdict") == name).sum() for name in named},
            unexplained=(pl.col("verdict") == "unexplained").sum(),
            status_met=(pl.col("status") == pl.col("engine_status")).sum(),
            largest_unexplained=pl.col("difference")
            .abs()
            .filter(pl.col("verdict") == "unexplained")
            .max()
            .fill_null(0),
        )
        .sort("loans", descending=True)
    )
