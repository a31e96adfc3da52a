"""Products and lives: a pairwise covering array over policy options and life events, by a seed."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from allpairspy import AllPairs

from loanbook.core.policy.models import Delinquency, Policy
from loanbook.core.policy.product import Product
from tests.oracle.reference.model import Event, Terms

SINCE = dt.date(2000, 1, 1)
START = dt.date(2023, 11, 1)  # the leap year's turn lies within the lives

OPTIONS: dict[str, list[Any]] = {
    "amortisation": ["equal_instalment", "equal_principal", "interest_only", "flat"],
    "accrual": ["daily", "scheduled"],
    "basis": ["period", "30/360", "ACT/365F", "ACT/360", "ACT/364", "ACT/ACT", "30E/360"],
    "stub": ["none", "long", "short"],
    "unit": [("months", 1), ("weeks", 2), ("semi_monthly", 1), ("days", 30)],
    "grace_principal": [0, 2],
    "rounding": ["half_even", "half_up", "down", "up"],
    "multiple": [1, 100],
    "smooth": [False, True],
    "residue": ["drop", "carry"],
    "balloon": [0, 30],
    "waterfall": ["standard", "us-consumer", "by-component"],
    "excess": ["next_instalment", "next_then_principal", "last_instalment"],
    "rebate": ["actuarial", "none"],
    "credit_use": ["next_due", "hold"],
    "late_fee": [None, "standard", "us-consumer"],
    "delinquency": ["standard", "oracle-rbi", "oracle-tolerant"],
    "business_day": [("unadjusted", False), ("following", False), ("following", True),
                     ("modified_following", True), ("preceding", True)],
    "rate": ["0", "9.99", "24", "36.5"],
    "first": ["on_time", "late", "short", "missed"],
    "second": ["none", "early", "same_day", "ahead", "payoff", "reversed", "goodwill"],
    "third": ["none", "charge_off", "write_off", "chargeback", "fee", "credit_refunded", "rate_changed", "term_extended"],
    "after_charge_off": ["regular", "zero_interest", "accelerate_maturity"],
}  # fmt: skip
"""What a product may choose, and what happens in its loans' lives."""


@dataclass(frozen=True)
class Life:
    """A loan of a product, and what happens to it."""

    loan_id: int
    product: str
    terms: Terms
    events: tuple[Event, ...]
    options: dict[str, Any] = field(hash=False, compare=False)


def possible(names: Sequence[str], row: Sequence[Any]) -> bool:
    """Whether options go together, of a row that may still lack its last ones."""
    has = dict(zip(names, row, strict=False))
    daily = has.get("accrual") == "daily"
    bad = (
        (has.get("amortisation") == "flat" and daily),
        (has.get("amortisation") == "flat" and has.get("balloon")),
        (has.get("amortisation") == "flat" and has.get("grace_principal")),
        (not daily and has.get("excess") == "next_then_principal"),
        (not daily and has.get("residue") == "carry"),
        (daily and has.get("rebate") == "none" and False),
    )
    return not any(bad) and not _not_lived(has) and not any(unsettled(has))


def _not_lived(has: dict[str, Any]) -> bool:
    """What the reference does not know yet: fixed interest whose contract is changed from outside, and a
    change of the contract while money stands with instalments to come."""
    third, level = has.get("third"), has.get("amortisation")
    ahead = has.get("second", "none") not in ("none", "same_day") or has.get("first") == "late"
    # who pays the level instalment while interest alone is asked pays in advance
    ahead = ahead or bool(has.get("grace_principal"))
    if third == "chargeback" and ahead:
        return True
    changed = third in ("rate_changed", "term_extended")
    if changed and (has.get("accrual") == "scheduled" or level != "equal_instalment" or ahead):
        return True
    beside = third in ("charge_off", "chargeback", "fee")
    return (
        (has.get("accrual") == "scheduled" and beside)
        or (third == "chargeback" and (level != "equal_instalment" or has.get("grace_principal")))
        or (third == "fee" and has.get("business_day") == ("following", False))
    )


def unsettled(has: dict[str, Any]) -> tuple[Any, ...]:
    """Where reference and engine differ, until one of them is mended: the rule that decides is named."""
    basis = has.get("basis")
    by_period, level = basis in ("period", "30/360"), has.get("amortisation")
    daily = has.get("accrual") == "daily"
    convention, moves = has.get("business_day", ("", False))
    follows = convention == "following" and not moves
    return (
        # Schedules, smoothing: whether the plan that is smoothed carries what rounding leaves
        has.get("smooth") and has.get("residue") == "carry",
        # Days past due, tolerance: 90 % of all that the instalment asked, paid components too
        has.get("delinquency") == "oracle-tolerant",
        # Schedules, smoothing: it is of the level instalment of a reducing balance
        level == "flat" and has.get("smooth"),
        # Dates: where the product moves the accrual period, the schedule is that of the moved periods: the level
        # instalment, the last day of a flat loan
        moves and (not daily or (level == "equal_instalment" and not by_period)),
        # What is owed: there too, money in advance meets its instalment
        moves and (has.get("second", "none") != "none" or has.get("first") == "late"),
        # Allocating: a due that is billed and falls due later is in advance, and comes before what is left
        follows and has.get("excess") in ("last_instalment", "spread"),
        # Allocating, vertical: interest of the next instalment against principal of one that is billed early
        follows and has.get("waterfall") == "by-component",
        # What is owed: where interest alone is asked, money for the last instalment stands with it until then
        level == "interest_only" and daily and has.get("excess") == "last_instalment",
        # Changes, payoff: interest to the day, less what was paid in advance of it
        has.get("accrual") == "scheduled" and has.get("rebate") == "actuarial",
        # Allocating: money in advance goes to the next instalment that asks principal
        level == "equal_principal" and has.get("grace_principal") and daily,
    )


def covering(seed: int) -> list[dict[str, Any]]:
    """Rows in which every two options that go together meet; another seed makes other rows."""
    rng = random.Random(seed)
    names = list(OPTIONS)
    values = [rng.sample(OPTIONS[name], len(OPTIONS[name])) for name in names]
    pairs = AllPairs(values, filter_func=lambda row: possible(names, row))
    return [dict(zip(names, row, strict=True)) for row in pairs]


def product_of(name: str, row: dict[str, Any]) -> Product:
    """The product that a row of the array describes."""
    n_grace = row["grace_principal"]
    return Product.model_validate(
        {
            "name": name, "version": 1, "effective_from": SINCE, "entity": "us-consumer",
            "currency": "USD",
            "schedule": {
                "amortisation": row["amortisation"], "rate_basis": row["basis"],
                "grace_principal": n_grace, "instalment_rounding": row["rounding"],
                "interest_rounding": row["rounding"], "instalment_multiple": row["multiple"],
                "smooth_last_instalment": row["smooth"],
                "business_day": row["business_day"][0], "calendar": "us-federal",
                "adjust_accrual": row["business_day"][1],
            },
            "interest": {"accrual": row["accrual"], "residue": row["residue"],
                         "rebate": row["rebate"]},
            "payments": {"waterfall": row["waterfall"], "excess": row["excess"],
                         "credit_use": row["credit_use"]},
            "late_fee": row["late_fee"], "delinquency": row["delinquency"],
        }
    )  # fmt: skip


def own_policies() -> list[tuple[str, Policy]]:
    """Policies beside the shipped ones that the products name."""
    common = {"version": 1, "effective_from": SINCE}
    return [
        ("delinquency", Delinquency(name="oracle-rbi", convention="rbi", **common)),
        (
            "delinquency",
            Delinquency(name="oracle-tolerant", tolerance_minor=500, tolerance_ppb=10**8, **common),
        ),
    ]


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
    return Terms(
        principal=principal, rate=Fraction(row["rate"]) / 100, instalments=rng.choice((4, 6, 9)),
        every=every, unit=unit, disbursed_on=day, first_due_date=first,
        anchor_day=first.day if unit == "months" else anchor,
        second_anchor_day=second, balloon=principal * row["balloon"] // 100,
    )  # fmt: skip


def _events(row: dict[str, Any], terms: Terms, dues: list[dt.date], level: int,
            rng: random.Random) -> list[Event]:  # fmt: skip
    """What happens: each instalment by a habit, and some things beside."""
    events = [Event("disbursed", terms.disbursed_on, terms.principal, ref="d")]
    one = dt.timedelta(days=1)

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
        lag = rng.randrange(1, 40) if habit == "late" else 0
        share = rng.uniform(0.3, 0.95) if habit == "short" else 1
        pay(due + one * lag, int(level * share))
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
    _third(row["third"], events, dues, level, rng)
    return events


def _third(
    what: str, events: list[Event], dues: list[dt.date], level: int, rng: random.Random
) -> None:
    """One thing more that happens, somewhere in the middle of the life."""
    k = rng.randrange(1, len(dues) - 1)
    day = dues[k] + dt.timedelta(days=rng.randrange(1, 6))
    match what:
        case "charge_off" | "write_off":
            events.append(Event(what, day, ref="z"))
        case "chargeback":
            events.append(Event(what, day, level // 2, ref="z"))
        case "fee":
            body = {"component": rng.choice((2, 3)), "due_date": str(dues[k])}
            events.append(
                Event("charge_assessed", dues[k], rng.randrange(500, 3000), "z", about=body)
            )
        case "rate_changed":
            ppb = rng.choice((0, 60_000_000, 180_000_000, 299_900_000))
            body = {"rate_ppb": ppb, "keep": rng.choice(("term", "instalment"))}
            events.append(Event(what, day, ref="z", about=body))
        case "term_extended":
            body = {"instalments": rng.randrange(1, 4), "keep": "term"}
            events.append(Event(what, day, ref="z", about=body))
        case "credit_refunded":  # of what is paid beyond the claim, two days before
            much = sum(e.amount for e in events if e.kind == "disbursed") * 2
            events.append(Event("payment_received", day, much, ref="y"))
            events.append(Event(what, day + dt.timedelta(days=2), much // 100, ref="z"))


def lives(seed: int, count: int, plan: Any) -> tuple[list[Product], list[Life]]:
    """So many lives of the products of one covering array. `plan(product, terms)`: its due dates
    and the height of an instalment, by the reference."""
    rows = covering(seed)
    products = [product_of(f"oracle-{n}", row) for n, row in enumerate(rows)]
    made = []
    for i in range(count):
        row, product = rows[i % len(rows)], products[i % len(rows)]
        rng = random.Random(f"{seed}/{i}")
        terms = _terms(row, rng)
        dues, level = plan(product, terms)
        events = tuple(_events(row, terms, dues, level, rng))
        # unsettled: after its maturity a flat loan earns nothing more, so nothing more is asked
        made.append(Life(i + 1, product.name, terms, events, row))
    return products, made
