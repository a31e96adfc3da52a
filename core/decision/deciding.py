"""The decision of every application at once, and the same again from what was stored of it.

In this order: what is certainly declined is rejected, whatever else is missing; what can't be told, or a rule refers,
is referred; what is left is approved, for less than was asked where the policy says so. So a missing input never lets
an application pass.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.decision import reasons, rules, terms
from loanbook.core.decision.decisions import DECISIONS
from loanbook.core.decision.inputs import Inputs, from_texts, texts, typed
from loanbook.core.decision.points import points_of, total
from loanbook.core.frames import hashes
from loanbook.core.policy.decisions.decision import DecisionPolicy

_HASHED = [name for name in DECISIONS if name not in ("decision_id", "decision_hash", "role")]
KEYS = ("application_id", "currency", "decided_at")
"""Columns that stand beside inputs in what is decided."""


def decide(
    applications: pl.DataFrame, policy: DecisionPolicy, kept: pl.Series | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Decisions (schema `DECISIONS`) and the inputs that they rest on (`input_hash`, `inputs`), in the rows' order.

    `applications`: `KEYS` (`decided_at`: Datetime, the moment that the inputs are of) and columns named as inputs;
    one that is not there is missing. Pure: the same rows and policy give the same bytes. `kept`: the texts that the inputs were
    read from, which may know fewer inputs than there are now: their hash stays that of then.
    """
    given = typed(applications)
    text = (texts(given.rows) if kept is None else kept).alias("inputs")
    hashed = hashes(text).alias("input_hash")
    keys = applications.select(
        pl.col("application_id").cast(pl.String), pl.col("currency").cast(pl.String),
        pl.col("decided_at").cast(pl.Datetime("us")),
    )  # fmt: skip
    judged = _judged(given, policy)
    rows = keys.hstack([hashed]).hstack(judged).with_columns(
        policy=pl.lit(policy.name), policy_version=pl.lit(policy.version), role=pl.lit(policy.role),
        policy_hash=pl.lit(policy.digest), product=pl.lit(policy.product),
    )  # fmt: skip
    content = rows.select(pl.struct(_HASHED).struct.json_encode().alias("decision_hash"))
    named = rows.hstack([hashes(content.to_series())]).with_columns(
        decision_id=pl.col("decision_hash").str.head(32)
    )
    stored = pl.DataFrame([hashed, text]).unique("input_hash", keep="first", maintain_order=True)
    return named.select(DECISIONS.names()).cast(DECISIONS), stored


def again(decisions: pl.DataFrame, inputs: pl.DataFrame, policy: DecisionPolicy) -> pl.DataFrame:
    """Decisions made anew from stored inputs by a policy, their own or another, in the order of `decisions` (schema `DECISIONS`).

    `inputs`: `input_hash`, `inputs`, as `decide` gives them. Whatever moved on since takes no part.
    """
    rows = decisions.select("application_id", "currency", "decided_at", "input_hash").join(
        inputs, on="input_hash", how="left", maintain_order="left"
    )
    made, _ = decide(
        rows.select(*KEYS).hstack(from_texts(rows["inputs"]).get_columns()), policy, rows["inputs"]
    )
    return made


def differing(decisions: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """Rows of `decisions` that come out otherwise when they are made again: `decision_id`, `application_id`,
    `outcome`, `outcome_again`. Compared are all columns, byte by byte, by their hash."""
    both = decisions.with_columns(
        again=made["decision_hash"], id_again=made["decision_id"], outcome_again=made["outcome"]
    )
    same = (pl.col("decision_hash") == pl.col("again")) & (
        pl.col("decision_id") == pl.col("id_again")
    )
    return both.filter(~same.fill_null(False)).select(
        "decision_id", "application_id", "outcome", "outcome_again"
    )


def _judged(given: Inputs, policy: DecisionPolicy) -> pl.DataFrame:
    """Outcome, terms, reasons and trace of every row of inputs."""
    wrong = [name for name in policy.reads if given.mistyped[name].any()]
    frame = given.for_conditions.with_columns(
        *(given.mistyped[name].alias(f"mistyped_{name}") for name in wrong),
    )
    hits = [rules.holds(rule) for rule in policy.rules]
    dark = [rules.unknown(rule, wrong) for rule in policy.rules]
    marked = frame.with_columns(
        hits=rules.bits(hits), unknowns=rules.bits(dark), **points_of(policy.scorecard)
    )
    marked = marked.with_columns(given.rows["amount"], given.rows["term"])
    priced = (
        marked.with_columns(
            points=total(policy.scorecard), place=pl.int_range(pl.len(), dtype=pl.Int64)
        )
        .with_columns(grade=terms.grade(policy))
        .join(terms.prices(policy), on=["grade", "term"], how="left", maintain_order="left")
        .with_columns(affordable=terms.affordable(policy))
    )
    weighed = _weighed(priced, policy)
    told = weighed.join(_reasons(weighed, policy), on="place", how="left", maintain_order="left")
    return told.with_columns(
        reasons=pl.col("reasons").fill_null(""),
        missing=_lacking(policy, wrong),
        mistyped=_strange(policy, wrong),
        points_by=pl.struct(
            pl.col(f"points_{each.input}").alias(each.input) for each in policy.scorecard.characteristics
        ).struct.json_encode(),
        amount=pl.when(pl.col("outcome") == "approved").then("lent"),
    ).with_columns(
        instalment=pl.when(pl.col("outcome") == "approved").then(terms.instalment("lent"))
    ).select(
        "outcome", "amount", "term", "rate_ppb", "grade", "points", "instalment", "affordable", "reasons", "missing",
        "mistyped", "hits", "unknowns", "points_by",
    )  # fmt: skip


def _weighed(priced: pl.DataFrame, policy: DecisionPolicy) -> pl.DataFrame:
    """Rows with what speaks against each (Booleans), what could be `lent`, and the `outcome`."""
    declines = _mask(policy, "decline")
    refers = _mask(policy, "refer")
    needed = ["amount", "term", *policy.affordability.income, policy.affordability.obligations]
    lowest = policy.grades[-1].from_points
    limit, bear = policy.above_limit, policy.affordability.above
    rows = priced.with_columns(
        declined=_any_bit("hits", declines),
        referred=_any_bit("hits", refers),
        unsure=(pl.col("unknowns") != 0) | pl.col("points").is_null()
        | pl.any_horizontal(pl.col(name).is_null() for name in needed),
        too_low=(pl.col("points") < lowest).fill_null(False),
        not_offered=(pl.col("grade").is_not_null() & pl.col("term").is_not_null() & pl.col("rate_ppb").is_null()),
        beyond_limit=(pl.col("amount") > pl.col("maximum")).fill_null(False),
        beyond_means=(pl.col("amount") > pl.col("affordable")).fill_null(False),
    )  # fmt: skip
    lent = pl.min_horizontal(
        "amount", *(["maximum"] if limit == "reduce" else []), *(["affordable"] if bear == "reduce" else [])
    )  # fmt: skip
    rows = rows.with_columns(lent=lent).with_columns(
        too_little=(pl.col("lent") < policy.minimum_minor).fill_null(False)
        & pl.col("rate_ppb").is_not_null()
    )
    against = pl.col("declined") | pl.col("too_low") | pl.col("not_offered") | pl.col("too_little")
    doubt = pl.col("unsure") | pl.col("referred")
    for how, beyond in ((limit, pl.col("beyond_limit")), (bear, pl.col("beyond_means"))):
        against = against | beyond if how == "decline" else against
        doubt = doubt | beyond if how == "refer" else doubt
    return rows.with_columns(
        outcome=pl.when(against).then(pl.lit("rejected")).when(doubt).then(pl.lit("referred"))
        .otherwise(pl.lit("approved")),
    )  # fmt: skip


def _mask(policy: DecisionPolicy, then: str) -> int:
    return sum(1 << place for place, rule in enumerate(policy.rules) if rule.then == then)


def _any_bit(column: str, mask: int) -> pl.Expr:
    return (pl.col(column) & pl.lit(mask, dtype=pl.Int64)) != 0


def _reasons(rows: pl.DataFrame, policy: DecisionPolicy) -> pl.DataFrame:
    """Reasons of what was not approved, and of what was approved for less than was asked."""
    rejected, own = pl.col("outcome") == "rejected", pl.lit(reasons.OWN_WEIGHT)
    weights: dict[str, pl.Expr] = {}
    for place, rule in enumerate(policy.rules):
        holds = rules.has("hits", place)
        fits = rejected if rule.then == "decline" else ~rejected
        weights[rule.code] = pl.when(holds & fits).then(pl.lit(rule.weight))
    for code, cost in reasons.of_points(policy).items():
        weights[code] = pl.when(rejected).then(cost)
    of_points = pl.any_horizontal(cost.is_not_null() for cost in reasons.of_points(policy).values())
    weights["points_too_low"] = pl.when(rejected & pl.col("too_low") & ~of_points).then(own)
    weights["term_not_offered"] = pl.when(rejected & pl.col("not_offered")).then(own)
    weights["amount_below_minimum"] = pl.when(rejected & pl.col("too_little")).then(own)
    unless = {"decline": rejected, "refer": ~rejected, "reduce": pl.lit(True)}
    weights["amount_above_limit"] = pl.when(
        pl.col("beyond_limit") & unless[policy.above_limit]
    ).then(own)
    weights["amount_not_affordable"] = pl.when(
        pl.col("beyond_means") & unless[policy.affordability.above]
    ).then(own)
    referred = pl.col("outcome") == "referred"
    weights["missing_input"] = pl.when(referred & pl.col("unsure")).then(pl.lit(1))
    bare = pl.col("beyond_limit") | pl.col("beyond_means") | (pl.col("outcome") != "approved")
    return reasons.ranked(rows.filter(bare), weights)


def _lacking(policy: DecisionPolicy, wrong: list[str]) -> pl.Expr:
    """Names of inputs that are not there and for want of which something could not be told."""
    always = {"amount", "term", *policy.affordability.income, policy.affordability.obligations}
    scored = {each.input for each in policy.scorecard.characteristics}
    found: dict[str, pl.Expr] = {}
    for name in policy.reads:
        wanted = [
            rules.has("unknowns", place)
            for place, rule in enumerate(policy.rules)
            if name in rule.needs
        ]
        wanted += [pl.lit(True)] if name in always else []
        wanted += [pl.col(f"points_{name}").is_null()] if name in scored else []
        if wanted:
            mistyped = pl.col(f"mistyped_{name}") if name in wrong else pl.lit(False)
            found[name] = pl.col(name).is_null() & pl.any_horizontal(wanted) & ~mistyped
    return _named(found)


def _strange(policy: DecisionPolicy, wrong: list[str]) -> pl.Expr:
    """Names of inputs of another type than theirs, and of words that the scorecard does not list."""
    found = {name: pl.col(f"mistyped_{name}") for name in wrong}
    for each in policy.scorecard.characteristics:
        if each.words and each.other is None:
            unlisted = pl.col(each.input).is_not_null() & pl.col(f"points_{each.input}").is_null()
            found[each.input] = found.get(each.input, pl.lit(False)) | unlisted
    return _named(found)


def _named(which: dict[str, pl.Expr]) -> pl.Expr:
    """Names of what is true, set apart by commas."""
    if not which:
        return pl.lit("")
    return pl.concat_str(
        [pl.when(each).then(pl.lit(name)) for name, each in which.items()], separator=",", ignore_nulls=True
    )  # fmt: skip
