"""Lives: loans of the products of a covering array, and what happens to them, by a seed."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any

from loanbook.core.policy.product import Product
from tests.oracle.covering import Covering
from tests.oracle.limits import possible
from tests.oracle.options import OPTIONS, product_of
from tests.oracle.reference.model import Event, Terms
from tests.oracle.reference.numbers import rounded, to_multiple

START = dt.date(2023, 11, 1)  # the leap year's turn lies within the lives


@dataclass(frozen=True)
class Life:
    """A loan of a product, and what happens to it."""

    loan_id: int
    product: str
    terms: Terms
    events: tuple[Event, ...]
    options: dict[str, Any] = field(hash=False, compare=False)


def _terms(row: dict[str, Any], rng: random.Random) -> Terms:
    unit, every = row["unit"]
    day = START + dt.timedelta(days=rng.randrange(28))
    day = day.replace(day=min(day.day, 28))
    anchor, second = day.day, 1
    span = {"months": 30, "weeks": 14, "semi_monthly": 15, "days": 30}[unit]
    if unit == "months":
        first = (day.replace(day=1) + dt.timedelta(days=31)).replace(day=day.day)
    elif unit == "semi_monthly":
        anchor, second = 1, 16
        day = day.replace(day=rng.choice((1, 16)))
        first = (
            day.replace(day=16) if day.day == 1 else (day + dt.timedelta(days=20)).replace(day=1)
        )
    else:
        first = day + dt.timedelta(days=span)
    odd = {"none": 0, "long": -rng.randrange(1, 12), "short": rng.randrange(1, 9)}[row["stub"]]
    day += dt.timedelta(days=odd)
    principal = rng.randrange(50_000, 400_000)
    rate = Fraction(row["rate"]) / 100
    if row["basis"] == "daily":  # a night's
        rate = Fraction(int(rate / 365 * 10**9), 10**9)
    counts = (
        (4,) if span == 30 else (4, 6)
    )  # each day of a book costs, whatever the number of loans
    return Terms(
        principal=principal, rate=rate, instalments=rng.choice(counts),
        every=every, unit=unit, disbursed_on=day, first_due_date=first,
        anchor_day=first.day if unit == "months" else anchor,
        second_anchor_day=second, balloon=principal * row["balloon"] // 100,
    )  # fmt: skip


def _events(row: dict[str, Any], terms: Terms, dues: list[dt.date], asks: list[int],
            rng: random.Random) -> list[Event]:  # fmt: skip
    """What happens: each instalment by a habit, and some things beside."""
    level = max(asks)
    events = _payouts(row, terms, dues, rng)
    one = dt.timedelta(days=1)
    for n, paid_out in enumerate(list(events)):
        own = rounded(Fraction(paid_out.amount * row["down_payment"], 100))
        own = to_multiple(own, row["multiple"], "half_even")
        if own and (row["payouts"] != "one" or rng.random() < 0.6):
            events.append(Event("down_payment", paid_out.value_date, own, ref=f"o{n}"))

    def pay(on: dt.date, amount: int, kind: str = "payment_received") -> Event:
        made = Event(
            kind, max(on, terms.disbursed_on + one), max(1, amount), ref=f"p{len(events):03}"
        )
        events.append(made)
        return made

    for k, due in enumerate(dues):
        habit = row["first"] if rng.random() < 0.6 else "on_time"
        if habit == "missed" and rng.random() < 0.8:
            continue
        lag = rng.randrange(1, 22) if habit == "late" else 0
        share = rng.uniform(0.3, 0.95) if habit == "short" else 1
        pay(due + one * lag, int(asks[k] * share))
        if rng.random() < 0.4:
            at = due + one * rng.randrange(2, 12)
            match row["second"]:
                case "early":
                    pay(at, level // rng.choice((2, 3, 7)))
                case "ahead":
                    pay(at, level * 2 + rng.randrange(500))
                case "same_day":
                    pay(due + one * lag, rng.randrange(1, 4000))
                case "payoff" if k >= 2:
                    pay(at, terms.principal * 2)
                case "goodwill":
                    pay(at, rng.randrange(100, 3000), "goodwill_credit")
                case "reversed":
                    bad = pay(at, level)
                    events.append(Event("reversal", at + one * rng.randrange(0, 20), ref=f"r{len(events)}",
                                        about={"reverses": bad.ref}))  # fmt: skip
    _third(row, events, dues, level, rng)
    return events


def _payouts(row: dict[str, Any], terms: Terms, dues: list[dt.date], rng: random.Random
             ) -> list[Event]:  # fmt: skip
    """What was agreed is lent at once; some products lend more later."""
    first = Event("disbursed", terms.disbursed_on, terms.principal, ref="d")
    if row["payouts"] == "one":
        return [first]
    ends = row["third"] in ("charge_off", "write_off", "given_up_later")  # nothing is lent any more
    on = dues[rng.randrange(0, 1 if ends else len(dues) - 2)]
    if row["payouts"] != "on_due_date":
        on += dt.timedelta(days=rng.randrange(1, 10))
    more = terms.principal * rng.randrange(10, 70) // 100
    parts = [more] if row["payouts"] != "two_of_a_day" else [more // 3, more - more // 3]
    return [first, *(Event("disbursed", on, part, ref=f"d{n}") for n, part in enumerate(parts))]


def _third(
    row: dict[str, Any], events: list[Event], dues: list[dt.date], level: int, rng: random.Random
) -> None:
    """One thing more that happens, somewhere in the middle of the life."""
    what, nights = row["third"], 365 if row["basis"] == "daily" else 1
    k = rng.randrange(1, len(dues) - 1)
    day = dues[k] + dt.timedelta(days=rng.randrange(1, 6))
    match what:
        case "charge_off" | "write_off":
            events.append(Event(what, day, ref="z"))
        case "given_up_later":
            events.append(Event("charge_off", day, ref="y"))
            later = day + dt.timedelta(days=rng.randrange(1, 30))
            events.append(Event("write_off", later, ref="z"))
        case "chargeback":
            events.append(Event(what, day, level // 2, ref="z"))
        case "fee":
            body = {"component": rng.choice((2, 3)), "due_date": str(dues[k])}
            events.append(
                Event("charge_assessed", dues[k], rng.randrange(500, 3000), "z", about=body)
            )
        case "rate_changed":
            ppb = rng.choice((0, 60_000_000, 180_000_000, 299_900_000)) // nights
            body = {"rate_ppb": ppb, "keep": rng.choice(("term", "instalment"))}
            events.append(Event(what, day, ref="z", about=body))
        case "interest_paused":
            start = day + dt.timedelta(days=rng.randrange(1, 20))
            end = start + dt.timedelta(days=rng.randrange(1, 40))
            events.append(Event(what, day, ref="z", about={"start": str(start), "end": str(end)}))
        case "term_extended":
            body = {"instalments": rng.randrange(1, 4), "keep": rng.choice(("term", "instalment"))}
            events.append(Event(what, day, ref="z", about=body))
        case "reamortised" | "split" | "reaged" | "fixed":
            events.append(_spread(row, day, rng))
        case "moratorium_granted":
            count = rng.randrange(1, 3)
            body = {"instalments": count, "interest": rng.choice(("none", "simple", "capitalised"))}
            rests = dues[k + count] if k + count < len(dues) else dues[-1] + (dues[1] - dues[0])
            events[:] = [e for e in events if not day < e.value_date <= rests]  # nothing is paid
            events.append(Event(what, day, ref="z", about=body))
        case "contract_accelerated" | "interest_capitalised":
            events.append(Event(what, day, ref="z"))
        case "due_date_moved":
            to = dues[k + 1] + dt.timedelta(days=rng.randrange(1, 15))
            to = to.replace(day=min(to.day, 28))
            body = {"due_date": str(to), "keep": rng.choice(("term", "instalment"))}
            later = dues[k + 2] if k + 2 < len(dues) else None
            if later and rng.random() < 0.5:  # a later instalment than the next
                to = (later + dt.timedelta(days=rng.randrange(1, 15))).replace(day=28)
                body |= {"from_date": str(later), "due_date": str(to)} if to >= later else {}
            events.append(Event(what, day, ref="z", about=body))
        case "credit_refunded":  # of what is paid beyond the claim, two days before
            much = sum(e.amount for e in events if e.kind == "disbursed") * 2
            events.append(Event("payment_received", day, much, ref="y"))
            events.append(Event(what, day + dt.timedelta(days=2), much // 100, ref="z"))


def _spread(row: dict[str, Any], day: dt.date, rng: random.Random) -> Event:
    """What is owed is spread anew, over the instalments left or as another schedule."""
    if row["third"] in ("reamortised", "split"):
        body = {"keep": "term"} | ({"interest": "split"} if row["third"] == "split" else {})
        return Event("reamortised", day, ref="z", about=body)
    first = day + dt.timedelta(days=rng.randrange(5, 45))
    body = {"instalments": rng.randrange(2, 4), "interest": "level",
            "due_date": str(first.replace(day=min(first.day, 28)))}  # fmt: skip
    body |= rng.choice(({"every": 1, "unit": "months"}, {"every": 2, "unit": "weeks"}, {}))
    if row["third"] == "fixed":
        # unsettled: whether the periods of a schedule that stands whole end where a calendar moves its due dates
        stays = row["business_day"][0] == "unadjusted" or row["business_day"][1]
        if row["unit"][0] == "semi_monthly" and "unit" not in body:
            on = first.replace(day=16)  # a day of its two: no two instalments fall due on one
            body["due_date"] = str(on if on > day else (on + dt.timedelta(days=20)).replace(day=1))
        body["interest"] = rng.choice(("payable", "full")) if stays else "payable"
    return Event("reaged", day, ref="z", about=body)


@cache
def array(seed: int) -> Covering:
    """The covering array of a seed: another one makes other rows."""
    return Covering(OPTIONS, possible, seed)


def lives(seed: int, count: int | None, plan: Any) -> tuple[list[Product], list[Life]]:
    """So many lives (None: one each) of the products of one covering array. `plan(product, terms)`: its
    due dates and what its instalments ask about, by the reference."""
    rows = array(seed).rows
    products = [product_of(f"oracle-{n}", row) for n, row in enumerate(rows)]
    made = []
    for i in range(len(rows) if count is None else count):
        row, product = rows[i % len(rows)], products[i % len(rows)]
        rng = random.Random(f"{seed}/{i}")
        terms = _terms(row, rng)
        dues, asks = plan(product, terms)
        events = tuple(_events(row, terms, dues, asks, rng))
        # unsettled: after its maturity a flat loan earns nothing more, so nothing more is asked
        made.append(Life(i + 1, product.name, terms, events, row))
    return products, made
