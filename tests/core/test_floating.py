"""Floating rates: what an index value makes of a rate, and which loans it resets."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product_rules.interest import FloatingRate
from loanbook.core.servicing.interest.index_rates import resetting
from tests.core.late_news import same_as_in_time, told
from tests.core.lives import on
from tests.core.loans import Story, _event, product_of, terms, undone, with_more


def book(policies: PolicyBook, **rules: object) -> PolicyBook:
    """The shipped policies and `floats`, instalment-act365 with a rate that follows `base`."""
    made = product_of(policies, "instalment-act365")
    floats = made.model_copy(
        update={"name": "floats", "floating": FloatingRate(index="base", every=3, **rules)}  # type: ignore[arg-type]
    )
    return with_more(policies, ("products", floats))


def fixed(day: str, percent: float, loan_id: int = 1) -> dict:  # type: ignore[type-arg]
    body = {"index": "base", "index_ppb": round(percent * 10**7), "fixed_on": day}
    return _event(Kind.rate_reset, loan_id, day, None, day, json.dumps(body))


RATES: list[tuple[dict[str, str], float, float]] = [
    ({}, 3, 5),  # the index and two per cent
    ({"multiplier": "1.5"}, 3, 6.5),
    ({"multiplier": "-1"}, 0.5, 1.5),
    ({"floor_percent": "4"}, 1, 4),
    ({"cap_percent": "14"}, 20, 14),
    ({"reset_cap_percent": "1.5"}, 20, 13.5),
    ({"reset_cap_percent": "1.5"}, -3, 10.5),
    ({"reset_cap_percent": "1.5", "floor_percent": "11"}, -3, 11),
]
"""Rules, a value of the index, and the rate that they make of it, in per cent."""


def test_an_index_value_makes_a_rate(policies: PolicyBook) -> None:
    made = product_of(policies, "instalment-act365")
    products = [
        made.model_copy(
            update={"name": f"floats-{n}", "floating": FloatingRate(index="base", every=3, **rules)}  # type: ignore[arg-type]
        )
        for n, (rules, _, _) in enumerate(RATES, start=1)
    ]
    floats = with_more(policies, *(("products", each) for each in products))
    story, resets = Story(floats), []
    for n, (_, index, _) in enumerate(RATES, start=1):
        loan = terms(floats, f"floats-{n}", loan_id=n)
        story = story.lent(loan.with_columns(spread_ppb=pl.lit(20_000_000)))
        resets.append(fixed("2024-04-01", index, n))
    life = Story(floats, (*story.rows, *resets)).live("2024-04-02")
    changed = dict(life.days[-2].changed.select("loan_id", "rate_ppb").rows())
    for n, case in enumerate(RATES, start=1):
        night = on(life.days, "2024-04-02", n)["accrued_today"]
        assert night == pytest.approx(120_000 * case[2] / 100 / 365, abs=1), case
        assert changed[n] == round(case[2] * 10**7), case


@pytest.mark.parametrize("keep", ["term", "instalment"])
def test_a_reset_keeps_the_term_or_the_instalment(policies: PolicyBook, keep: str) -> None:
    floats = book(policies, keep=keep)
    rows = Story(floats).lent(terms(floats, "floats")).rows
    changed = Story(floats, (*rows, fixed("2024-04-01", 20))).live("2024-04-01").days[-1].changed
    before = Story(floats).lent(terms(floats, "floats")).live("2024-01-02")
    emi = before.days[-1].book.terms["emi"][0]
    assert (changed["emi"][0] == emi) == (keep == "instalment")


def test_a_value_that_is_corrected_late_restates(policies: PolicyBook) -> None:
    floats = book(policies)
    wrong, right = fixed("2024-04-01", 20), fixed("2024-04-01", 10)
    right |= {"idempotency_key": "right"}
    back = undone(wrong["idempotency_key"], "2024-04-20")
    events = told(Story(floats, (*Story(floats).lent(terms(floats, "floats")).rows, wrong)),
                  (0, back), (19, right))  # fmt: skip
    days = same_as_in_time(events, floats, dt.date(2024, 4, 22))
    assert dt.date(2024, 4, 20) in [closed.date for closed, restated in days if restated]


def test_loans_reset_so_many_periods_after_their_first_reset() -> None:
    loans = pl.DataFrame(
        {
            "loan_id": [1, 2, 3, 4, 5],
            "first_reset_on": [dt.date(2024, 1, 31), dt.date(2024, 2, 29), dt.date(2024, 5, 31),
                               dt.date(2024, 4, 16), None],
            "disbursed_on": [dt.date(2023, 1, 1)] * 5,
            "reset_every": [1, 3, 3, 14, 1],
            "reset_unit": [Unit.months.value] * 3 + [Unit.days.value, Unit.months.value],
        },
        schema_overrides={"reset_unit": pl.Int8},
    )  # fmt: skip
    assert resetting(loans, pl.lit(dt.date(2024, 4, 30)))["loan_id"].to_list() == [1, 4]
    assert resetting(loans, pl.lit(dt.date(2024, 5, 29)))["loan_id"].to_list() == [2]
