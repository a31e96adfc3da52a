"""Decisions of persons: what the policy left to them, and keeping what they decide with the event of its case."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from loanbook.core.decision.by_person import BY_PERSON, Referred, UnderwritingError
from loanbook.core.origination.case import cases
from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.core.policy.decisions.underwriting import UnderwritingPolicy
from loanbook.core.store.origination.reading import (
    decisions_of,
    events_of,
    inputs_of,
    policies_of,
)
from loanbook.core.store.origination.writing import append
from loanbook.core.store.queries import Queries


def referred(ledger: Queries, application: str) -> Referred:
    """An application as the policy left it. UnderwritingError: there is none, or the policy has not decided on it."""
    stands = cases(events_of(ledger, pl.Series([application])))
    if stands.is_empty():
        raise UnderwritingError(
            f"no application is named {application!r}; `loanbook apply list` has them"
        )
    decided = decisions_of(ledger, "application_id = ? AND role = 'champion'", [application])
    if decided.is_empty():
        raise UnderwritingError(
            f"the policy has not decided on {application} yet: run `loanbook decide`; a person decides what it refers"
        )
    last: dict[str, Any] = decided.tail(1).row(0, named=True)
    policy = DecisionPolicy.model_validate_json(policies_of(ledger)[last["policy_hash"]])
    text = inputs_of(ledger, pl.Series([last["input_hash"]]))["inputs"][0]
    return Referred(last, text, stands["state"][0], policy)


def by_persons(
    ledger: Queries, where: str = "true", parameters: list[object] | None = None
) -> pl.DataFrame:
    """Decisions of persons (`BY_PERSON`) for which a condition holds, in the order in which they were made."""
    rows = ledger.frame(
        f"SELECT {', '.join(BY_PERSON)} FROM {{lake}}.person_decisions WHERE {where} ORDER BY recorded_at, decision_id",
        parameters or [],
    )
    return rows.cast(BY_PERSON)


def keep_by_person(
    ledger: Queries,
    decision: pl.DataFrame,
    event: pl.DataFrame,
    rules: UnderwritingPolicy,
    judged_at: int,
    *,
    at: dt.datetime,
) -> None:
    """Keep a person's decision (`BY_PERSON`, one row) with the event of its case and the underwriting policy that it was
    made by; as `loanbook.core.store.origination.writing.append`, so that a case that moved since keeps nothing."""
    (known,) = ledger.one(
        "SELECT count(*) FROM {lake}.underwriting_policies WHERE policy_hash = ?", [rules.digest]
    )
    policies = pl.DataFrame(
        [(rules.digest, rules.name, rules.version, rules.model_dump_json())] if not known else [],
        schema={"policy_hash": pl.String, "policy": pl.String, "version": pl.Int32, "body": pl.String}, orient="row",
    )  # fmt: skip
    also = {"person_decisions": decision, "underwriting_policies": policies}
    append(ledger, event, judged_at, at=at, also=also)


LEFT_TO_PERSONS = """
    WITH last AS (SELECT application_id, last(event ORDER BY recorded_at, place) AS event,
                         last(happened_at ORDER BY recorded_at, place) AS since
                  FROM case_events GROUP BY application_id),
    decided AS (SELECT application_id, max_by(struct_pack(decision_id, outcome, grade, points, affordable, reasons, missing, decided_at),
                                              (recorded_at, decided_at)) AS d
                FROM decisions WHERE role = 'champion' GROUP BY application_id),
    asked AS (SELECT application_id, last(information ORDER BY recorded_at) AS information FROM person_decisions
              WHERE verdict = 'ask' GROUP BY application_id)
    SELECT a.application_id, a.product, CASE l.event WHEN 'information_requested' THEN 'need_more_information' ELSE 'in_review' END
           AS state, l.since, a.amount, a.currency, a.term, d.grade, d.points, d.affordable, d.reasons, d.missing, k.information
    FROM applications a JOIN last l ON l.application_id = a.application_id JOIN decided ON decided.application_id = a.application_id
    LEFT JOIN asked k ON k.application_id = a.application_id
    WHERE d.outcome = 'referred' AND l.event IN ('review_begun', 'information_received', 'information_requested')
    ORDER BY l.event = 'information_requested', l.since, a.application_id
"""
"""Applications that wait for a person, those in review first, the oldest first. Over the views of a reader."""
