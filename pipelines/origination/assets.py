"""Dagster's assets of origination: applications taken in, and decisions on them. Thin: read, call, metadata."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from loanbook.core.origination.case import FINAL, cases, funnel, histories
from loanbook.core.store.lake import utc_now
from loanbook.core.store.origination.letters import untold
from loanbook.core.store.origination.reading import events_of
from loanbook.pipelines.asset_keys import PREFIX, key
from loanbook.pipelines.ingest.assets import intake
from loanbook.pipelines.origination.deciding import decide_all, made_again
from loanbook.pipelines.origination.duplicates import look_if_persons
from loanbook.pipelines.origination.letters import make_letters, rules_in_force
from loanbook.pipelines.origination.screening import screen_if_listed
from loanbook.pipelines.resources import open_instance

OF_DECISIONS = {
    "nothing_missing_is_approved": "No application was approved for want of an input, and no rule of an approved one is unknown.",
    "decisions_come_again": "Decisions of this run, made again from what is stored, are the same byte for byte.",
    "every_application_is_decided": "No application waits because no policy decides on its product.",
}
"""What each check of decisions asserts; the last warns."""
OF_LETTERS = {
    "the_rejected_are_told": "No application was rejected longer ago than the policy of letters lets, without its letter.",
}
"""What the check of letters asserts; it warns."""
OF_CASES = {
    "cases_follow_the_table": "No event of a case jumps, and every application has a case.",
    "cases_are_young": "No case waits for somebody longer than 30 days.",
}
"""What each check of cases asserts; the last warns."""
OLD_DAYS = 30


def _specs(asset: str, checks: dict[str, str], warns: str) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(name, asset=key(asset), description=says, blocking=name != warns)
        for name, says in checks.items()
    ]


def _verdict(name: str, broken: int, of: str, *, warns: bool = False) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        check_name=name,
        passed=broken == 0,
        severity=severity,
        metadata={"figures": f"{broken} of {of}"},
    )


@dg.asset(key_prefix=PREFIX, deps=[intake], group_name="origination", kinds={"polars"},
          check_specs=_specs("decisions", OF_DECISIONS, "every_application_is_decided"))  # fmt: skip
def decisions() -> Iterator[Any]:
    """Applications that wait, decided by the champion of their product as of their own day; their cases moved."""
    ledger, policies = open_instance()
    with ledger:
        began = utc_now()
        screen_if_listed(ledger, policies)
        look_if_persons(ledger, policies)
        made = decide_all(ledger, policies, utc_now)
        rows = made.decisions
        loose = rows.filter(
            (pl.col("outcome") == "approved")
            & ((pl.col("missing") != "") | (pl.col("mistyped") != "") | (pl.col("unknowns") != 0))
        ).height
        count, wrong = made_again(ledger, "recorded_at >= ?", [began])
        waits = made.without_policy
        (total,) = ledger.one("SELECT count(*) FROM {lake}.decisions")
    yield _verdict("nothing_missing_is_approved", loose, f"{rows.height} decisions")
    yield _verdict("decisions_come_again", wrong.height, f"{count} decisions")
    yield _verdict("every_application_is_decided", waits, "applications that wait", warns=True)
    yield dg.MaterializeResult(
        metadata={"decided": rows.height, "decisions": total} | made.counts()
    )


@dg.asset(key_prefix=PREFIX, deps=[decisions], group_name="origination", kinds={"polars"},
          check_specs=_specs("letters", OF_LETTERS, "the_rejected_are_told"))  # fmt: skip
def letters() -> Iterator[Any]:
    """Notices of adverse action to those who were turned down."""
    ledger, policies = open_instance()
    with ledger:
        made = make_letters(ledger, policies)
        left = untold(ledger)
        _, last = ledger.landed_dates()
    rules = rules_in_force(policies, last) if last else None
    days = dt.timedelta(days=rules.within_days if rules else 30)
    late = left.filter(pl.col("decided_on") + days < last).height if last else 0
    yield _verdict("the_rejected_are_told", late, f"{left.height} without a letter", warns=True)
    yield dg.MaterializeResult(metadata={"letters": made, "without": left.height})


@dg.asset(key_prefix=PREFIX, deps=[decisions], group_name="origination", kinds={"polars"},
          check_specs=_specs("application_cases", OF_CASES, "cases_are_young"))  # fmt: skip
def application_cases() -> Iterator[Any]:
    """Where the case of each application stands, by its events."""
    ledger, _ = open_instance()
    with ledger:
        events = events_of(ledger)
        (applications,) = ledger.one("SELECT count(*) FROM {lake}.applications")
        (last,) = ledger.one("SELECT max(business_date) FROM {lake}.files WHERE state = 'taken'")
    jumps = histories(events).filter(~pl.col("allowed")).height
    now = cases(events)
    waiting = now.filter(~pl.col("state").is_in([*FINAL, "approved"]))
    old = (
        waiting.filter((pl.lit(last) - pl.col("since").dt.date()).dt.total_days() > OLD_DAYS).height
        if last
        else 0
    )
    lost = applications - now.height
    yield _verdict(
        "cases_follow_the_table", jumps + abs(lost), f"{events.height} events, {now.height} cases"
    )
    yield _verdict("cases_are_young", old, f"{waiting.height} that wait", warns=True)
    yield dg.MaterializeResult(
        metadata={"cases": now.height} | dict(funnel(events).select("state", "now").rows())
    )
