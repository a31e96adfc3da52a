"""Orders that people give more often than their peers do, of loans of their own, or with one who never says no.

Nothing of it is proof: each finding stands beside the rows that it is made of, for a person to look at. Counts are
compared by median and median absolute deviation, which a few who misuse don't move (Iglewicz and Hoaglin 1993); the
spread is never less than that of a Poisson count of the median's size, so that 3 beside 1 is no finding.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.ledger.people import plain_name
from loanbook.core.policy.rights.misuse import MisuseRules

ORDERS = pl.Schema({
    "event_id": pl.Int64, "loan_key": pl.String, "kind": pl.Int64, "value_date": pl.Date, "booking_date": pl.Date,
    "amount": pl.Int64, "currency": pl.String, "maker": pl.String, "checker": pl.String, "reason": pl.String,
    "source_ref": pl.String, "borrower": pl.String,
})  # fmt: skip
"""Orders of people as the ledger has them: of the window, a row an event; `borrower` is null where no tape tells it."""
DECISIONS = pl.Schema({
    "source_ref": pl.String, "loan_key": pl.String, "maker": pl.String, "checker": pl.String, "verdict": pl.String,
})  # fmt: skip
"""What people decided of orders, a row a decision; `verdict`: approved or rejected."""
FINDINGS = pl.Schema({
    "rule": pl.String, "act": pl.String, "user": pl.String, "other": pl.String, "count": pl.Int64,
    "typical": pl.Float64, "limit": pl.Float64, "why": pl.String,
})  # fmt: skip
"""A row a finding. `count`: what was counted; `typical` and `limit`: of the peers, in the same unit."""
EVIDENCE = pl.Schema([*((name, pl.String) for name in ("rule", "act", "user", "other")), *ORDERS.items()])  # fmt: skip
"""Rows that a finding is made of, with its rule, act and people."""
BEYOND, OWN, NEVER, ALWAYS = "beyond_peers", "own_account", "never_rejects", "always_together"
SPREAD_OF_NORMAL = 1.4826
"""Median absolute deviation times this is the standard deviation of a normal distribution."""
_NAMED = ["rule", "act", "user", "other"]


def kinds_of(rules: MisuseRules) -> dict[str, list[int]]:
    """Codes of the kinds of event that an act's orders become."""
    return {
        act: sorted({COMMANDS[verb][0].kind.value for verb in verbs})
        for act, verbs in rules.acts.items()
    }


def misuse(
    orders: pl.DataFrame, decisions: pl.DataFrame, own: pl.DataFrame, rules: MisuseRules
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`FINDINGS` and `EVIDENCE`. `orders`: all that people ordered in the window (`ORDERS`); `own`: `user` and
    `loan_key` of loans that are a user's own."""
    orders = orders.with_columns(user=_plain(orders["maker"]), by=_plain(orders["checker"]))
    decided = decisions.with_columns(
        user=_plain(decisions["maker"]), other=_plain(decisions["checker"])
    )
    own = own.with_columns(user=_plain(own["user"]))
    parts = [
        _beyond_peers(orders, rules),
        _own_account(orders, own),
        _never_rejects(decided, rules),
        _always_together(decided, rules),
    ]
    found = pl.concat(parts).sort(_NAMED)
    return found, _evidence(found, orders, decided, own, rules)


def _beyond_peers(orders: pl.DataFrame, rules: MisuseRules) -> pl.DataFrame:
    """Who did an act so much more often than all who order anything."""
    acts = _acts(rules)
    users = orders.select("user").unique()
    counted = (
        users.join(acts.select("act").unique(), how="cross")
        .join(orders.join(acts, on="kind").group_by("user", "act").len("count"), on=["user", "act"], how="left")
        .with_columns(pl.col("count").fill_null(0).cast(pl.Int64))
    )  # fmt: skip
    median = pl.col("count").median().over("act")
    told = counted.with_columns(typical=median, peers=pl.len().over("act") - 1)
    distance = (pl.col("count") - pl.col("typical")).abs().median().over("act")
    spread = pl.max_horizontal(SPREAD_OF_NORMAL * distance, pl.col("typical").sqrt(), pl.lit(1.0))
    told = told.with_columns(limit=pl.col("typical") + rules.spreads * spread)
    beyond = told.filter(
        (pl.col("count") > pl.col("limit"))
        & (pl.col("count") >= rules.least_acts)
        & (pl.col("peers") >= rules.least_peers)
    )
    why = pl.format("{} {} in {} days; of {} others who order the median is {}",
                    "count", "act", pl.lit(rules.window_days), "peers", pl.col("typical").round(1))  # fmt: skip
    return _found(beyond, BEYOND, why)


def _own_account(orders: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Who ordered, or approved, something of a loan of their own."""
    told = _of_own(orders, own).group_by("user").len("count")
    told = told.with_columns(act=pl.lit("orders"), typical=pl.lit(0.0), limit=pl.lit(0.0))
    return _found(told, OWN, pl.format("ordered or approved {} times something of a loan of their own", "count"))  # fmt: skip


def _of_own(orders: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Orders that their maker or checker has an interest in, `user` being who has it: of a loan of theirs, or
    of another loan of the same borrower."""
    same = orders.select("loan_key", "borrower").unique().drop_nulls()
    loans = own.join(same, on="loan_key").drop("loan_key").join(same, on="borrower")
    theirs = pl.concat([own.select("user", "loan_key"), loans.select("user", "loan_key")]).unique()
    both = pl.concat([orders, orders.with_columns(user="by")]).unique(maintain_order=True)
    return both.join(theirs, on=["user", "loan_key"], maintain_order="left")


def _never_rejects(decided: pl.DataFrame, rules: MisuseRules) -> pl.DataFrame:
    """Pairs of whom the checker rejects nothing, although others would have."""
    rejected = (pl.col("verdict") == "rejected").cast(pl.Int64)
    pairs = decided.group_by("user", "other").agg(count=pl.len().cast(pl.Int64), no=rejected.sum())
    others_no = pl.col("no").sum() - pl.col("no")
    others = pl.col("count").sum() - pl.col("count")
    told = pairs.with_columns(typical=pl.when(others > 0).then(pl.col("count") * others_no / others).otherwise(0.0))  # fmt: skip
    told = told.filter(
        (pl.col("no") == 0) & (pl.col("count") >= rules.pair_least)
        & (pl.col("typical") >= rules.pair_expected_rejections)
    ).with_columns(act=pl.lit("decisions"), limit=pl.lit(float(rules.pair_expected_rejections)))  # fmt: skip
    why = pl.format("{} decided {} orders of {} and rejected none; at the rate of all others it would be {}",
                    "other", "count", "user", pl.col("typical").round(1))  # fmt: skip
    return _found(told, NEVER, why)


def _always_together(decided: pl.DataFrame, rules: MisuseRules) -> pl.DataFrame:
    """Makers whose orders one person approves, although others approve too."""
    yes = decided.filter(pl.col("verdict") == "approved")
    pairs = yes.group_by("user", "other").len("count").with_columns(pl.col("count").cast(pl.Int64))
    told = pairs.with_columns(all=pl.col("count").sum().over("user"))
    usual = yes.group_by("other").len("approved").with_columns(
        typical=pl.col("approved") / pl.col("approved").sum()
    )  # fmt: skip
    told = told.join(usual, on="other").with_columns(
        typical=pl.col("typical") * pl.col("all"), limit=pl.col("all") * rules.pair_share_percent / 100
    )  # fmt: skip
    told = told.filter(
        (pl.col("count") >= rules.pair_least)
        & (pl.col("count") >= pl.col("limit"))
        & (pl.lit(usual.height) >= 3)
    )
    why = pl.format("{} approved {} of {} orders of {}; of all orders, {} of as many",
                    "other", "count", "all", "user", pl.col("typical").round(1))  # fmt: skip
    return _found(told.with_columns(act=pl.lit("approvals")), ALWAYS, why)


def _found(told: pl.DataFrame, rule: str, why: pl.Expr) -> pl.DataFrame:
    other = pl.col("other") if "other" in told.columns else pl.lit(None, pl.String).alias("other")
    shown = told.with_columns(other, rule=pl.lit(rule), why=why)
    return shown.select(pl.col(name).cast(kind) for name, kind in FINDINGS.items())


def _evidence(
    found: pl.DataFrame, orders: pl.DataFrame, decided: pl.DataFrame, own: pl.DataFrame, rules: MisuseRules
) -> pl.DataFrame:  # fmt: skip
    """Rows of each finding."""
    named = found.select(_NAMED)
    beyond = named.filter(pl.col("rule") == BEYOND).join(
        orders.join(_acts(rules), on="kind"), on=["user", "act"]
    )
    theirs = named.filter(pl.col("rule") == OWN).join(_of_own(orders, own), on="user")
    pairs = named.filter(pl.col("rule").is_in([NEVER, ALWAYS])).join(
        decided.drop("maker", "checker"), on=["user", "other"]
    )
    lacking = [name for name in ORDERS if name not in decided.columns]
    booked = orders.select("source_ref", *lacking).unique("source_ref")
    pairs = pairs.join(booked, on="source_ref", how="left").with_columns(
        pl.col("reason").fill_null(pl.col("verdict")), maker="user", checker="other"
    )
    parts = [part.select(pl.col(n).cast(t) for n, t in EVIDENCE.items()) for part in (beyond, theirs, pairs)]  # fmt: skip
    return pl.concat(parts).sort(*_NAMED, "booking_date", "event_id", "source_ref")


def _acts(rules: MisuseRules) -> pl.DataFrame:
    rows = [(act, kind) for act, kinds in kinds_of(rules).items() for kind in kinds]
    return pl.DataFrame(rows, schema={"act": pl.String, "kind": pl.Int64}, orient="row")


def _plain(names: pl.Series) -> pl.Series:
    """Names without what writing them changes; each that occurs is looked at once."""
    found = names.unique().drop_nulls()
    plain = pl.Series([plain_name(name) for name in found], dtype=pl.String)
    return names.replace_strict(found, plain, default=None, return_dtype=pl.String)
