"""All alerts of a date, by one policy: pure frames in, findings and their evidence out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from loanbook.core.policy.risk.alerts import AlertRules
from loanbook.core.reporting.alerts.unusual import unusual
from loanbook.core.reporting.alerts.waiting import aged, close_calls, counted

CHECKS = {
    "unusual_acts": "No user and no product has more write-offs, waivers or reversals, or greater ones, than is usual for it.",
    "payment_failures": "No product has more payments returned or charged back than is usual for it.",
    "broken_promises": "No agent's and no product's promises are broken more often than is usual for it.",
    "failed_disbursements": "No more payouts came back in the window than the policy lets pass.",
    "suspense_ages": "No entry of a bank waits in suspense for longer than the policy lets it.",
    "held_loans": "No loan is held for longer than the policy lets it.",
    "contact_near_misses": "No agent's contacts came close to a breach of contact rules as often as the policy names.",
}
"""What is looked at, and what holds where nothing is found."""


@dataclass(frozen=True)
class Facts:
    """What alerts are made of."""

    first: dt.date
    """First date of the ledger."""
    on: dt.date
    acts: pl.DataFrame
    """Orders of people, payments that failed and promises that were broken (`ACTS`), of all windows that are compared."""
    payouts: pl.DataFrame
    """That came back in the last window (`ROWS`)."""
    suspense: pl.DataFrame
    held: pl.DataFrame
    near: pl.DataFrame
    """Contacts of the last window that came close (`NEAR` with `agent`)."""


@dataclass(frozen=True)
class Alerts:
    """What was found on a date."""

    on: dt.date
    findings: pl.DataFrame
    """`loanbook.core.reporting.alerts.unusual.FINDINGS`."""
    evidence: pl.DataFrame
    """`loanbook.core.reporting.alerts.unusual.EVIDENCE`."""


def alerts(facts: Facts, rules: AlertRules) -> Alerts:
    """Every alert of a date, in the order of `CHECKS`."""
    near = rules.near_misses
    parts = [
        unusual(facts.acts, rules.history, facts.first, facts.on),
        counted(facts.payouts, "failed_disbursements", "product", rules.failed_disbursements,
                f"payouts came back in {rules.history.window_days} days"),
        aged(facts.suspense, "suspense_ages", "account", rules.suspense_days, facts.on),
        aged(facts.held, "held_loans", "product", rules.held_days, facts.on),
        *([close_calls(facts.near, near.least, facts.on)] if near else []),
    ]  # fmt: skip
    order = pl.col("check").replace_strict({name: n for n, name in enumerate(CHECKS)})
    findings, evidence = (
        pl.concat(each).sort(order, maintain_order=True) for each in zip(*parts, strict=True)
    )
    return Alerts(facts.on, findings, evidence)
