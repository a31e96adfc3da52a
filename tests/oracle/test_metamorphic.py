"""Metamorphic laws: what may change around a loan, or with it, and what its figures do then.

All lives of a seed and their altered copies are loans of one book; `make oracle SEED= LIVES=` lives others.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import pytest

from loanbook.core.ledger.reversals import effective_events
from loanbook.core.policy.base import Policy
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import HolidayCalendar
from loanbook.core.policy.product import Product
from loanbook.core.policy.product_rules.payments import MoneyRule
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.positions import STATE
from loanbook.core.servicing.replay.fast_forward import History, fast_forward
from tests.oracle.compare import planned, with_products
from tests.oracle.engine import events_of
from tests.oracle.lives import START, Life, array, lives

SEED = int(os.environ.get("SEED") or 1)
LIVES = max(10, int(os.environ.get("LIVES") or 100) // 4)
"""A quarter of what the reference lives: here each has copies beside it."""

DAYS = dt.timedelta(days=100)
"""How far the default lives go: each day that something happens costs, whatever the number of loans."""
CYCLE = dt.timedelta(days=146_097)
"""400 years of the Gregorian calendar: whole weeks, and every date has its weekday and leap year again."""
CODES = ["loan_id", "product", "business_date"]
POSITION = [c for c in STATE if c != "loan_id"]
DUE = ["instalment_no", "component", "due_date", "amount", "paid", "fee_assessed"]
MONEY = ["principal", "principal_due", "interest_accrued", "interest_due", "credit", "prepaid_dues"]
MOVED = ["debit", "credit", "amount", "value_date", "booking_date"]


@dataclass(frozen=True)
class Altered:
    """Copies of lives that one thing is changed of; their numbers are so much higher."""

    name: str
    above: int
    life: Callable[[Life], Life]
    product: Callable[[Product, dict[str, Any]], Product]


def _later(life: Life) -> Life:
    terms = replace(
        life.terms,
        disbursed_on=life.terms.disbursed_on + CYCLE,
        first_due_date=life.terms.first_due_date + CYCLE,
    )
    events = []
    for e in life.events:
        about = dict(e.about)
        for name in about.keys() & {"due_date", "start", "end", "from_date"}:
            about[name] = str(dt.date.fromisoformat(about[name]) + CYCLE)
        booked = e.booked + CYCLE if e.booked else None
        events.append(replace(e, value_date=e.value_date + CYCLE, booked=booked, about=about))
    return replace(life, terms=terms, events=tuple(events))


def _of_later_holidays(product: Product) -> Product:
    schedule = product.schedule.model_copy(update={"calendar": "oracle-later"})
    return product.model_copy(update={"schedule": schedule})


HUNDRED = 100


def _scaled(life: Life) -> Life:
    """All money of a life a hundred times."""
    told = life.terms
    terms = replace(told, principal=told.principal * HUNDRED, balloon=told.balloon * HUNDRED)
    events = tuple(replace(e, amount=e.amount * HUNDRED) for e in life.events)
    return replace(life, terms=terms, events=events)


def _of_scaled_instalments(product: Product) -> Product:
    """Instalments are rounded to a hundred times as much; fees that a policy fixes in money are left out."""
    multiple = product.schedule.instalment_multiple * HUNDRED
    schedule = product.schedule.model_copy(update={"instalment_multiple": multiple})
    return product.model_copy(update={"schedule": schedule, "late_fee": None})


def _with_what_none_uses(product: Product) -> Product:
    """Other values of options that no life of these has a use for."""
    other = MoneyRule(waterfall="by-component", excess="last_instalment")
    by_kind = {"merchant_refund": other, "payout_refund": other}
    payments = product.payments.model_copy(update={"by_kind": by_kind})
    bounds = product.bounds.model_copy(update={"pause_days": 400, "due_within_days": 700})
    update = {"payments": payments, "bounds": bounds, "deferred_income": "fee", "buy_down": "expensed",
              "returned_payment_fee": "returned-payment"}  # fmt: skip
    return product.model_copy(update=update)


def _without_its_unused(product: Product, row: dict[str, Any]) -> Product:
    """Other values of what the life of this row has no use for."""
    made = _with_what_none_uses(product)
    if row["third"] not in ("charge_off", "write_off", "given_up_later"):
        rules = {"after_charge_off": "zero_interest", "charge_off_claims": "scheduled"}
        made = made.model_copy(update={"interest": made.interest.model_copy(update=rules)})
    if row["third"] != "chargeback":
        payments = made.payments.model_copy(update={"chargeback": ["interest", "principal"]})
        made = made.model_copy(update={"payments": payments})
    if row["business_day"][0] == "unadjusted":
        schedule = made.schedule.model_copy(update={"calendar": "every-day"})
        made = made.model_copy(update={"schedule": schedule})
    return made


LATER = Altered("later", 1_000_000, _later, lambda product, _: _of_later_holidays(product))
SCALED = Altered("scaled", 2_000_000, _scaled, lambda product, _: _of_scaled_instalments(product))
UNUSED = Altered("unused", 3_000_000, lambda life: life, _without_its_unused)
ALTERED = [LATER, SCALED, UNUSED]


@dataclass(frozen=True)
class Lived:
    """One book of all lives and their copies, taken through its days."""

    lives: tuple[Life, ...]
    policies: PolicyBook
    products: tuple[Product, ...]
    through: dt.date
    positions: pl.DataFrame
    dues: pl.DataFrame
    moved: pl.DataFrame

    def of(self, name: str, above: int = 0, later: dt.timedelta | None = None) -> pl.DataFrame:
        """Rows of one kind of copy, under the numbers and on the dates of the lives."""
        rows = getattr(self, name)
        rows = rows.filter((pl.col("loan_id") // 1_000_000) == above // 1_000_000)
        rows = rows.with_columns(loan_id=pl.col("loan_id") - above)
        return rows.with_columns(pl.col(pl.Date) - later) if later else rows


def _lived(history: History, first: dt.date, last: dt.date) -> dict[str, pl.DataFrame]:
    """Positions and dues of every day, and all that was moved for a loan, each in a fixed order."""
    moved = history.all("transfers").select("loan_id", *MOVED)
    return {
        "positions": history.stay.positions(first, last).select("loan_id", "business_date", *POSITION),
        "dues": history.stay.dues(first, last).select("loan_id", "business_date", *DUE),
        "moved": moved.sort("loan_id", *MOVED),
    }  # fmt: skip


def _through(
    policies: PolicyBook, made: Sequence[Life], lasts: Sequence[dt.date], shuffled: bool = False
) -> tuple[pl.DataFrame, History]:
    events = events_of(policies, made)
    if shuffled:  # as if they had come in other files, in another order
        events = events.sample(fraction=1, shuffle=True, seed=SEED)
        events = events.with_columns(event_id=pl.int_range(1, pl.len() + 1))
    ends = pl.DataFrame(
        {"loan_id": [life.loan_id for life in made], "through": lasts},
        schema={"loan_id": pl.Int64, "through": pl.Date},
    )
    book = Book.empty(policies.pins, events)
    return events, fast_forward(book, effective_events(events), policies, ends)


@pytest.fixture(scope="module")
def lived(policies: PolicyBook) -> Lived:
    """Every life as it is, and a copy of it for each thing that is altered."""
    products, made = lives(SEED, LIVES, planned(with_products(policies, [])))
    through = (
        START + DAYS if LIVES <= 25 else max(e.value_date for life in made for e in life.events)
    )
    all_lives, all_products, lasts = list(made), list(products), [through] * len(made)
    for each in ALTERED:
        for product, row in zip(products, array(SEED).rows, strict=True):
            named = product.model_copy(update={"name": f"{product.name}-{each.name}"})
            all_products.append(each.product(named, row))
        for life in made:
            copy = replace(
                life, loan_id=life.loan_id + each.above, product=f"{life.product}-{each.name}"
            )
            all_lives.append(each.life(copy))
            lasts.append(through + CYCLE if each is LATER else through)
    book = _with(with_products(policies, all_products), ("calendars", _later_holidays(policies)))
    _, history = _through(book, all_lives, lasts)
    first = min(life.terms.disbursed_on for life in made)
    parts = [_lived(history, first, through), _lived(history, first + CYCLE, through + CYCLE)]
    positions, dues = (pl.concat(part[name] for part in parts) for name in ("positions", "dues"))
    return Lived(
        tuple(made), book, tuple(products), through, positions, dues, parts[0]["moved"]
    )  # fmt: skip


def _with(policies: PolicyBook, *more: tuple[str, Policy]) -> PolicyBook:
    both = sorted([*policies.policies, *more], key=lambda e: (e[0], e[1].name))
    return PolicyBook(tuple(both)).with_registry(policies.registry)


def _later_holidays(policies: PolicyBook) -> HolidayCalendar:
    known = policies.in_force(HolidayCalendar, "us-federal", dt.date(2024, 1, 1))
    days = [day + CYCLE for day in known.holidays]
    return known.model_copy(update={"name": "oracle-later", "holidays": days})


def same(ours: pl.DataFrame, theirs: pl.DataFrame, made: Sequence[Life]) -> None:
    """Rows are equal, loan by loan; else the first loan and column that differ are told."""
    order = [c for c in ("loan_id", "business_date", *DUE[:3], *MOVED) if c in ours.columns]
    ours, theirs = ours.sort(order), theirs.select(ours.columns).sort(order)
    assert ours.height, "nothing was lived"
    if ours.equals(theirs):
        return
    by_id = {life.loan_id: life for life in made}
    ids = sorted({*ours["loan_id"].to_list(), *theirs["loan_id"].to_list()})
    said = []
    for number in ids:
        mine, other = (rows.filter(pl.col("loan_id") == number) for rows in (ours, theirs))
        if mine.equals(other):
            continue
        only = mine.join(other, on=mine.columns, how="anti", nulls_equal=True).head(1)
        instead = other.join(mine, on=mine.columns, how="anti", nulls_equal=True).head(1)
        a, b = ((rows.to_dicts() or [{}])[0] for rows in (only, instead))
        off = {c: (a.get(c), b.get(c)) for c in {**a, **b} if a.get(c) != b.get(c)}
        where = a.get("business_date") or b.get("business_date")
        life = by_id[number]
        said.append(f"loan {number} on {where}: {off}\n  {life.options}\n  {life.terms}")
    raise AssertionError(f"seed {SEED}: {len(said)} loans differ\n" + "\n".join(said[:4]))


def test_a_loan_does_not_depend_on_the_others_of_its_book(lived: Lived) -> None:
    """A random half of the lives alone, numbered from the last to the first, products the other way
    round, their events in another order: positions of every day, dues and movements are what they were
    in the book of all."""
    rng = random.Random(SEED)
    chosen = rng.sample(lived.lives, len(lived.lives) // 2)
    top = max(life.loan_id for life in lived.lives) + 1
    turned = [replace(life, loan_id=top - life.loan_id) for life in chosen]
    policies = PolicyBook(lived.policies.policies).with_registry(lived.policies.registry[::-1])
    _, history = _through(policies, turned, [lived.through] * len(turned), True)
    first = min(life.terms.disbursed_on for life in chosen)
    again = _lived(history, first, lived.through)
    ids = [life.loan_id for life in chosen]
    for name, rows in again.items():
        ours = rows.with_columns(loan_id=top - pl.col("loan_id"))
        same(lived.of(name).filter(pl.col("loan_id").is_in(ids)), ours, lived.lives)


@pytest.mark.parametrize("name", ["positions", "dues", "moved"])
def test_400_years_later_all_is_the_same_but_for_the_dates(lived: Lived, name: str) -> None:
    same(lived.of(name), lived.of(name, LATER.above, CYCLE), lived.lives)


@pytest.mark.parametrize("name", ["positions", "dues", "moved"])
def test_an_option_that_a_life_has_no_use_for_changes_nothing(lived: Lived, name: str) -> None:
    same(lived.of(name), lived.of(name, UNUSED.above), lived.lives)


def test_a_hundred_times_the_money_is_a_hundred_times_each_figure(lived: Lived) -> None:
    """But for what was rounded: each instalment, each event and the day add at most three units, of those that instalments
    are multiples of: a cent less makes the next multiple."""
    plain = [life for life in lived.lives if life.options["late_fee"] is None]
    assert len(plain) > len(lived.lives) // 5
    roundings = pl.DataFrame(
        {"loan_id": [life.loan_id for life in plain],
         "most": [3 * (life.terms.instalments + len(life.events) + 1) * life.options["multiple"] for life in plain]}
    )  # fmt: skip
    keys = ["loan_id", "business_date"]
    scaled = lived.of("positions", SCALED.above).select(*keys, *MONEY)
    both = (
        lived.of("positions").join(roundings, on="loan_id").join(scaled, on=keys, suffix="_scaled")
    )
    off = pl.max_horizontal((pl.col(f"{c}_scaled") - pl.col(c) * HUNDRED).abs() for c in MONEY)
    wrong = both.filter(off > pl.col("most") * HUNDRED)
    assert both.height > 300
    assert wrong.is_empty(), (
        wrong.select(*keys, *MONEY, *(f"{c}_scaled" for c in MONEY)).head(4).rows(named=True)
    )


def test_a_figure_that_is_off_by_one_is_told(lived: Lived) -> None:
    rows = lived.of("positions")
    bent = (pl.col("loan_id") == 7) & (pl.col("business_date") == lived.through)
    other = rows.with_columns(principal=pl.col("principal") + bent.cast(pl.Int64))
    bent_rows = rows.filter(bent).height
    assert bent_rows == 1
    with pytest.raises(AssertionError, match=r"1 loans differ\nloan 7 on .*'principal': \("):
        same(rows, other, lived.lives)
