"""Alerts: what is beyond a user's or a product's own history, what waits too long, what came close to a breach."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from loanbook.core.collections.contact import CONTACTS, PREFERENCES
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.policy.lending.contact_rules import ContactRules
from loanbook.core.policy.references import wrong_references
from loanbook.core.policy.risk.alerts import AlertRules
from loanbook.core.reporting.alerts.alerts import CHECKS, Facts, alerts
from loanbook.core.reporting.alerts.unusual import ACTS, unusual
from loanbook.core.reporting.alerts.waiting import NEAR, ROWS, near_misses

FIRST, ON = dt.date(2024, 1, 1), dt.date(2024, 6, 30)
NO_ROWS = pl.DataFrame(schema=ROWS)


@pytest.fixture
def rules(policies: PolicyBook) -> AlertRules:
    return policies.in_force(AlertRules, "standard", ON)


def _acts(
    *spans: tuple[str, int, int, int], product: str = "card", currency: str = "USD"
) -> pl.DataFrame:
    """Waivers of a user: so many of an amount, so many whole weeks before the last."""
    rows = [
        ("unusual_acts", "waivers", 1000 * n + each, "L-1", ON - dt.timedelta(days=7 * weeks + each % 7), amount, currency, user,
         product, f"o{n}-{each}", "asked")
        for n, (user, weeks, number, amount) in enumerate(spans) for each in range(number)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=ACTS, orient="row")


def _found(acts: pl.DataFrame, rules: AlertRules) -> list[tuple[object, ...]]:
    found, _ = unusual(acts, rules.history, FIRST, ON)
    return found.select("measure", "dimension", "of", "value").rows()


def test_a_window_beyond_its_own_history_is_found_and_few_acts_are_not(rules: AlertRules) -> None:
    # 25 weeks of 4 by ann: median 4, spread its root, 2: beyond 12 is unusual. The product has those of all
    usual = [("ann", week, 4, 1_000) for week in range(1, 26)]
    assert _found(_acts(*usual, ("ann", 0, 12, 1_000)), rules) == []
    assert ("count", "user", "ann", 13) in _found(_acts(*usual, ("ann", 0, 13, 1_000)), rules)
    # a new user has a history of none: 4 are few, 6 are not
    assert _found(_acts(*usual, ("bob", 0, 4, 1_000)), rules) == []
    assert _found(_acts(*usual, ("bob", 0, 6, 1_000)), rules)[0] == ("count", "user", "bob", 6)
    # one wild week before does not move the median
    wild = [*usual, ("ann", 9, 300, 1_000)]
    assert ("count", "user", "ann", 13) in _found(_acts(*wild, ("ann", 0, 13, 1_000)), rules)


def test_amounts_are_beyond_what_is_usual_by_more_than_some_usual_acts(rules: AlertRules) -> None:
    usual = [("ann", week, 4, 1_000) for week in range(1, 26)]
    # median 4,000, one act 1,000, so a spread of 2,000: beyond 12,000
    assert _found(_acts(*usual, ("ann", 0, 4, 3_000)), rules) == []
    found = _found(_acts(*usual, ("ann", 0, 4, 3_001)), rules)
    assert found == [("amount", "product", "card", 12_004), ("amount", "user", "ann", 12_004)]
    assert _found(_acts(*usual, ("ann", 0, 2, 90_000)), rules) == [], "two acts are too few"


def test_a_ledger_that_is_too_young_compares_nothing(rules: AlertRules) -> None:
    found, evidence = unusual(
        _acts(("ann", 0, 90, 1)), rules.history, ON - dt.timedelta(days=7 * 9 - 2), ON
    )
    assert found.is_empty()
    assert evidence.is_empty()
    found, evidence = unusual(
        _acts(("ann", 0, 90, 1)), rules.history, ON - dt.timedelta(days=7 * 9 - 1), ON
    )
    assert found["of"].to_list() == ["card", "ann"]
    assert evidence.filter(pl.col("of") == "ann").height == 90


def _rows(*waiting: tuple[str, int, int]) -> pl.DataFrame:
    return pl.DataFrame(
        [(of, "L-1", f"r{n}", ON - dt.timedelta(days=days), amount, "USD", "why")
         for n, (of, days, amount) in enumerate(waiting)], schema=ROWS, orient="row",
    )  # fmt: skip


def test_payouts_suspense_and_held_loans_are_found_by_what_the_policy_lets_pass(
    rules: AlertRules,
) -> None:
    facts = Facts(FIRST, ON, pl.DataFrame(schema=ACTS), _rows(("card", 3, 50_000)),
                  _rows(("main", 5, 700), ("main", 6, 100), ("main", 9, 200), ("other", 2, 1)),
                  _rows(("card", 1, 0)), pl.DataFrame(schema=pl.Schema([*NEAR.items(), ("agent", pl.String())])))  # fmt: skip
    found = alerts(facts, rules)
    assert found.findings.select("check", "of", "value").rows() == [
        ("failed_disbursements", "card", 1), ("suspense_ages", "main", 9),
    ]  # fmt: skip
    assert found.evidence.filter(check="suspense_ages")["amount"].to_list() == [200, 100]
    assert set(found.findings["check"]) <= set(CHECKS)
    lenient = rules.model_copy(
        update={"failed_disbursements": 1, "suspense_days": 9, "held_days": 0}
    )
    assert alerts(facts, lenient).findings["check"].to_list() == ["held_loans"]


def test_contacts_that_a_little_stricter_rule_bars_came_close_and_breaches_did_not(
    policies: PolicyBook, rules: AlertRules
) -> None:
    law = policies.in_force(ContactRules, "us-regulation-f", ON)
    assert rules.near_misses is not None
    times = {"early": "12:05", "noon": "17:00", "late": "01:50", "too_late": "02:30"}
    # Chicago in June is five hours behind: 07:05 breaks the rule of hours, 20:50 is ten minutes from its end
    contacts = pl.DataFrame([
        (name, f"L-{name}", dt.datetime.fromisoformat(f"2024-06-28T{at}:00+00:00"), "sms", "out", "sent", False, "",
         "America/Chicago") for name, at in times.items()
    ], schema=CONTACTS, orient="row")  # fmt: skip
    calls = pl.DataFrame([
        (f"c{n}", "L-1", dt.datetime(2024, 6, 20 + n, 17, tzinfo=dt.UTC), "call", "out", "no_answer", False, "",
         "America/Chicago") for n in range(7)
    ], schema=CONTACTS, orient="row")  # fmt: skip
    consent = pl.DataFrame([
        (f"y{name}", f"L-{name}", dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "consent", "sms", "", None, None, None, False)
        for name in times
    ], schema=PREFERENCES, orient="row")  # fmt: skip
    near = near_misses(pl.concat([contacts, calls]), consent, [law], rules.near_misses)
    assert near.select("reference", "rule").rows() == [("c6", "call_frequency"), ("late", "hours")]


def test_rules_that_name_no_order_or_no_law_are_refused_by_field(policies: PolicyBook) -> None:
    text = "name: standard\nversion: 2\neffective_from: 2000-01-01\nacts: {waivers: [wave]}\n"
    with pytest.raises(PolicyError, match="'wave' is no order; use some of"):
        parse("alert_rules", "standard.yaml", text)
    lost = parse(
        "alert_rules",
        "x.yaml",
        text.replace("[wave]", "[waive_charge]") + "near_misses: {rules: [mars]}\n",
    )
    wrong = list(wrong_references([*(each for _, each in policies.policies), lost]))
    assert [why.startswith("field near_misses.rules: ") for _, why in wrong] == [True]
