"""A charge-off that stops interest, or ends the contract, of a schedule that stands whole.

Figures of Apache Fineract's end-to-end cases (Apache-2.0) where a case is named.
"""

from __future__ import annotations

import datetime as dt
import json

import polars as pl

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.catalogue.components import Component
from loanbook.core.policy.book import PolicyBook
from tests.core.late_news import same_as_in_time, told
from tests.core.loans import Life, Story, _event, payment, product_of, ruled, terms, with_more

PRODUCT = "instalment-act365"


def whole(policies: PolicyBook, after: str, **payments: object) -> PolicyBook:
    """Schedules of thirty days a month that stand whole, with what follows a charge-off."""
    made = ruled(policies, PRODUCT, "schedule", materialised=True, rate_basis="30/360",
                 rate_factor="decimal_18", smooth_last_instalment=True)  # fmt: skip
    made = ruled(made, PRODUCT, "interest", accrual="scheduled", after_charge_off=after)
    return ruled(made, PRODUCT, "payments", **payments) if payments else made


def story(policies: PolicyBook) -> Story:
    loan = terms(policies, PRODUCT, principal=10_000, rate="7", n=6)
    return Story(policies).lent(loan).paid(1_701, "2024-02-01")


def amounts(life: Life, on: str, component: Component) -> list[int]:
    rows = life.dues(on).filter(pl.col("component") == component.value)
    return [int(x) for x in rows.sort("instalment_no")["amount"]]


def test_later_instalments_bear_none_and_ask_what_they_asked(policies: PolicyBook) -> None:
    """Case C3364: 0.47 of the running instalment's 0.49 is earned; the last one asks 16.00."""
    ours = whole(policies, "zero_interest")
    life = story(ours).charged_off("2024-02-29").live("2024-03-02")
    assert amounts(life, "2024-02-29", Component.interest) == [47]
    assert amounts(life, "2024-02-29", Component.principal) == [1_654, 1_701, 1_701, 1_701, 1_600]
    off = life.on("2024-02-29")
    assert (off["status"], off["off_books"]) == (Status.charged_off, 8_404)
    assert life.on("2024-03-02")["interest_earned"] == off["interest_earned"]
    assert life.on("2024-03-02")["principal_due"] == 1_654


def test_the_whole_claim_falls_due_where_the_contract_ends(policies: PolicyBook) -> None:
    """Case C3467: on a due date the rest joins the instalment billed on it, 83.57 and 0.49."""
    ours = whole(policies, "accelerate_maturity")
    life = story(ours).charged_off("2024-03-01").live("2024-04-02")
    assert amounts(life, "2024-03-01", Component.principal) == [8_357]
    assert amounts(life, "2024-03-01", Component.interest) == [49]
    assert life.on("2024-03-01")["off_books"] == life.on("2024-04-02")["off_books"] == 8_406


def test_money_ahead_and_late_news_change_no_law(policies: PolicyBook) -> None:
    """A loan for each end of interest and each use of money ahead, all of one book."""
    cases = [(after, excess) for after in ("zero_interest", "accelerate_maturity")
             for excess in ("next_instalment", "last_instalment")]  # fmt: skip
    products = [
        product_of(whole(policies, after, excess=excess), PRODUCT).model_copy(
            update={"name": f"{after}-{excess}"}
        )
        for after, excess in cases
    ]
    ours = with_more(policies, *(("products", each) for each in products))
    ahead, late = Story(ours), []
    for n, made in enumerate(products, start=1):
        ahead = (
            ahead.lent(terms(ours, made.name, loan_id=n, principal=10_000, rate="7", n=6))
            .paid(1_701, "2024-02-01", loan_id=n).paid(3_000, "2024-02-10", loan_id=n, ref="ahead")
            .charged_off("2024-02-20", loan_id=n)
        )  # fmt: skip
        late.append((9, payment(500, "2024-02-12", loan_id=n)))
    paid = ahead
    for n in range(1, 5):
        paid = paid.paid(9_000, "2024-03-20", loan_id=n, ref="all")
    life = paid.live("2024-03-21")
    for n, case in enumerate(cases, start=1):
        assert life.on("2024-02-20", n)["interest_accrued"] >= 0, case
        assert life.on("2024-03-20", n)["status"] == Status.overpaid, case
    same_as_in_time(told(ahead, *late), ours, dt.date(2024, 4, 2))


def test_interest_paid_ahead_takes_nothing_off_what_is_given_up(policies: PolicyBook) -> None:
    """Flat, 400.00 at 1 % a month, four instalments of 104.00, no rebate: 415.90 ahead leaves 0.10 of
    principal. That is given up, and recovered; the 16.00 of interest are earned, though 0.65 was."""
    ours = ruled(policies, "flat-rate", "interest", rebate="none")
    story = Story(ours)
    for loan_id in (1, 2):
        story = story.lent(terms(ours, "flat-rate", loan_id=loan_id, principal=40_000, n=4))
        story = story.paid(41_590, "2024-01-06", loan_id=loan_id)
        story = story.paid(50, "2024-01-10", loan_id=loan_id, ref="more")
    orders = [
        _event(kind, loan_id, "2024-01-06", None, "w", json.dumps({"reason": "test"}))
        for loan_id, kind in ((1, Kind.write_off), (2, Kind.settlement_reached))
    ]
    life = Story(ours, (*story.rows, *orders)).live("2024-01-11")
    given_up, after = life.on("2024-01-06"), life.on("2024-01-10")
    assert (given_up["recoverable"], given_up["interest_earned"]) == (10, 1_600)
    assert (after["recoverable"], after["credit"]) == (0, 50 - 10)
    assert life.on("2024-01-06", 2)["interest_earned"] == 1_600
