"""Several orders on one day, with money around: the day-by-day close, replay and what stands beside a loan agree.

`ORDERS_SEED=` and `ORDERS_LOANS=` in the environment live others, and more of them.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.replay.fast_forward import History, fast_forward
from tests.core.loans import Life, Story, _event, terms

SEED = int(os.environ.get("ORDERS_SEED", "1"))
LOANS = int(os.environ.get("ORDERS_LOANS", "16"))
LAST = "2024-02-27" if LOANS == 16 else "2024-08-15"
PRODUCTS = ("instalment-act365", "lendingclub-personal", "equal-principal", "instalment-mxn", "interest-only",
            "simple-interest", "deferred-fee", "covered-borrower", "step-up", "pay-in-four")  # fmt: skip
ONE_DAY = dt.timedelta(days=1)
Row = dict[str, Any]


def _order(name: str, loan_id: int, on: dt.date, rng: random.Random) -> Row:
    """An order by chance; its reference, and with it its place in the day, is by chance too."""
    keep = rng.choice(("term", "instalment"))
    starts = on + ONE_DAY * rng.randrange(1, 15)
    kind, body = {
        "rate": (Kind.rate_changed, {"rate_ppb": rng.choice((0, 60_000_000, 180_000_000)), "keep": keep}),
        "extend": (Kind.term_extended, {"instalments": rng.randrange(1, 4), "keep": keep}),
        "move": (Kind.due_date_moved,
                 {"due_date": str(on + ONE_DAY * rng.randrange(1, 40)), "keep": keep}),
        "pause": (Kind.interest_paused,
                  {"start": str(starts), "end": str(starts + ONE_DAY * rng.randrange(20))}),
        "flag": (Kind.flag_set, {"flag": "active_duty"}),
        "spread": (Kind.reamortised, {"keep": keep}),
    }[name]  # fmt: skip
    return _event(kind, loan_id, str(on), None, f"{rng.randrange(1000):03}{name}", json.dumps(body))


def _life(story: Story, loan_id: int, rng: random.Random) -> tuple[Story, list[Row]]:
    """A loan with money before, on and after a day of two to four orders, of which none is a rival."""
    name = rng.choice(PRODUCTS)
    start = dt.date(2024, 1, 16) + ONE_DAY * rng.randrange(6)
    first = (start + ONE_DAY * 31).replace(day=start.day)
    free = name == "pay-in-four"
    loan = terms(story.policies, name, loan_id=loan_id, principal=rng.randrange(50_000, 300_000),
                 rate="0" if free else rng.choice(("12", "24")), n=rng.choice((3, 5)),
                 start=str(start), first_due=str(first))  # fmt: skip
    day = start + ONE_DAY * rng.randrange(3, 35)
    level = int(loan["principal_agreed"][0]) // 3
    rows = []
    for n in range(rng.randrange(1, 4)):
        on = max(start + ONE_DAY, day + ONE_DAY * rng.choice((0, rng.randrange(-20, 20))))
        amount = rng.randrange(1, level * 2)
        rows.append(_event(Kind.payment_received, loan_id, str(on), amount, f"{n}money", None))
    if rng.random() < 0.3:
        body = {"component": 2, "due_date": str(day + ONE_DAY * rng.randrange(30))}
        rows.append(
            _event(Kind.charge_assessed, loan_id, str(day), 900, "500fee", json.dumps(body))
        )
    names = ["rate", "extend", "move", "pause", "flag", "spread"]
    if free:
        names.remove("pause")
    chosen = rng.sample(names, rng.randrange(2, 5))
    return story.lent(loan), [*rows, *(_order(each, loan_id, day, rng) for each in chosen)]


def _ordered(loan_id: int, on: str, *orders: tuple[Kind, Row | None]) -> Iterator[Row]:
    for n, (kind, body) in enumerate(orders):
        yield _event(kind, loan_id, on, None, str(n), json.dumps(body) if body else None)


AHEAD, RERATED, ENDED, SPLIT, PREPAID, OWING = range(1_001, 1_007)


def _known(story: Story) -> Story:
    """Loans of rules of their own, beside those by chance."""
    made, rows = story.policies, list[Row]()
    story = story.lent(terms(made, "instalment-act365", loan_id=AHEAD, n=6, start="2024-01-16",
                             first_due="2024-02-16"))  # fmt: skip
    rows.append(_event(Kind.payment_received, AHEAD, "2024-01-20", 21_000, "p", None))
    rows += _ordered(AHEAD, "2024-01-25", (Kind.due_date_moved, {"due_date": "2024-02-26", "keep": "instalment"}))  # fmt: skip
    story = story.lent(terms(made, "instalment-mxn", loan_id=RERATED, principal=68_468, n=6,
                             start="2024-01-16", first_due="2024-02-16"))  # fmt: skip
    rows += _ordered(RERATED, "2024-01-29", (Kind.rate_changed, {"rate_ppb": 180_000_000, "keep": "instalment"}),
                     (Kind.term_extended, {"instalments": 2, "keep": "term"}))  # fmt: skip
    story = story.lent(terms(made, "covered-borrower", loan_id=ENDED, n=6, start="2024-01-16",
                             first_due="2024-01-30", every=2, unit=Unit.weeks))  # fmt: skip
    rows += _ordered(ENDED, "2024-02-01", (Kind.moratorium_granted, {"instalments": 2, "interest": "none"}),
                     (Kind.charge_off, None))  # fmt: skip
    story = story.lent(terms(made, "interest-only", loan_id=SPLIT, n=6, start="2024-01-18", first_due="2024-02-18"))  # fmt: skip
    rows += _ordered(SPLIT, "2024-02-03", (Kind.due_date_moved, {"due_date": "2024-02-15", "keep": "term"}))  # fmt: skip
    fee = json.dumps({"component": 2, "due_date": "2024-02-10"})
    rows.append(_event(Kind.charge_assessed, SPLIT, "2024-02-01", 326, "fee", fee))
    # 0.5 % of fees deferred at the loan's yield; nearly all is paid in advance on a day of orders
    story = story.lent(terms(made, "deferred-fee", loan_id=PREPAID, principal=73_000, n=5,
                             start="2024-01-16", first_due="2024-02-16"))  # fmt: skip
    rows += _ordered(PREPAID, "2024-02-07", (Kind.rate_changed, {"rate_ppb": 0, "keep": "term"}))
    rows.append(_event(Kind.payment_received, PREPAID, "2024-02-07", 61_560, "p", None))
    # paid in full and more, and charged back on the day of a charge-off
    story = story.lent(terms(made, "instalment-act365", loan_id=OWING, start="2024-01-16", first_due="2024-02-16"))  # fmt: skip
    rows.append(_event(Kind.payment_received, OWING, "2024-01-20", 130_000, "p", None))
    rows.append(_event(Kind.chargeback, OWING, "2024-01-25", 130_000, "back", None))
    rows += _ordered(OWING, "2024-01-25", (Kind.charge_off, None))
    return Story(made, (*story.rows, *rows))


@pytest.fixture(scope="module")
def story(policies: PolicyBook) -> Story:
    rng, made, rows = random.Random(f"orders/{SEED}"), Story(policies), list[Row]()
    for loan_id in range(1, LOANS + 1):
        made, more = _life(made, loan_id, rng)
        rows += more
    return _known(Story(policies, (*made.rows, *rows)))


@pytest.fixture(scope="module")
def daily(story: Story) -> Life:
    """Every day closed, with every law checked."""
    return story.closed_daily(LAST)


@pytest.fixture(scope="module")
def replayed(story: Story) -> History:
    """Each loan through its own dates, so in other company than day by day."""
    events = story.events()
    none = Book.empty(story.policies.pins, events)
    return fast_forward(
        none, events, story.policies, max(dt.date(2024, 3, 26), dt.date.fromisoformat(LAST))
    )


def test_a_replay_says_what_the_days_said(daily: Life, replayed: History) -> None:
    told = pl.concat(
        day.book.positions.with_columns(business_date=pl.lit(day.date)) for day in daily.days
    )
    order = ["loan_id", "business_date"]
    again = replayed.stay.positions(daily.days[0].date, daily.days[-1].date).select(told.columns)
    assert_frame_equal(again.sort(order), told.sort(order))
    rows = pl.concat(
        day.book.dues.with_columns(business_date=pl.lit(day.date)) for day in daily.days
    )
    order += ["instalment_no", "component"]
    dues = replayed.stay.dues(daily.days[0].date, daily.days[-1].date).select(rows.columns)
    assert_frame_equal(dues.sort(order), rows.sort(order))


def test_money_in_advance_moves_with_its_instalment(daily: Life, replayed: History) -> None:
    """210.00 paid 207.04 of the first instalment and 2.96 of the second; on the new date nothing is asked."""
    day = dt.date(2024, 3, 26)
    rows = replayed.stay.positions(day, day)
    first = daily.on("2024-02-26", AHEAD)
    second = rows.row(by_predicate=pl.col("loan_id") == AHEAD, named=True)
    assert (first["principal_due"], first["interest_due"], first["prepaid_dues"]) == (0, 0, 296)
    assert second["principal_due"] + second["interest_due"] == 207_04 - 2_96
    assert second["prepaid_dues"] == 0


def test_an_instalment_solved_anew_counts_the_rates_that_the_nights_bore(daily: Life) -> None:
    """13 nights at 12 % and 18 at 18 %, actual over 360, then 18 % for each month."""
    days = (31, 29, 31, 30, 31, 30, 31, 31)
    factors = [Fraction(13 * 12 + 18 * 18, 36_000), *(Fraction(18 * n, 36_000) for n in days[1:])]
    worth, sum_ = Fraction(1), Fraction(0)
    for factor in factors:
        worth /= 1 + factor
        sum_ += worth
    changed = [d.book.terms for d in daily.days if d.date == dt.date(2024, 1, 29)][0]
    assert changed.filter(pl.col("loan_id") == RERATED)["emi"].item() == round(68_468 / sum_)


def test_a_contract_that_a_charge_off_ends_has_no_moratorium(daily: Life) -> None:
    for day in ("2024-02-01", LAST):
        assert daily.on(day, ENDED)["period_start"] == dt.date(2024, 2, 1)
    ended = next(d for d in daily.days if d.date == dt.date(2024, 2, 1)).book.terms
    assert ended.filter(pl.col("loan_id") == ENDED)["moratorium_left"].item() is None


def test_a_loan_that_owes_again_is_charged_off_on_that_day(daily: Life) -> None:
    """120,000 at 12 % bore 158 in four nights; the credit of 9,842 meets as much of what is charged back."""
    assert daily.on("2024-01-24", OWING)["status"] == Status.overpaid
    off = daily.on("2024-01-25", OWING)
    assert (off["status"], off["principal"], off["off_books"]) == (
        Status.charged_off,
        120_158,
        120_158,
    )


def test_a_charge_falls_due_with_its_instalment_where_that_moves(daily: Life) -> None:
    rows = daily.dues("2024-02-16").filter(pl.col("loan_id") == SPLIT)
    assert set(rows["due_date"]) == {dt.date(2024, 2, 15)}
    assert daily.on("2024-02-20", SPLIT)["oldest_due_date"] == dt.date(2024, 2, 15)


def test_money_in_advance_is_no_yield_to_come(daily: Life) -> None:
    """What is left of the fee is taken at a rate that the loan can have, not at one of 100 billion %."""
    assert daily.on("2024-02-07", PREPAID)["income_deferred"] > 0
    assert daily.on("2024-02-07", PREPAID)["eir_ppb"] < 10**9
