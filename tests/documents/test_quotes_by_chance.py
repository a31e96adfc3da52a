"""Quotes of terms by chance: what is read is quoted, whatever it is, and all else is refused by a rule that has a name."""

from __future__ import annotations

import datetime as dt
import json
import random

from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from loanbook.pipelines.agreements.quoting import quotes, read_terms
from loanbook.pipelines.formats.rules import RULES

TERMS = {
    "principal": ("1200", "50000.01", "0.01", "1e5", "-5", "１２００", "NaN", ""),
    "rate_percent": ("0", "12", "99.99", "5.1234567891", "12%", "abc"),
    "instalments": ("1", "3", "36", "0", "36.5", "32768"),
    "first_due_date": ("2024-02-01", "2024-02-29", "2024-01-02", "2023-12-31", "2299-12-31", "2024-02-30"),
    "instalment": ("100", "0.01", "99999999", "-1"),
    "balloon": ("300", "1200", "abc"),
    "every": ("2", "0", "600"),
    "unit": ("weeks", "days", "semi_monthly", "years"),
    "anchor_day": ("31", "15", "32"),
    "second_anchor_day": ("16", "1", "32"),
    "end_of_month": ("true", "abc"),
    "maturity_date": ("2024-07-15", "2299-12-31", "abc"),
    "interest_only": ("1", "36", "-1"),
    "stub_interest": ("upfront", "first_instalment", "level", "abc"),
    "agreed_schedule": ("2024-02-01 1200.00 12.00", "2024-02-01 600;2024-03-01 615", ";"),
    "schedule_interest": ("fixed", "abc"),
    "jurisdiction": ("US", "us"),
    "spread_percent": ("1", "abc"),
    "first_reset_on": ("2024-06-01", "abc"),
}  # fmt: skip
"""Terms of a quote as people may write them, the first of each as it is meant."""


def test_terms_by_chance_are_quoted_or_refused_by_a_rule(policies: PolicyBook) -> None:
    """Of every closed-end product, one to three terms other than plain ones."""
    rng, rows = random.Random(1), []
    plain = {"principal": "1200", "rate_percent": "12", "instalments": "6", "first_due_date": "2024-02-01"}  # fmt: skip
    on = dt.date(2024, 1, 1)
    names = sorted(
        p.name
        for _, p in policies.policies
        if isinstance(p, Product) and p.line is None and p.effective_from <= on
    )
    for n in range(200):
        drawn = {
            name: rng.choice((TERMS[name][0], rng.choice(TERMS[name])))
            for name in rng.sample(list(TERMS), rng.randint(1, 3))
        }
        rows.append(
            {"loan_key": f"{n:03}", "product": names[n % len(names)], "disbursed_on": str(on)}
            | plain
            | drawn
        )
    loans, bad = read_terms(policies, rows, on)
    assert {row["rule"] for row in bad} <= set(RULES)
    assert len({row["line"] for row in bad}) + loans.height == len(rows)
    assert 40 < loans.height < 160
    for quote in quotes(loans.drop("loan_key"), policies):
        told = quote.as_json()
        json.dumps(told, allow_nan=False)
        assert told["total_of_payments"] == sum(row["amount"] for row in told["instalments"])
