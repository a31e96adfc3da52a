"""Cases that are like the shipped ones, and not the same: their outcome stays, or what stops them is named."""

from __future__ import annotations

import copy
import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.fineract import NotMappedError
from tests.conformance.mapping import mapped
from tests.conformance.runner import CASES, read, run
from tests.conformance.test_cases import DIFFERENCES, NOT_ATTEMPTED
from tests.conformance.vocabulary import TERMS, refuse_unknown, with_defaults

Case = dict[str, Any]
DICTIONARY = (CASES / "fineract" / "DICTIONARY.md").read_text(encoding="utf-8")
EVERY = 70
"""Of so many cases one has siblings that are run."""


@pytest.fixture(scope="module")
def lives() -> list[Case]:
    odd = {*DIFFERENCES["id"], *NOT_ATTEMPTED["id"]}
    return [c for c in read(CASES) if "steps" in c and c["id"] not in odd]


def _shifted(value: Any, years: int) -> Any:
    """All dates later by whole years."""
    if isinstance(value, dict):
        return {key: _shifted(v, years) for key, v in value.items()}
    if isinstance(value, list):
        return [_shifted(v, years) for v in value]
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value):
        return f"{int(value[:4]) + years}{value[4:]}"
    return value


def _renamed(case: Case) -> Case:
    """Products, charges and means of payment by other names."""
    told = copy.deepcopy(case)
    for terms in told["loans"]:
        terms["product"] = "another"
        for charge in [*(terms.get("charges") or []), *(terms.get("product_charges") or [])]:
            charge["code"] = "another"
    for step in told["steps"]:
        if isinstance(step.get("charge"), dict):
            step["charge"]["code"] = "another"
        for name in ("payment_type", "product"):
            if name in step:
                step[name] = "another"
    return told


def _bare(case: Case) -> Case:
    """Without fields that ask for nothing, in another order."""
    told = copy.deepcopy(case)
    kept = ("interest_rate", "principal", "currency_decimals")
    told["loans"] = [
        {k: t[k] for k in sorted(t, reverse=True)
         if k in kept or t[k] not in (None, False, 0, "0", [], {}, {"enabled": False})}
        for t in told["loans"]
    ]  # fmt: skip
    for terms in told["loans"]:
        terms.pop("annual_interest_rate", None)
    told["steps"] = [
        {k: v for k, v in s.items() if v is not None or k == "amount"} for s in told["steps"]
    ]
    return told


def test_siblings_of_a_case_come_to_the_same(lives: list[Case]) -> None:
    """All dates 400 or 28 years later, other names, no field that asks for nothing; and with its last check alone:
    what is booked hangs on no check before it, but what of it is new since the last one does."""
    some = lives[::EVERY]
    cycles = (400, 28)  # by 28 years too weekdays and leap years are the same, up to 2099
    siblings = [_bare(_renamed(_shifted(case, cycles[n % 2]))) for n, case in enumerate(some)]
    siblings += [c | {"id": f"{c['id']}, last", "checks": c["checks"][-1:]}
                 for c in some if len(c["checks"]) > 1 and "new_accruals" not in c["checks"][-1]]  # fmt: skip
    found = {o.id: (o.outcome, o.why) for o in run(siblings)}
    assert len(found) > 20
    odd = {i: told for i, told in found.items() if told[0] == "failed" or "mapped" in told[1]}
    assert odd == {}
    assert sum(outcome == "passed" for outcome, _ in found.values()) > len(found) * 0.9


# --- what is told otherwise is named ------------------------------------------------------


def _odd(case: Case) -> Iterator[Case]:
    """The case with each field of each of its steps left out, or told as something that it can't be."""
    for place, step in enumerate(case["steps"]):
        for name in step.keys() - {"i", "type"}:
            for odd in (None, "MOON", -1, [], {}):
                told = (
                    step | {name: odd}
                    if odd != -1
                    else {k: v for k, v in step.items() if k != name}
                )
                yield case | {"steps": [*case["steps"][:place], told, *case["steps"][place + 1 :]]}


def _stops(case: Case) -> str:
    """What stops a case from being mapped; empty: nothing."""
    try:
        told = with_defaults(case)
        refuse_unknown(told)
        mapped(told)
    except NotMappedError as gap:
        return str(gap)
    return ""


def test_a_step_that_lacks_something_or_says_nonsense_is_named(lives: list[Case]) -> None:
    """Never an error of another kind, whatever is wrong of it."""
    kinds: dict[str, Case] = {}
    for case in lives:
        for step in case["steps"]:
            kinds.setdefault(step["type"], case)
    told = [
        _stops(odd) for case in {c["id"]: c for c in kinds.values()}.values() for odd in _odd(case)
    ]
    assert len(told) > 500
    assert len({why for why in told if why}) > 50


def _told_values() -> list[tuple[str, str]]:
    terms = DICTIONARY[DICTIONARY.index("## terms") : DICTIONARY.index("## steps")]
    lists = re.findall(r"(\w+) \(([A-Z0-9_]+(?:\|[A-Z0-9_]+)+)\)", terms)
    return [(name, value) for name, values in lists for value in values.split("|")]


@pytest.mark.parametrize(("name", "value"), _told_values())
def test_every_value_that_the_dictionary_lists_means_something(name: str, value: str) -> None:
    assert isinstance(TERMS[name], frozenset)
    assert value in TERMS[name]


def _step_types() -> set[str]:
    """Types of steps in the dictionary's table, with those that it abbreviates (`reage(_undo)`)."""
    table = DICTIONARY[DICTIONARY.index("| group | types |") : DICTIONARY.index("## checks")]
    found = set()
    for line in table.strip().splitlines()[2:]:
        text = re.sub(r"{[^{}]*}", "", re.sub(r"{[^{}]*}", "", line.split("|")[2]))
        for base, more in re.findall(r"([a-z][a-z_]+)((?:\(_[a-z]+(?:,_[a-z]+)*\))*)", text):
            found |= {base, *(base + each for each in re.findall(r"_[a-z]+", more))}
    return found


def test_every_step_that_the_dictionary_lists_is_mapped_or_named(lives: list[Case]) -> None:
    case = lives[0]
    types = _step_types()
    assert {"reage", "reage_preview", "asset_transfer_command", "unmapped"} <= types
    bare = {"i": 99, "loan": 1, "business_date": "2030-01-01"}
    stops = {
        kind: _stops(case | {"steps": [*case["steps"], bare | {"type": kind}]}) for kind in types
    }
    assert stops["asset_transfer_command"] == "step asset_transfer_command"
    assert stops["reage"] == "step reage without frequency_number"
    assert stops["cob_all"] == stops["payoff"] == ""


def test_a_payment_that_must_be_refused_is_where_it_is_dated_ahead(lives: list[Case]) -> None:
    """As payment files are judged: one of the day enters, one of the day after is of another file."""
    paid = next(
        c for c in lives
        if c["tier"] == "core" and c["steps"][-1]["type"] == "repayment"
        and not any(s.get("expect") for s in c["steps"])
    )  # fmt: skip
    told = copy.deepcopy(paid)
    last = told["steps"][-1]
    told["checks"] = [check for check in told["checks"] if check["after_step"] < last["i"]]
    today = dt.date.fromisoformat(last["business_date"])
    outcomes = []
    for n in (0, 1):
        last |= {"expect": "rejected", "date": (today + dt.timedelta(days=n)).isoformat()}
        outcomes += [each.outcome for each in run([copy.deepcopy(told)])]
    assert outcomes == ["failed", "passed"]
