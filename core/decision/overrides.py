"""How often persons decide otherwise than the policy leant, why, and what became of it."""

from __future__ import annotations

import polars as pl

from loanbook.core.decision.by_person import EXCEPTION, OVERRIDE

COUNTS = ["decisions", "share_bp", "loans", "bad", "lent", "lost"]


def rates(decisions: pl.DataFrame, persons: pl.DataFrame) -> pl.DataFrame:
    """`figure`, `count`, `of`, `share_bp` (basis points): of all that was decided, what a person decided, and of that what
    went past the policy or against it.

    `decisions`: the policy's last one of each application; `persons`: schema `BY_PERSON`, approvals and rejections.
    """
    rows = [
        ("referred to a person", decisions.filter(pl.col("outcome") == "referred").height, decisions.height),
        ("decided by a person", persons.height, decisions.height),
        ("approved past what the policy refers", _count(persons, EXCEPTION), _outcome(persons, "approved")),
        ("rejected what the policy would price", _count(persons, OVERRIDE), _outcome(persons, "rejected")),
        ("decided by two persons", persons.filter(pl.col("checkers") != "").height, persons.height),
    ]  # fmt: skip
    schema = {"figure": pl.String, "count": pl.Int64, "of": pl.Int64}
    share = pl.when(pl.col("of") > 0).then(pl.col("count") * 10_000 // pl.col("of"))
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(share_bp=share)


def _count(persons: pl.DataFrame, against: str) -> int:
    return persons.filter(pl.col("against") == against).height


def _outcome(persons: pl.DataFrame, outcome: str) -> int:
    return persons.filter(pl.col("outcome") == outcome).height


def by_reason(persons: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """Persons' decisions by `outcome`, `against`, `reason`, with `COUNTS`: their share of all of persons, and what loans of
    theirs did.

    `loans`: as `loanbook.core.decision.comparing.back_test` takes them.
    """
    return _counted(persons, ["outcome", "against", "reason"], persons.height, loans)


def by_rule(persons: pl.DataFrame, loans: pl.DataFrame) -> pl.DataFrame:
    """Approvals by what they went past (`past`), with `COUNTS`; one that went past several counts in each. The share is
    that of all approvals of persons."""
    approved = persons.filter(pl.col("outcome") == "approved")
    each = approved.with_columns(pl.col("past").str.split(",")).explode("past")
    return _counted(each.filter(pl.col("past") != ""), ["past"], approved.height, loans)


def _counted(
    persons: pl.DataFrame, by: list[str], of: int, loans: pl.DataFrame
) -> pl.DataFrame:  # fmt: skip
    both = persons.join(loans, on="application_id", how="left")
    return (
        both.group_by(by)
        .agg(
            decisions=pl.len().cast(pl.Int64), share_bp=(pl.len() * 10_000 // max(of, 1)).cast(pl.Int64),
            loans=pl.col("bad").count().cast(pl.Int64), bad=pl.col("bad").sum().cast(pl.Int64),
            lent=pl.col("lent").sum(), lost=pl.col("lost").sum(),
        )
        .sort(by)
        .select(*by, *COUNTS)
    )  # fmt: skip
