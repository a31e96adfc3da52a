"""What waits is decided by the champion of its product, kept, and its case moved: one pass over all of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from loanbook.core.decision.comparing import back_test, compared, moves
from loanbook.core.decision.deciding import again, decide, differing
from loanbook.core.decision.decisions import DECISIONS
from loanbook.core.errors import PolicyError
from loanbook.core.origination.case import CASE_EVENTS
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.core.store.origination.reading import decisions_of, inputs_of, policies_of, waiting
from loanbook.core.store.origination.writing import Made, append, head
from loanbook.core.store.queries import Queries
from loanbook.pipelines.origination.gathering import gathered

ACTOR = "service:decisions"


@dataclass(frozen=True)
class Decided:
    """What a run of decisions did."""

    decisions: pl.DataFrame
    """Schema `DECISIONS`."""
    without_policy: int = 0
    """Applications of a product for which no policy decides: they wait."""

    def counts(self) -> dict[str, int]:
        """Decisions by outcome."""
        return dict(self.decisions.group_by("outcome").len().sort("outcome").rows())


def champions(policies: PolicyBook, on: dt.date) -> dict[str, DecisionPolicy]:
    """Policy that decides on each product on a date."""
    held = policies.all_in_force(DecisionPolicy, on).values()
    return {policy.product: policy for policy in held if policy.role == "champion"}


def decide_waiting(ledger: Queries, policies: PolicyBook, *, at: dt.datetime) -> Decided:
    """Decide all that waits, each as of its own day, by the policy in force then; keep it, and move the cases.

    LedgerConflictError where another run decided meanwhile; then nothing is kept. `at`: the clock.
    """
    judged_at = head(ledger)
    rows = waiting(ledger)
    days = rows.select("product", "on").unique()
    deciding = {(product, on): champions(policies, on).get(product) for product, on in days.rows()}
    used = {policy.digest: policy for policy in deciding.values() if policy is not None}
    by = pl.DataFrame(
        [(*key, policy.digest) for key, policy in deciding.items() if policy is not None],
        schema={"product": pl.String(), "on": pl.Date(), "digest": pl.String()}, orient="row",
    )  # fmt: skip
    ready = rows.join(by, on=["product", "on"], maintain_order="left")
    without = rows.height - ready.height
    parts, texts = [], []
    for (digest,), group in ready.group_by("digest", maintain_order=True):
        made, text = decide(gathered(ledger, group), used[str(digest)])
        parts.append(made)
        texts.append(text)
    if not parts:
        return Decided(pl.DataFrame(schema=DECISIONS), without)
    decisions = pl.concat(parts)
    kept = Made(
        decisions, pl.concat(texts).unique("input_hash", keep="first"), tuple(used.values())
    )
    append(ledger, _events(decisions, rows), judged_at, kept, at=at)
    return Decided(decisions, without)


def decide_all(ledger: Queries, policies: PolicyBook, clock: Callable[[], dt.datetime]) -> Decided:
    """As `decide_waiting`, again and again until nothing waits: what was missing may have come on a later day that landed
    already."""
    parts: list[pl.DataFrame] = []
    while True:
        found = decide_waiting(ledger, policies, at=clock())
        if found.decisions.is_empty():
            return Decided(pl.concat(parts) if parts else found.decisions, found.without_policy)
        parts.append(found.decisions)


def _events(decisions: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """What decisions do to their cases: looked at, then decided; asked for what is missing; or left to a person."""
    told = decisions.join(
        rows.select("application_id", was="event"), on="application_id", maintain_order="left"
    )
    first = (
        pl.when(pl.col("was") == "submitted")
        .then(pl.lit("review_begun"))
        .otherwise(pl.lit("information_received"))
    )
    asks = (pl.col("missing") != "") | (pl.col("mistyped") != "")
    then = (
        pl.when(pl.col("outcome") == "approved").then(pl.lit("approved"))
        .when(pl.col("outcome") == "rejected").then(pl.lit("rejected"))
        .when(asks).then(pl.lit("information_requested"))
    )  # fmt: skip
    what = pl.when(asks & (pl.col("outcome") == "referred")).then(
        pl.concat_str("missing", "mistyped", separator=",").str.strip_chars(",")
    ).otherwise("reasons")  # fmt: skip
    each = [
        told.select(
            "application_id",
            "decided_at",
            event=first,
            reason=pl.lit(""),
            reference=pl.lit(""),
            step=pl.lit(0),
        ),
        told.select(
            "application_id",
            "decided_at",
            event=then,
            reason=what,
            reference="decision_id",
            step=pl.lit(1),
        ),
    ]
    every = pl.concat(each).drop_nulls("event").sort("application_id", "step", maintain_order=True)
    return every.select(
        "application_id", "event", happened_at="decided_at", actor=pl.lit(ACTOR), reason="reason", reference="reference",
        event_no=pl.int_range(pl.len(), dtype=pl.Int64),
    ).select(CASE_EVENTS.names())  # fmt: skip


def made_again(
    ledger: Queries, where: str = "true", parameters: list[object] | None = None
) -> tuple[int, pl.DataFrame]:
    """How many stored decisions were made again, by the policies and inputs that are stored with them, and those that come
    out otherwise (`differing`): none should."""
    decisions = decisions_of(ledger, where, parameters)
    bodies = policies_of(ledger)
    wrong = []
    for (digest,), part in decisions.group_by("policy_hash", maintain_order=True):
        body = bodies.get(str(digest))
        if body is None:
            raise PolicyError(
                f"no policy of hash {digest} is kept, though it decided; the ledger lacks a row"
            )
        policy = DecisionPolicy.model_validate_json(body)
        made = again(part, inputs_of(ledger, part["input_hash"]), policy)
        wrong.append(differing(part, made))
    empty = pl.DataFrame(
        schema=dict.fromkeys(
            ("decision_id", "application_id", "outcome", "outcome_again"), pl.String
        )
    )
    return decisions.height, pl.concat([empty, *wrong])


@dataclass(frozen=True)
class Comparison:
    """A challenger beside the champion, over the same stored inputs."""

    currency: str
    """Of the product, and so of every amount."""
    moves: pl.DataFrame
    differing: pl.DataFrame
    champion: pl.DataFrame
    """By outcome and grade, what loans of its applications did (`back_test`)."""
    challenger: pl.DataFrame


def challenged(ledger: Queries, challenger: DecisionPolicy, loans: pl.DataFrame) -> Comparison:
    """A challenger over all that was decided for its product, by the inputs that stood then. Nothing is kept.

    `loans`: as `loanbook.core.decision.comparing.back_test` takes them. PolicyError where nothing was decided.
    """
    decisions = decisions_of(ledger, "product = ? AND role = 'champion'", [challenger.product])
    if decisions.is_empty():
        raise PolicyError(
            f"nothing was decided yet for the product {challenger.product}; run `loanbook decide` first"
        )
    last = decisions.unique("application_id", keep="last", maintain_order=True)
    made = again(last, inputs_of(ledger, last["input_hash"]), challenger)
    return Comparison(
        last["currency"][0],
        moves(last, made), compared(last, made), back_test(last, loans), back_test(made, loans)
    )  # fmt: skip
