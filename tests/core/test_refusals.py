"""What may be ordered of a loan: every kind in every state, and each rule by itself."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from loanbook.core.catalogue.codes import InterestMode, Kind, Status
from loanbook.core.contract.figures import Amortisation
from loanbook.core.servicing.orders.allowed import ALLOWED, COLUMNS, STATES, broken_rule

DAY = dt.date(2024, 3, 15)
ORDER: dict[str, Any] = {
    "kind": Kind.rate_changed.value, "value_date": DAY, "amount": 100, "rate_ppb": 10**8,
    "due_date": DAY + dt.timedelta(days=30), "status": Status.active.value, "credit": 500,
    "disbursed_on": dt.date(2024, 1, 1), "last_money": dt.date(2024, 3, 1),
    "amortisation": Amortisation.equal_instalment.value, "materialised": False,
    "interest_mode": InterestMode.daily.value, "highest_ppb": 3 * 10**8,
    "starts": DAY + dt.timedelta(days=5), "rate_now": 10**8,
    "moratorium_left": None, "accelerated_on": None, "rows_agreed": False, "interest_fixed": False, "payout_fee": 0, "term_after": 24, "most_instalments": 600, "instalment_no": 3, "instalments_agreed": 12, "lent": 1_000,
    "limit": 1_100, "capitalised": 100, "bought_down": 100, "advance": False, "cash_advance_margin": 0, "checked": True, "alone_below": None,
}  # fmt: skip


def rule(**told: Any) -> str | None:
    found: str | None = broken_rule(pl.DataFrame([ORDER | told], schema=COLUMNS)).item()
    return found


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("state", [None, *Status])
def test_every_kind_in_every_state(kind: Kind, state: Status | None) -> None:
    unread = {"published": False} if kind == Kind.boarding_withdrawn else {}
    found = rule(kind=kind.value, status=None if state is None else state.value, **unread)
    if kind not in ALLOWED or state in ALLOWED[kind]:
        assert found is None
    else:
        assert found == STATES[state]


def test_what_happened_outside_is_always_taken_in() -> None:
    outside = {Kind.payment_received, Kind.merchant_refund, Kind.payout_refund, Kind.chargeback,
               Kind.reversal}  # fmt: skip
    assert not outside & ALLOWED.keys()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            {"kind": Kind.term_extended.value, "amortisation": Amortisation.flat.value},
            "flat_loans_do_not_change",
        ),
        ({"rate_ppb": 4 * 10**8}, "rate_above_the_products_bound"),
        ({"kind": Kind.due_date_moved.value, "due_date": DAY}, "due_date_not_after_value_date"),
        ({"kind": Kind.reaged.value, "due_date": DAY}, "due_date_not_after_value_date"),
        ({"kind": Kind.term_extended.value, "instalment_no": 13}, "no_instalment_to_come"),
        ({"kind": Kind.due_date_moved.value, "instalment_no": 13}, "no_instalment_to_come"),
        (
            {"kind": Kind.reaged.value, "interest_mode": InterestMode.scheduled.value},
            "interest_is_fixed_by_the_schedule",
        ),
        (
            {"kind": Kind.reamortised.value, "value_date": dt.date(2024, 1, 1)},
            "nothing_to_spread_anew_yet",
        ),
        (
            {"kind": Kind.charge_off.value, "value_date": dt.date(2024, 2, 1)},
            "charge_off_before_the_last_payment",
        ),
        ({"kind": Kind.credit_refunded.value, "amount": 501}, "more_than_the_credit"),
        (
            {"kind": Kind.interest_paused.value, "rate_now": 0},
            "no_interest_follows_the_balance",
        ),
        ({"kind": Kind.disbursed.value, "amount": 101}, "more_than_may_be_lent"),
        ({"kind": Kind.fee_capitalised.value, "amount": 101}, "more_than_may_be_lent"),
        (
            {"kind": Kind.fee_capitalised.value, "interest_mode": InterestMode.scheduled.value},
            "interest_is_fixed_by_the_schedule",
        ),
        ({"kind": Kind.capitalised_fee_adjusted.value, "amount": 101}, "more_than_was_capitalised"),
        ({"kind": Kind.buy_down_adjusted.value, "amount": 101}, "more_than_was_bought_down"),
        ({"moratorium_left": 1}, "a_moratorium_runs"),
        ({"checked": False}, "needs_a_second_person"),
        (
            {"kind": Kind.goodwill_credit.value, "amount": 10, "checked": False, "alone_below": 10},
            "needs_a_second_person",
        ),
        (
            {"kind": Kind.disbursed.value, "amount": 1, "revolving": True, "instalment_no": 13},
            "draw_period_is_over",
        ),
        (
            {"kind": Kind.disbursed.value, "amount": 1, "revolving": True, "advance": True},
            "the_product_has_no_advances",
        ),
        ({"accelerated_on": DAY}, "contract_is_terminated"),
        (
            {"kind": Kind.moratorium_granted.value, "instalment_no": 1},
            "no_instalment_was_billed_yet",
        ),
        (
            {"kind": Kind.moratorium_granted.value, "interest_mode": InterestMode.scheduled.value},
            "interest_is_fixed_by_the_schedule",
        ),
        (
            {"kind": Kind.moratorium_granted.value, "pause_beside": True},
            "another_pause_runs",
        ),
        ({"kind": Kind.interest_paused.value, "starts": DAY}, "pause_not_after_value_date"),
        (
            {"kind": Kind.interest_paused.value, "starts": dt.date(2024, 5, 1)},
            "pause_ends_before_it_begins",
        ),
    ],
)
def test_each_rule_by_itself(told: dict[str, Any], expected: str) -> None:
    assert rule(**told) == expected


def test_one_person_may_order_what_the_approvals_let_them() -> None:
    alone = {"kind": Kind.goodwill_credit.value, "checked": False, "alone_below": 10}
    assert rule(**alone, amount=9) is None
