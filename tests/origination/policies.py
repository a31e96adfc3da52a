"""A small policy of decisions, and applications that it approves unless something is changed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from loanbook.core.policy.book import parse
from loanbook.core.policy.decisions.decision import DecisionPolicy

TEXT = """
name: small
version: 1
effective_from: 2020-01-01
product: lendingclub-personal
rules:
  - {code: too_young, group: eligibility, when: age_years < 18, then: decline, weight: 900, says: You are below the age at which we may lend.}
  - {code: bankrupt, group: eligibility, when: bankruptcies > 0, then: decline, weight: 300, says: There is a bankruptcy on your record.}
  - {code: recently_late, group: eligibility, when: months_since_delinquency < 6, then: decline, weight: 200, says: You were late on a debt within six months., may_be_missing: [months_since_delinquency]}
  - {code: many_devices, group: velocity, when: device_applications_1d > 2, then: refer, weight: 400, says: Several applications came from your device.}
  - {code: stale_report, group: referral, when: bureau_age_days > 30, then: refer, weight: 100, says: Your credit report is no longer recent.}
  - {code: high_debt, group: affordability, when: obligations_month * 12 * 10000 > income_year * 6000, then: decline, weight: 250, says: Your debts are high for your income.}
scorecard:
  base: 500
  characteristics:
    - {input: inquiries_12m, says: Too many recent inquiries for credit., bins: [{below: 2, points: 60}, {below: 5, points: 30}, {points: 0}]}
    - {input: housing, says: How you live., words: {mortgage: 40, own: 40, rent: 10}}
    - {input: history_months, says: Your credit history is short., missing: 0, bins: [{below: 60, points: 0}, {points: 50}]}
grades:
  - {grade: A, from_points: 600, rate_percent: {36: "6.00", 60: "7.50"}, maximum_minor: 4000000}
  - {grade: B, from_points: 540, rate_percent: {36: "12.00"}, maximum_minor: 2000000}
minimum_minor: 100000
above_limit: reduce
affordability: {income: [income_year], obligations: obligations_month, share_bp: 5000, above: reduce, says: The instalment is too high for your income.}
"""
GOOD: dict[str, Any] = {
    "currency": "USD", "decided_at": dt.datetime(2024, 3, 1), "amount": 1_000_000, "term": 36, "age_years": 40,
    "bankruptcies": 0, "months_since_delinquency": None, "device_applications_1d": 0, "bureau_age_days": 3,
    "obligations_month": 50_000, "income_year": 6_000_000, "inquiries_12m": 1, "housing": "own", "history_months": 120,
}  # fmt: skip
"""650 points: 500 + 60 + 40 + 50."""


def small(text: str = TEXT) -> DecisionPolicy:
    """The policy of a text."""
    policy = parse("decisions", "small.yaml", text)
    assert isinstance(policy, DecisionPolicy)
    return policy


def applications(**changes: dict[str, Any]) -> pl.DataFrame:
    """A row an application by its name: `GOOD`, with changes."""
    rows = [{"application_id": name, **GOOD, **change} for name, change in changes.items()]
    return pl.DataFrame(rows, infer_schema_length=None)
