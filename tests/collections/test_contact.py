"""Contact rules: cases of the law, and histories across zones and clock changes reckoned twice."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from loanbook.core.collections.contact import ASKED, CONTACTS, PREFERENCES, judge, next_allowed
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import parse
from loanbook.core.policy.lending.contact_rules import ContactRules
from tests.collections.reckoning import broken, first_allowed

FOLDER = Path(__file__).parents[2] / "data" / "policies" / "contact_rules"


def _rules(name: str) -> ContactRules:
    policy = parse("contact_rules", name, (FOLDER / f"{name}.yaml").read_text())
    assert isinstance(policy, ContactRules)
    return policy


US, INDIA = _rules("us-regulation-f"), _rules("india")


def _contact(reference: str, at: str, **told: object) -> dict[str, object]:
    base = {"reference": reference, "loan_key": "L", "occurred_at": dt.datetime.fromisoformat(at).astimezone(dt.UTC),
            "channel": "call", "direction": "out", "outcome": "no_answer", "right_party": False, "place": "",
            "zone": "America/New_York"}  # fmt: skip
    return base | told


def _said(reference: str, at: str, kind: str, **told: object) -> dict[str, object]:
    base = {"reference": reference, "loan_key": "L", "stated_at": dt.datetime.fromisoformat(at).astimezone(dt.UTC),
            "kind": kind, "channel": "", "place": "", "days": None, "starts": None, "ends": None, "written": False}  # fmt: skip
    return base | told


def _judged(
    contacts: list[dict[str, Any]],
    said: list[dict[str, Any]] | None = None,
    rules: ContactRules = US,
) -> dict[tuple[str, str], tuple[list[str], str | None]]:
    found = judge(
        pl.DataFrame(contacts, schema=CONTACTS), pl.DataFrame(said or [], schema=PREFERENCES), rules
    )
    return {
        (row["reference"], row["rule"]): (row["evidence"], row["allowed_local"])
        for row in found.to_dicts()
    }


def test_the_eighth_call_in_seven_days_waits_for_the_day_on_which_the_first_leaves_the_window() -> (
    None
):
    calls = [_contact(f"c{day}", f"2026-09-0{day}T12:00:00-04:00") for day in range(1, 8)]
    calls += [_contact("busy", "2026-09-07T13:00:00-04:00", outcome="busy"),
              _contact("texted", "2026-09-07T13:00:00-04:00", channel="email")]  # fmt: skip
    assert _judged(calls) == {}
    eighth = _contact("c8", "2026-09-07T14:00:00-04:00")
    assert _judged([*calls, eighth]) == {
        ("c8", "call_frequency"): (
            ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"],
            "2026-09-08T08:00:00-04:00",
        )
    }
    assert _judged([*calls, _contact("c8", "2026-09-08T08:00:00-04:00")]) == {}


def test_a_conversation_that_the_consumer_began_opens_seven_days_its_own_the_first() -> None:
    talk = _contact(
        "talk",
        "2026-09-08T10:00:00-04:00",
        direction="in",
        right_party=True,
        outcome="conversation",
    )
    calls = [_contact(f"c{day}", f"2026-09-{day:02}T10:00:00-04:00") for day in (9, 14, 15)]
    told = {
        (f"c{day}", "after_conversation"): (["talk"], "2026-09-15T08:00:00-04:00")
        for day in (9, 14)
    }
    assert _judged([talk, *calls]) == told
    asked = [_said("p", "2026-09-08T10:05:00-04:00", "call_again")]
    assert _judged([talk, *calls], asked) == {}


def test_hours_are_those_of_every_zone_in_which_the_consumer_may_be() -> None:
    unsure = "America/New_York;America/Los_Angeles"
    calls = [
        _contact(
            "early", "2026-03-09T10:30:00-04:00", zone=unsure
        ),  # half past seven in Los Angeles
        _contact("late", "2026-03-09T21:00:00-04:00", loan_key="M", zone=unsure),
        _contact("moved", "2026-03-09T21:00:00-04:00", loan_key="N", zone="America/Los_Angeles"),
        _contact(
            "spring", "2026-03-08T07:59:59-04:00", loan_key="O"
        ),  # clocks went forward in the night
        _contact("sent", "2026-03-09T23:00:00-04:00", loan_key="P", channel="letter"),
    ]
    assert _judged(calls) == {
        ("early", "hours"): (["early"], "2026-03-09T11:00:00-04:00"),
        ("late", "hours"): (["late"], "2026-03-10T11:00:00-04:00"),
        ("spring", "hours"): (["spring"], "2026-03-08T08:00:00-04:00"),
    }
    evening = [_contact("e", "2026-03-09T19:00:00+05:30", zone="Asia/Kolkata")]
    assert _judged(evening, rules=INDIA) == {("e", "hours"): (["e"], "2026-03-10T08:00:00+05:30")}
    assert _judged(evening, rules=US) == {}


def test_what_a_consumer_said_bars_until_it_is_taken_back() -> None:
    at = "2026-09-0{}T10:00:00-04:00".format
    said = [
        _said("out", at(1), "opt_out", channel="email"), _said("in", at(5), "opt_in"),
        _said("oral", at(1), "stop"), _said("stop", at(3), "stop", written=True),
        _said("work", at(1), "inconvenient_place", place="work"),
        _said("noon", at(1), "inconvenient_time", days="12345", starts=540, ends=1020),
        _said("law", at(1), "attorney", loan_key="M"), _said("gone", at(3), "attorney_withdrawn", loan_key="M"),
        _said("told", at(1), "dispute", loan_key="N"),
        _said("yes", at(1), "consent", channel="sms"), _said("no", at(2), "consent_withdrawn"),
    ]  # fmt: skip
    contacts = [
        _contact("a", at(2), channel="email"), _contact("b", at(1), channel="sms"), _contact("c", at(2), channel="sms"),
        _contact("d", at(4), channel="letter"), _contact("e", "2026-09-05T18:00:00-04:00", channel="letter", place="work"),
        _contact("f", "2026-09-02T18:00:00-04:00", place="work"),
        _contact("g", at(2), loan_key="M"), _contact("h", at(4), loan_key="M"), _contact("i", at(4), loan_key="N"),
    ]  # fmt: skip
    assert _judged(contacts, said) == {
        ("a", "opt_out"): (["out"], None), ("a", "inconvenient_time"): (["noon"], None),
        ("b", "inconvenient_time"): (["noon"], "2026-09-01T17:00:00-04:00"),
        ("c", "consent"): (["no"], None), ("c", "inconvenient_time"): (["noon"], None),
        ("d", "written_stop"): (["stop"], None), ("g", "attorney"): (["law"], None),
        ("e", "written_stop"): (["stop"], None), ("e", "inconvenient_place"): (["work"], None),
        ("f", "inconvenient_place"): (["work"], None),
    }  # fmt: skip


def test_a_file_of_rules_that_says_nothing_or_closes_before_it_opens_is_refused() -> None:
    head = "name: own\nversion: 1\neffective_from: 2030-01-01\n"
    with pytest.raises(PolicyError, match="no rule stands in it"):
        parse("contact_rules", "own.yaml", head)
    hours = 'hours: {channels: [call], opens: "21:00", closes: "08:00", source: ours}\n'
    with pytest.raises(PolicyError, match="21:00 is not before"):
        parse("contact_rules", "own.yaml", head + hours)


ZONES = ("America/New_York", "America/Phoenix", "America/Los_Angeles", "Asia/Kolkata", "Europe/Paris", "Australia/Lord_Howe",
         "Pacific/Auckland", "America/New_York;America/Denver", "America/Chicago;Asia/Kolkata")  # fmt: skip
STARTS = tuple(
    dt.datetime(2026, month, day, tzinfo=dt.UTC) for month, day in ((3, 3), (3, 27), (10, 23))
)
"""Within ten days of each the clocks of some zones change."""
TIGHT = US.model_copy(update={
    "call_frequency": US.call_frequency.model_copy(update={"most": 1, "days": 3}) if US.call_frequency else None,
    "hours": US.hours.model_copy(update={"opens": "02:30"}) if US.hours else None,
    "consent": US.consent.model_copy(update={"channels": ["email"]}) if US.consent else None,
})  # fmt: skip
"""Rules that few contacts break, and hours that open where clocks change."""
_SPAN = 4 * 24 * 10


@st.composite
def _histories(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    log, said = [], []
    for loan in range(draw(st.integers(4, 10))):
        start = draw(st.sampled_from(STARTS))
        quarters = st.integers(0, _SPAN).map(lambda n, s=start: s + dt.timedelta(minutes=15 * n))
        for place, at in enumerate(draw(st.lists(quarters, min_size=1, max_size=8))):
            log.append({
                "reference": f"{loan}-{place}", "loan_key": f"L{loan}", "occurred_at": at,
                "channel": draw(st.sampled_from(["call", "call", "call", "sms", "email", "letter"])),
                "direction": draw(st.sampled_from(["out", "out", "out", "in"])),
                "outcome": draw(st.sampled_from(["no_answer", "no_answer", "busy"])),
                "right_party": draw(st.sampled_from([False, False, True])),
                "place": draw(st.sampled_from(["", "home", "work"])), "zone": draw(st.sampled_from(ZONES)),
            })  # fmt: skip
        kinds = st.sampled_from(["opt_out", "opt_in", "stop", "stop_withdrawn", "consent", "consent", "consent_withdrawn",
                                 "inconvenient_time", "inconvenient_time", "inconvenient_place", "convenient", "call_again",
                                 "attorney", "attorney_withdrawn", "dispute", "dispute_answered"])  # fmt: skip
        for place, at in enumerate(draw(st.lists(quarters, max_size=4))):
            kind = draw(kinds)
            row = _said(
                f"p{loan}-{place}",
                at.isoformat(),
                kind,
                loan_key=f"L{loan}",
                written=draw(st.booleans()),
            )
            if kind in ("opt_out", "opt_in", "consent"):
                row["channel"] = draw(st.sampled_from(["", "call", "email"]))
            if kind == "inconvenient_place":
                row["place"] = "work"
            if kind == "inconvenient_time":
                row |= {"days": draw(st.sampled_from(["1234567", "12345", "7"])), "starts": 135, "ends": draw(st.sampled_from([195, 900, 1440]))}  # fmt: skip
            said.append(row)
    return log, said


@settings(
    max_examples=12,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
@given(_histories(), st.sampled_from([US, TIGHT, INDIA]))
def test_histories_across_zones_and_clock_changes_are_judged_as_one_by_one(
    history: tuple[list[dict[str, Any]], list[dict[str, Any]]], rules: ContactRules
) -> None:
    log, said = history
    contacts, preferences = (
        pl.DataFrame(log, schema=CONTACTS),
        pl.DataFrame(said, schema=PREFERENCES),
    )
    found = judge(contacts, preferences, rules)
    expected, allowed = set(), {}
    for one in log:
        if one["direction"] == "in":
            continue
        book = (
            [e for e in log if e["loan_key"] == one["loan_key"]],
            [p for p in said if p["loan_key"] == one["loan_key"]],
        )
        broke = broken(one, one["occurred_at"], book, rules)
        outside = {
            rule
            for rule in ("call_frequency", "after_conversation")
            if (spaced := getattr(rules, rule)) and one["outcome"] in spaced.not_counted
        }
        expected |= {(one["reference"], rule) for rule in broke - outside}
        allowed[one["reference"]] = first_allowed(one, book, rules)
    assert set(found.select("reference", "rule").rows()) == expected
    told = dict(found.select("reference", "allowed_at").rows())
    assert told == {reference: allowed[reference] for reference in told}
    asked = (
        contacts.filter(pl.col("direction") == "out")
        .rename({"occurred_at": "at"})
        .select(ASKED.names())
    )
    again = next_allowed(asked, contacts, preferences, rules)
    assert dict(again.select("reference", "allowed_at").rows()) == allowed
