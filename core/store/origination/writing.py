"""Decisions with what they rest on, and events of cases: added in one transaction, or not at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from loanbook.core.errors import LedgerConflictError, LedgerError, PolicyError
from loanbook.core.origination.case import CASE_EVENTS, refused
from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.core.policy.used import changed
from loanbook.core.store.lake import LAKE, insert, patiently, transaction
from loanbook.core.store.origination.reading import events_of, policies_of
from loanbook.core.store.queries import Queries


@dataclass(frozen=True)
class Made:
    """Decisions ready to be kept."""

    decisions: pl.DataFrame
    """Schema `loanbook.core.decision.decisions.DECISIONS`."""
    inputs: pl.DataFrame
    """`input_hash`, `inputs` that they rest on."""
    policies: tuple[DecisionPolicy, ...]


def head(ledger: Queries) -> int:
    """Where origination stands: it differs once another run appended anything."""
    (appended,) = ledger.one("SELECT appended FROM {lake}.origination_head")
    return int(appended)


def append(
    ledger: Queries,
    events: pl.DataFrame,
    judged_at: int,
    made: Made | None = None,
    *,
    at: dt.datetime,
    also: Mapping[str, pl.DataFrame] | None = None,
) -> int:
    """Append events of cases (schema `CASE_EVENTS`; their `event_no` is their order) with decisions, and return the new
    `head`.

    `also`: rows of other tables that are kept with them. `judged_at`: the head that they were judged by. LedgerConflictError where another run appended since; LedgerError where
    an event jumps; PolicyError where a version of a policy that decided has other content now. Then nothing is kept.
    """
    first = (judged_at + 1) * 10**9  # beyond what was appended before
    fresh = events.sort("event_no").with_columns(
        event_no=pl.int_range(pl.len(), dtype=pl.Int64) + first
    )

    def write() -> int:
        with transaction(ledger.connection):
            if head(ledger) != judged_at:
                raise LedgerConflictError(
                    "another run decided or moved cases meanwhile, nothing of this attempt was kept; run again"
                )
            _must_be_allowed(ledger, fresh)
            ledger.connection.execute(f"UPDATE {LAKE}.origination_head SET appended = appended + 1")
            (last,) = ledger.one("SELECT max(recorded_at) FROM {lake}.case_events")
            moment = max(at, last or at)  # a clock that was set back does not change the order
            stamp = pl.lit(moment).cast(pl.Datetime("us")).alias("recorded_at")
            if made is not None:
                for table, rows in _rows(ledger, made):
                    insert(ledger.connection, table, rows.with_columns(stamp))
            for table, more in (also or {}).items():
                insert(ledger.connection, table, more.with_columns(stamp))
            rows = fresh.rename({"event_no": "place"})
            insert(
                ledger.connection,
                "case_events",
                rows.with_columns(stamp, file_id=pl.lit(None, pl.String)),
            )
            return judged_at + 1

    return patiently(write)


def _must_be_allowed(ledger: Queries, fresh: pl.DataFrame) -> None:
    if fresh.is_empty():
        return
    known = events_of(ledger, fresh["application_id"])
    wrong = refused(known, fresh.select(CASE_EVENTS.names()).cast(CASE_EVENTS))
    if wrong.height:
        first = wrong.row(0, named=True)
        raise LedgerError(
            f"{first['application_id']}: {first['why']}; nothing was kept ({wrong.height} events jump); "
            "docs/guide/origination.md has the table"
        )


def _rows(ledger: Queries, made: Made) -> list[tuple[str, pl.DataFrame]]:
    """Rows by table that are not kept yet."""
    known = {
        digest: DecisionPolicy.model_validate_json(body)
        for digest, body in policies_of(ledger).items()
    }
    for policy in made.policies:
        for kept in known.values():
            if (kept.name, kept.version) == (policy.name, policy.version) and changed(kept, policy):
                raise PolicyError(
                    f"decisions/{policy.name}@{policy.version} decided already and can't change: put the file back as it "
                    "was and give the change a file of its own, with a higher version"
                )
    fresh = [p for p in made.policies if p.digest not in known]  # one that was reworded too
    policies = pl.DataFrame(
        [(p.digest, p.name, p.version, p.model_dump_json()) for p in fresh],
        schema={"policy_hash": pl.String, "policy": pl.String, "version": pl.Int32, "body": pl.String}, orient="row",
    )  # fmt: skip
    stored = ledger.beside(
        "SELECT i.input_hash FROM {lake}.decision_inputs i JOIN _hashes h ON h.input_hash = i.input_hash",
        [], _hashes=made.inputs.select("input_hash"),
    )  # fmt: skip
    before = ledger.beside(
        "SELECT d.decision_id FROM {lake}.decisions d JOIN _ids i ON i.decision_id = d.decision_id",
        [], _ids=made.decisions.select("decision_id"),
    )  # fmt: skip
    return [
        ("decision_policies", policies),
        ("decision_inputs", made.inputs.join(stored, on="input_hash", how="anti")),
        ("decisions", made.decisions.join(before, on="decision_id", how="anti")),
    ]
