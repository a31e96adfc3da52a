"""What happens to a loan after boarding: charges, money of other kinds, money taken back, endings."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.frames import empty
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import Waterfall
from loanbook.core.policy.product import Product
from loanbook.core.servicing.day.close import DayClose, close
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.dues import Dues
from tests.core.kept_laws import KeptLaws
from tests.core.loans import Story, _event, ruled, terms

ORDER = [f"{t}.{c}" for t in ("past_due", "due", "in_advance")
         for c in ("penalty", "fee", "interest", "principal", "tax")]  # fmt: skip


@pytest.fixture(scope="module")
def whole(policies: PolicyBook) -> PolicyBook:
    """The shipped policies and a product whose schedule stands whole, with a down payment."""
    since = dt.date(2000, 1, 1)
    fall = Waterfall(name="whole", version=1, effective_from=since, order=ORDER)
    product = Product.model_validate(
        {
            "name": "pay-later", "version": 1, "effective_from": since, "entity": "us-consumer",
            "currency": "USD",
            "schedule": {"amortisation": "equal_principal", "rate_basis": "period",
                         "materialised": True, "down_payment_ppb": 250_000_000},
            "interest": {"accrual": "scheduled", "rebate": "none"},
            "payments": {"waterfall": "whole", "by_kind": {
                "merchant_refund": {"waterfall": "whole", "excess": "spread"},
                "goodwill_credit": {"waterfall": "whole", "excess": "last_instalment"}}},
        }
    )  # fmt: skip
    more = (*policies.policies, ("products", product), ("waterfalls", fall))
    return PolicyBook(tuple(sorted(more, key=lambda e: (e[0], e[1].name)))).with_registry(
        policies.registry
    )


Happened = tuple[Kind, str, int | None, dict | None]  # type: ignore[type-arg]


def live(policies: PolicyBook, through: str, *happened: Happened) -> list[DayClose]:
    """A loan of 1,000.00 in four instalments of 15 days at no interest, every law checked."""
    return live_all(policies, through, [happened])


def live_all(
    policies: PolicyBook, through: str, histories: Sequence[Sequence[Happened]]
) -> list[DayClose]:
    """Such a loan for each history, all in one book: the first is loan 1."""
    rows = []
    for loan_id, happened in enumerate(histories, start=1):
        boarded = terms(policies, "pay-later", loan_id=loan_id, principal=100_000, rate="0", n=3,
                        start="2024-01-01", first_due="2024-01-16", every=15, unit=Unit.days)  # fmt: skip
        # boarding; the payout is one of the events that happened
        rows.append(Story(policies).lent(boarded).rows[0])
        rows += [_event(k, loan_id, on, amount, str(n), json.dumps(body) if body else None)
                 for n, (k, on, amount, body) in enumerate(happened)]  # fmt: skip
    events = Story(policies, tuple(rows)).events()
    book = Book.empty(policies.pins, events)
    book = Book(None, book.terms, book.positions, book.dues, book.pending, book.wide(), empty(Dues))
    laws, date, days = KeptLaws(), dt.date(2024, 1, 1), []
    while date <= dt.date.fromisoformat(through):
        done = close(book, events.filter(pl.col("value_date") == date), policies, date)
        laws.day(book, done)
        days.append(done)
        book, date = done.book, date + dt.timedelta(days=1)
    laws.held()
    return days


PAID_OUT = (Kind.disbursed, "2024-01-01", 100_000, None)
DOWN = (Kind.down_payment, "2024-01-01", 25_000, None)


def standing(days: list[DayClose]) -> dict[tuple[int, int], tuple[int, int]]:
    rows = days[-1].book.dues.select("instalment_no", "component", "amount", "paid").rows()
    return {(n, c): (a, p) for n, c, a, p in rows}


def test_a_down_payment_is_due_at_once_and_the_rest_is_spread(whole: PolicyBook) -> None:
    days = live(whole, "2024-01-01", PAID_OUT)
    assert standing(days) == {(-1, 0): (25_000, 0), (1, 0): (25_000, 0), (2, 0): (25_000, 0),
                              (3, 0): (25_000, 0)}  # fmt: skip
    assert days[-1].book.positions["principal_due"].to_list() == [25_000]


def test_a_refund_is_spread_over_the_instalments_to_come(whole: PolicyBook) -> None:
    refund = (Kind.merchant_refund, "2024-01-08", 17_500, None)
    days = live(whole, "2024-01-08", PAID_OUT, DOWN, refund)
    assert [p for (_, _), (_, p) in sorted(standing(days).items())] == [5_833, 5_833, 5_834]


def test_an_even_spread_goes_component_by_component(whole: PolicyBook) -> None:
    fee = {"component": Component.fee.value, "due_date": "2024-01-20"}
    days = live(whole, "2024-01-08", PAID_OUT, DOWN, (Kind.charge_assessed, "2024-01-05", 700, fee),
                (Kind.merchant_refund, "2024-01-08", 17_500, None))  # fmt: skip
    rows = standing(days)
    # the fee within its share first; a third of the rest on the principal of each instalment
    assert rows.pop((2, Component.fee.value)) == (700, 700)
    assert [p for _, (_, p) in sorted(rows.items())] == [5_600, 5_600, 5_600]


def test_goodwill_pays_the_last_instalment_first_at_the_lenders_expense(whole: PolicyBook) -> None:
    days = live(
        whole, "2024-01-08", PAID_OUT, DOWN, (Kind.goodwill_credit, "2024-01-08", 30_000, None)
    )
    assert [p for _, (_, p) in sorted(standing(days).items())] == [0, 5_000, 25_000]
    moved = days[-1].transfers.filter(pl.col("debit") == ROLE["goodwill_expense"])
    assert moved["amount"].sum() == 30_000


def test_a_charge_joins_the_instalment_within_whose_period_it_falls(whole: PolicyBook) -> None:
    fee = {"component": Component.fee.value, "due_date": "2024-01-20"}
    late = {"component": Component.penalty.value, "due_date": "2024-03-01"}
    days = live(whole, "2024-01-05", PAID_OUT, DOWN, (Kind.charge_assessed, "2024-01-05", 700, fee),
                (Kind.charge_assessed, "2024-01-05", 900, late))  # fmt: skip
    assert standing(days)[(2, Component.fee.value)] == (700, 0)
    # after the last instalment it is due by itself, on its own date
    penalty = days[-1].book.dues.filter(pl.col("component") == Component.penalty.value)
    assert penalty.select("due_date", "amount").rows() == [(dt.date(2024, 3, 1), 900)]


def test_a_chargeback_uses_the_credit_first_and_the_rest_falls_due_next(whole: PolicyBook) -> None:
    days = live(whole, "2024-01-20", PAID_OUT, DOWN,
                (Kind.payment_received, "2024-01-18", 80_000, None),
                (Kind.chargeback, "2024-01-20", 20_000, None))  # fmt: skip
    position = days[-1].book.positions.row(0, named=True)
    assert (position["credit"], position["principal"], position["status"]) == (
        0,
        15_000,
        Status.active,
    )
    assert standing(days)[(2, 0)] == (40_000, 25_000)


def test_a_closed_loan_that_is_charged_back_comes_back(whole: PolicyBook) -> None:
    days = live(whole, "2024-02-20", PAID_OUT, DOWN,
                (Kind.payment_received, "2024-01-16", 75_000, None),
                (Kind.chargeback, "2024-02-20", 25_000, None))  # fmt: skip
    assert days[15].book.positions["status"].to_list() == [Status.closed.value]
    assert days[20].book.positions.is_empty()
    assert days[-1].book.positions["principal"].to_list() == [25_000]
    assert standing(days)[(4, 0)] == (25_000, 0)


def test_a_loan_without_a_chargeback_keeps_its_credit_beside_one_that_has(
    whole: PolicyBook,
) -> None:
    days = live(
        whole, "2024-01-16", PAID_OUT, DOWN, (Kind.payment_received, "2024-01-16", 85_000, None)
    )
    assert days[-1].book.positions.select("credit", "status").row(0) == (
        10_000,
        Status.overpaid.value,
    )


def test_a_refund_of_credit_is_paid_out_and_closes_the_loan(whole: PolicyBook) -> None:
    days = live(whole, "2024-01-20", PAID_OUT, DOWN, (Kind.payment_received, "2024-01-16", 85_000, None),
                (Kind.credit_refunded, "2024-01-20", 10_000, None))  # fmt: skip
    assert days[-1].book.positions["status"].to_list() == [Status.closed.value]


def test_a_write_off_extinguishes_the_claim(whole: PolicyBook) -> None:
    days = live(whole, "2024-01-20", PAID_OUT, DOWN, (Kind.write_off, "2024-01-20", None, None))
    position = days[-1].book.positions.row(0, named=True)
    assert (position["status"], position["principal"]) == (Status.written_off, 0)
    assert days[-1].transfers["amount"].to_list() == [75_000]


TAKEN = (Kind.chargeback, Kind.credit_refunded)
HISTORIES = st.lists(
    st.tuples(
        st.sampled_from([Kind.payment_received, Kind.merchant_refund, Kind.goodwill_credit,
                         Kind.payout_refund, *TAKEN]),
        st.integers(2, 60), st.integers(1, 60_000)),
    max_size=6,
)  # fmt: skip


@settings(max_examples=2, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(st.lists(HISTORIES, min_size=24, max_size=24))
def test_every_law_holds_whatever_happens(
    whole: PolicyBook, histories: list[list[tuple[Kind, int, int]]]
) -> None:
    """Each history is a loan of one book; the first example is the plainest, 24 loans at rest."""
    first = dt.date(2024, 1, 1)
    happened = [
        [PAID_OUT, *((k, (first + dt.timedelta(days=d)).isoformat(), a, None) for k, d, a in each)]
        for each in histories
    ]
    days = live_all(whole, "2024-03-05", happened)
    stood = {row["loan_id"]: row for done in days for row in last_seen(done)}
    for loan_id, events in enumerate(histories, start=1):
        in_ = sum(a for k, _, a in events if k not in TAKEN)
        out = sum(a for k, _, a in events if k in TAKEN)
        last = stood[loan_id]
        assert last["principal"] - last["credit"] == 100_000 - in_ + out, events


def last_seen(done: DayClose) -> list[dict]:  # type: ignore[type-arg]
    """Positions of a day, and of loans that had ended before it."""
    closed = done.book.closed
    return [*(closed.to_dicts() if closed is not None else []), *done.book.positions.to_dicts()]


@pytest.mark.parametrize("over", ["to_come", "all"])
def test_a_tranche_is_spread_over_what_is_to_come_or_over_all(whole: PolicyBook, over: str) -> None:
    policies = ruled(whole, "pay-later", "schedule", tranches=over)
    days = live(policies, "2024-01-20", PAID_OUT, DOWN,
                (Kind.payment_received, "2024-01-16", 25_000, None),
                (Kind.disbursed, "2024-01-20", 40_000, None))  # fmt: skip
    grid = pl.concat([*(d.settled for d in days), days[-1].book.dues])
    asked = dict(
        grid.filter(pl.col("instalment_no") > 0).group_by("instalment_no").agg(pl.col("amount").sum())
        .rows()
    )  # fmt: skip
    # 300.00 after the down payment: on the two instalments left, or a hundred on each of the three
    expected = (
        {1: 25_000, 2: 40_000, 3: 40_000} if over == "to_come" else dict.fromkeys((1, 2, 3), 35_000)
    )
    assert asked == expected


@pytest.mark.parametrize("use", ["next_due", "payouts"])
def test_the_borrowers_credit_may_pay_for_a_further_payout(whole: PolicyBook, use: str) -> None:
    policies = ruled(whole, "pay-later", "payments", credit_use=use)
    days = live(policies, "2024-01-20", PAID_OUT, DOWN,
                (Kind.payment_received, "2024-01-18", 100_000, None),
                (Kind.disbursed, "2024-01-20", 40_000, None))  # fmt: skip
    last = days[-1].book.positions.row(0, named=True)
    # 250.00 of credit: 100.00 for the down payment that is due on the day, the rest kept or onward
    kept = 15_000 if use == "next_due" else 0
    assert (last["credit"], last["principal"]) == (kept, 15_000 + kept)
    booked = days[-1].transfers.filter(pl.col("debit") == ROLE["borrower_credit"])
    assert booked["amount"].sum() == 25_000 - kept


def test_a_loan_may_mature_on_a_date_of_its_own(policies: PolicyBook) -> None:
    loan = terms(policies, "instalment-act365", n=3).with_columns(matures_on=dt.date(2024, 3, 20))
    life = Story(policies).lent(loan).live("2024-03-20")
    last = life.on("2024-03-20")
    assert last["principal_due"] == 120_000
    # 79 nights of 1,200.00 at 12 %, each period rounded; late interest is on the same principal
    assert last["interest_due"] == pytest.approx(1200 * 0.12 * 79 / 365 * 100, abs=2)


def test_a_charge_after_the_last_instalment_joins_one_that_moves_behind_it(
    whole: PolicyBook,
) -> None:
    late = {"component": Component.penalty.value, "due_date": "2024-03-01"}
    moved = {"due_date": "2024-02-01", "keep": "instalment"}
    days = live(whole, "2024-01-10", PAID_OUT, DOWN,
                (Kind.charge_assessed, "2024-01-05", 900, late),
                (Kind.due_date_moved, "2024-01-10", None, moved))  # fmt: skip
    assert (3, Component.penalty.value) not in standing(days[:-1])
    dues = days[-1].book.dues.filter(pl.col("component") == Component.penalty.value)
    # the last instalment is due on 2 March now
    assert dues.select("instalment_no", "due_date", "amount").rows() == [
        (3, dt.date(2024, 3, 2), 900)
    ]
