"""News that comes late: each day's close knows what was booked by then, in engine and reference alike.

Money is booked up to twelve days after its value date. What the engine says of a day at its close is what the
reference reckons from the events known by then; in the end both say what they would have said in time.
`make oracle SEED= LIVES=` lives others, more of them, and longer.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Iterator
from dataclasses import replace

from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.replay.replay import live as closes
from tests.oracle.compare import (
    Sides,
    differences,
    planned,
    reference_days,
    rules_of,
    with_products,
)
from tests.oracle.engine import events_of, told
from tests.oracle.lives import Life, lives
from tests.oracle.reference.life import CHANGES, MONEY_IN, SPREADS, live
from tests.oracle.reference.model import Day, Event
from tests.oracle.test_oracle import told as differing

SEED = int(os.environ.get("SEED") or 1)
LIVES = max(8, int(os.environ.get("LIVES") or 0) // 20)
DAYS = 60 if LIVES == 8 else 400
ONE_DAY = dt.timedelta(days=1)


def booked_late(life: Life) -> Life:
    """Two of five payments are known some days after they came."""
    rng = random.Random(f"late/{SEED}/{life.loan_id}")
    undone = {e.about.get("reverses") for e in life.events}

    def booked(event: Event) -> Event:
        if event.kind not in MONEY_IN or event.ref in undone or rng.random() > 0.4:
            return event
        return replace(event, booked=event.value_date + ONE_DAY * rng.randrange(1, 13))

    return replace(life, events=tuple(booked(e) for e in life.events))


def known_by_day(policies: PolicyBook, life: Life, through: dt.date) -> Iterator[Day]:
    """The state of each day, reckoned from what was known at its end."""
    product = policies.product(policies.registry.index(f"{life.product}@1"))
    rules = rules_of(policies, product)
    day, known, days = life.terms.disbursed_on, None, {}
    while day <= through:
        now = [e for e in life.events if e.known <= day]
        if now != known:
            known = now
            days = {each.date: each for each in live(rules, life.terms, now, through)}
        yield days[day]
        day += ONE_DAY


def test_each_close_says_what_was_known_by_then(policies: PolicyBook) -> None:
    products, made = lives(SEED, None, planned(with_products(policies, [])))
    book = with_products(policies, products)
    ordered = (
        "write_off",
        "charge_off",
        "given_up_later",
        "credit_refunded",
        "split",
        "fixed",
        *CHANGES,
        *SPREADS,
    )
    within = min(life.terms.disbursed_on for life in made) + ONE_DAY * DAYS
    booked = (booked_late(life) for life in made if life.options["third"] not in ordered)
    chosen = [
        life for life in booked if any(e.value_date < e.known <= within for e in life.events)
    ][:LIVES]
    through = min(life.terms.disbursed_on for life in chosen) + ONE_DAY * DAYS
    chosen = [
        replace(life, events=tuple(e for e in life.events if e.known <= through)) for life in chosen
    ]
    late = sum(e.known > e.value_date for life in chosen for e in life.events)
    assert late > LIVES // 2
    days = list(closes(events_of(book, chosen), book, through))
    assert sum(restated is not None for _, _, restated in days) > 3
    theirs = told(closed for _, closed, _ in days)
    found = differences(
        Sides(chosen, *theirs, *reference_days(book, chosen, through, known_by_day))
    )
    assert not found, differing(found)
