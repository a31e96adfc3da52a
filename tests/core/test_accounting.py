"""Accounting: cash, non-accrual by memorandum or suspense, and the borrower's flags."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from loanbook.core.catalogue.accounts import MEMORANDUM, ROLE
from loanbook.core.catalogue.codes import Kind
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product_rules import NonAccrualRules
from tests.core.late_news import same_as_in_time, told
from tests.core.lives import moved
from tests.core.loans import Life, Story, _event, product_of, terms, with_more
from tests.core.test_late_news import FIRST

KEPT = {
    "cash": {"accounting": "cash"},
    "memo": {"non_accrual": NonAccrualRules(mode="reverse_to_memo", days_past_due=10)},
    "suspense": {"non_accrual": NonAccrualRules(mode="suspense", days_past_due=10)},
    "slow": {
        "non_accrual": NonAccrualRules(mode="suspense", days_past_due=10, returns_after_days=20)
    },
}


@pytest.fixture(scope="module")
def books(policies: PolicyBook) -> PolicyBook:
    """The shipped policies and a copy of instalment-act365 for each way of booking."""
    made = product_of(policies, "instalment-act365")
    rules = made.interest.model_copy(update={"after_charge_off": "regular"})
    more = [
        ("products", made.model_copy(update={"name": name, "interest": rules, **changes}))
        for name, changes in KEPT.items()
    ]
    return with_more(policies, *more)


def live(books: PolicyBook, product: str, until: str, *rows: dict) -> Life:  # type: ignore[type-arg]
    story = Story(books).lent(terms(books, product, n=3))
    return Story(books, (*story.rows, *rows)).live(until)


def money(on: str, amount: int) -> dict:  # type: ignore[type-arg]
    return _event(Kind.payment_received, 1, on, amount, on, None)


def income(life: Life) -> int:
    """Interest income so far, credit above zero."""
    role = ROLE["interest_income"]
    return -int(life.balances.filter(pl.col("account") == role)["balance"].sum())


def held(life: Life, role: str) -> int:
    return int(life.balances.filter(pl.col("account") == ROLE[role])["balance"].sum())


def test_under_cash_accounting_interest_is_income_when_it_comes(books: PolicyBook) -> None:
    before = live(books, "cash", "2024-01-31")
    assert income(before) == 0
    assert held(before, "memo_interest") == before.on("2024-01-31")["interest_accrued"] > 1_000
    after = live(books, "cash", "2024-02-02", money("2024-02-01", 40_803))
    paid = after.allocations().filter(pl.col("component") == 1)["amount"].sum()
    assert income(after) == paid == 1_223  # 31 nights of 1,200.00 at 12 %
    assert held(after, "interest_due") == 0


@pytest.mark.parametrize("product", ["memo", "suspense"])
def test_interest_stops_being_income_after_so_many_days(books: PolicyBook, product: str) -> None:
    eve, late = (live(books, product, on) for on in ("2024-02-10", "2024-02-11"))
    assert not eve.on("2024-02-10")["non_accrual"]
    assert late.on("2024-02-11")["non_accrual"]
    assert income(eve) > 1_500
    assert income(late) == 0
    claim = late.on("2024-02-11")["interest_accrued"] + late.on("2024-02-11")["interest_due"]
    assert late.on("2024-02-11")["off_books"] == claim
    if product == "memo":
        assert (held(late, "memo_interest"), held(late, "interest_due")) == (claim, 0)
    else:
        assert (held(late, "interest_suspense"), held(late, "interest_due")) == (-claim, 1_223)


@pytest.mark.parametrize("product", ["memo", "suspense", "slow"])
def test_a_loan_without_arrears_comes_back_to_accrual(books: PolicyBook, product: str) -> None:
    paid = money("2024-02-15", 45_000)
    life = live(books, product, "2024-02-29", paid)
    assert not life.on("2024-02-29")["non_accrual"] or product == "slow"
    if product == "slow":
        assert live(books, product, "2024-02-29", paid).on("2024-02-29")["non_accrual"]
        # a due that is late again begins the count anew
        assert live(books, product, "2024-03-10", paid).on("2024-03-10")["non_accrual"]
    else:
        earned = life.on("2024-02-29")["interest_earned"]
        assert income(life) == earned


def test_a_bankruptcy_is_a_flag_that_ends_accrual_at_once(books: PolicyBook) -> None:
    body = json.dumps({"flag": "bankruptcy"})
    rows = [_event(Kind.flag_set, 1, "2024-01-10", None, "f", body),
            _event(Kind.flag_cleared, 1, "2024-01-20", None, "c", body)]  # fmt: skip
    life = live(books, "memo", "2024-01-21", *rows)
    assert life.on("2024-01-10")["non_accrual"]
    assert not life.on("2024-01-20")["non_accrual"]
    assert income(life) == life.on("2024-01-21")["interest_earned"]
    known = pl.concat(d.changed for d in life.days)["flags"].to_list()
    assert known == [1, 0]


def test_a_charge_off_in_suspense_uses_the_suspense_first(books: PolicyBook) -> None:
    off = _event(Kind.charge_off, 1, "2024-02-20", None, "o", None)
    life = live(books, "suspense", "2024-02-21", off)
    assert moved(life.days, "interest_charged_off", "interest_due") == 0
    assert moved(life.days, "interest_suspense", "interest_due") == 1_223
    assert held(life, "interest_suspense") == 0
    assert held(life, "memo_claim") > 120_000
    memo = life.balances.filter(pl.col("account").is_in(MEMORANDUM))["balance"].sum()
    assert memo == 0


KINDS = [Kind.payment_received] * 4 + [
    Kind.goodwill_credit, Kind.chargeback, Kind.interest_waived, Kind.charge_off,
    Kind.fee_capitalised, Kind.capitalised_fee_adjusted, Kind.rate_bought_down, Kind.flag_set,
]  # fmt: skip
HISTORIES = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(1, 70), st.integers(0, 30),
              st.integers(1, 60_000), st.one_of(st.none(), st.integers(0, 30))),
    max_size=5,
)  # fmt: skip


@settings(max_examples=2, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(st.lists(HISTORIES, min_size=8, max_size=8))
def test_late_news_is_booked_by_the_loans_accounting(
    books: PolicyBook, histories: list[list[tuple[Kind, int, int, int, int | None]]]
) -> None:
    """Two loans of each way of booking, all of one ledger."""
    story, late = Story(books), []
    for loan, history in enumerate(histories, start=1):
        product = sorted(KEPT)[loan % len(KEPT)]
        story = story.lent(terms(books, product, loan_id=loan, n=3))
        for n, (kind, on, lag, amount, undone) in enumerate(history):
            day = (FIRST + dt.timedelta(days=on)).isoformat()
            flagged = kind is Kind.flag_set
            asked = None if flagged or kind is Kind.charge_off else amount
            body = json.dumps({"flag": "fraud"}) if flagged else None
            row = _event(kind, loan, day, asked, f"{n}", body)
            late.append((lag, row))
            if undone is not None:
                when = (FIRST + dt.timedelta(days=on + lag + undone)).isoformat()
                back = json.dumps({"reverses": row["idempotency_key"]})
                late.append((0, _event(Kind.reversal, loan, when, None, f"r{n}", back)))
    same_as_in_time(told(story, *late), books, FIRST + dt.timedelta(days=100))
