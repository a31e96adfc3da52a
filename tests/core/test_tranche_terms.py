"""Instalments whose level changes: tranches with a term of their own, changes agreed ahead, interest that
was split, and what is owed after the last one: loans of one book."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest
from pydantic import ValidationError

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.catalogue.components import Component
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.schedule.projection import project
from tests.core.loans import Life, Story, _event, product_of, ruled, terms

DAILY = "instalment-act365"
WHOLE_MONTHS = {"rate_basis": "30/360", "rate_factor": "decimal_18", "smooth_last_instalment": True}
PENALTY = {"component": Component.penalty.value, "due_date": "2024-08-15"}
HAPPENED = (
    # 1: paid early, then as much lent again within the second period
    (Kind.payment_received, 1, "2024-01-15", 1_713, None),
    (Kind.disbursed, 1, "2024-02-15", 10_000, None),
    # 2: lent again on each of two due dates, with a charge after the last instalment
    (Kind.charge_assessed, 2, "2024-01-15", 500, PENALTY),
    (Kind.payment_received, 2, "2024-02-01", 1_713, None),
    (Kind.disbursed, 2, "2024-02-01", 10_000, None),
    (Kind.payment_received, 2, "2024-03-01", 3_426, None),
    (Kind.disbursed, 2, "2024-03-01", 10_000, None),
    # 3: another rate, agreed in the month before its day
    (Kind.payment_received, 3, "2024-02-01", 1_713, None),
    (Kind.rate_changed, 3, "2024-02-02",
     None, {"rate_ppb": 100_000_000, "keep": "term", "from_date": "2024-02-29"}),
    # 4: paid on its days; after the last one a payment is charged back, and paid again
    *((Kind.payment_received, 4, f"2024-0{month}-01", 1_713, None) for month in range(2, 8)),
    (Kind.chargeback, 4, "2024-07-15", 1_713, {"interest": 79, "fee": 0, "penalty": 0}),
    (Kind.payment_received, 4, "2024-08-15", 1_713 + 86, None),
    # 5: two instalments more, and a charge that came after the last one before
    (Kind.charge_assessed, 5, "2024-01-15", 500, PENALTY),
    (Kind.term_extended, 5, "2024-01-20", None, {"instalments": 2}),
    # 6 to 8, at 7 %: the interest of March's arrears is split among the instalments left
    *((Kind.payment_received, loan, "2024-02-01", 1_701, None) for loan in (6, 7, 8)),
    (Kind.term_extended, 6, "2024-02-02", None, {"instalments": 2}),
    *((Kind.reamortised, loan, "2024-03-15", None, {"keep": "term", "interest": "split"})
      for loan in (6, 7, 8)),
    # 6: two more, agreed in April for the instalments from July on
    (Kind.term_extended, 6, "2024-04-02", None, {"instalments": 2, "from_date": "2024-06-30"}),
    (Kind.contract_accelerated, 7, "2024-04-01", None, None),
    (Kind.charge_off, 8, "2024-04-15", None, None),
)  # fmt: skip


@pytest.fixture(scope="module")
def made(policies: PolicyBook) -> PolicyBook:
    found = ruled(policies, DAILY, "schedule", tranches="own_term", **WHOLE_MONTHS)
    found = ruled(found, DAILY, "interest", post_maturity="none", covered_instalment="fixed",
                  after_charge_off="zero_interest")  # fmt: skip
    order = ["interest", "fee", "principal", "penalty"]
    return ruled(found, DAILY, "payments", chargeback=order)


@pytest.fixture(scope="module")
def life(made: PolicyBook) -> Life:
    story = Story(made)
    for number in range(1, 9):
        rate = "9.4822" if number < 6 else "7"
        story = story.lent(terms(made, DAILY, loan_id=number, principal=10_000, rate=rate, n=6))
    rows = [_event(kind, loan, on, amount, f"{n:02}", json.dumps(body) if body else None)
            for n, (kind, loan, on, amount, body) in enumerate(HAPPENED)]  # fmt: skip
    return Story(made, (*story.rows, *rows)).live("2024-08-15")


def to_come(life: Life, made: PolicyBook, loan_id: int, on: str) -> dict[int, int]:
    """What the instalments to come will ask, by number."""
    day = dt.date.fromisoformat(on)
    book = next(d for d in life.days if d.date == day).book
    wide = dated(book.wide().filter(pl.col("loan_id") == loan_id), day)
    rows = project(wide, book.dues, made.calendars)
    return dict(rows.select("instalment_no", pl.col("principal") + pl.col("interest")).rows())


def test_a_tranche_is_a_schedule_of_its_own(life: Life, made: PolicyBook) -> None:
    """As case C4483: of 29 nights the tranche bears 15, so six instalments of 17.07 pay 100.00 off, where
    a whole month asks 17.13. The loan's own last one is 17.06, for money came early: 17.06 + 17.07."""
    asked = to_come(life, made, 1, "2024-02-15")
    assert asked == {2: 3_420, 3: 3_420, 4: 3_420, 5: 3_420, 6: 3_413, 7: 1_705}


def test_each_further_tranche_adds_its_own(life: Life, made: PolicyBook) -> None:
    """Three times 17.13, until the first is over after instalment 6 and the second after 7. The charge of
    15 August, once after the last instalment, falls due with that of 1 September."""
    asked = to_come(life, made, 2, "2024-03-01")
    assert asked == {3: 5_139, 4: 5_139, 5: 5_139, 6: 5_139, 7: 3_426, 8: 1_713}
    assert penalty(life, 2) == (8, dt.date(2024, 9, 1))


def penalty(life: Life, loan_id: int) -> tuple[int, dt.date]:
    """Instalment and due date of the loan's penalty to come."""
    own = (pl.col("loan_id") == loan_id) & (pl.col("component") == Component.penalty)
    dues = life.dues("2024-03-01").filter(own, pl.col("due_date") > dt.date(2024, 3, 1))
    return dues.select("instalment_no", "due_date").row(0)


def test_a_charge_after_the_last_instalment_follows_a_longer_term(life: Life) -> None:
    """Of six instalments the last was due on 1 July, of eight it is on 1 September."""
    assert penalty(life, 5) == (8, dt.date(2024, 9, 1))


def test_a_rate_agreed_ahead_is_borne_from_its_day(life: Life, made: PolicyBook) -> None:
    """83.66 bears 28 nights of February at 9.4822 % and one at 10 %: 83.66 x (9.4822 % x 28/29 +
    10 % / 29) / 12 = 0.6623. Of five instalments of 17.15 the last would be 17.12: they are 17.14."""
    asked = to_come(life, made, 3, "2024-02-02")
    assert asked == {2: 1_714, 3: 1_714, 4: 1_714, 5: 1_714, 6: 1_716}
    billed = life.dues("2024-03-01").filter((pl.col("loan_id") == 3) & (pl.col("component") == 1))
    assert billed["amount"].to_list() == [66]


def test_instalments_before_a_change_agreed_ahead_stay(life: Life, made: PolicyBook) -> None:
    """As case C4506: 83.57 over six is 14.21, and 0.49 / 6 = 0.08 of the split interest beside it. From 1
    July on 42.17 and three shares of it, 0.24, are paid off by five: 8.63, shares within."""
    asked = to_come(life, made, 6, "2024-04-02")
    assert asked == {4: 1_429, 5: 1_429, 6: 863, 7: 863, 8: 863, 9: 863, 10: 864}


def test_shares_of_split_interest_end_with_their_instalments(life: Life, made: PolicyBook) -> None:
    """0.49 / 4 = 0.12 each. A termination on 1 April leaves April's, beside 0.49 of March; a charge-off
    that stops interest on 15 April that of May, beside 14 of 30 nights of 62.86, 0.17 and 0.06 that
    arrears bore: 0.35. The instalments go on asking 21.32."""
    ended = life.on("2024-04-01", 7)
    assert (ended["principal_due"], ended["interest_due"]) == (8_357, 49 + 12)
    off = life.on("2024-04-15", 8)
    assert off["interest_due"] + off["interest_accrued"] == 61 + 35
    assert to_come(life, made, 8, "2024-04-15") == {4: 2_132, 5: 2_132, 6: 2_057}


def test_interest_asked_again_after_maturity_is_due_at_once(life: Life) -> None:
    """Of 17.13 charged back 0.79 is interest; no later instalment bills it, or the principal, twice.
    17.13 and the late fee of 0.86 close the loan."""
    after = life.on("2024-07-15", 4)
    assert (after["principal_due"], after["interest_due"], after["interest_accrued"]) == (
        1_634,
        79,
        0,
    )
    billed = life.on("2024-08-01", 4)
    assert (billed["principal_due"], billed["interest_due"]) == (1_634, 79)
    assert life.on("2024-08-15", 4)["status"] == Status.closed


def test_own_terms_need_interest_that_follows_the_balance(policies: PolicyBook) -> None:
    flat = product_of(policies, "flat-rate").model_dump(exclude_unset=True)
    with pytest.raises(ValidationError, match="own_term needs equal instalments"):
        Product.model_validate(flat | {"schedule": flat["schedule"] | {"tranches": "own_term"}})


def test_a_tranche_of_a_flat_loan_bears_its_nights_of_the_period_where_each_bears_its_own(
    policies: PolicyBook,
) -> None:
    """Case C3832 (Apache Fineract, Apache-2.0), dates half a year earlier: 1,000.00 at 1 % a month, 250.00 more
    on the 15th of the second: 10.00 + 2.50 x 15 / 29 nights, and 12.50, at a level instalment of what is left."""
    ours = ruled(policies, "flat-rate", "schedule", materialised=True, flat_interest="by_days")
    ours = ruled(ours, "flat-rate", "payouts", over_minor=25_000)
    loan = terms(ours, "flat-rate", principal=100_000, n=3)
    more = _event(Kind.disbursed, 1, "2024-02-15", 25_000, "t", None)
    story = Story(ours, (*Story(ours).lent(loan).rows, more))
    dues = story.live("2024-02-15").dues("2024-02-15").filter(pl.col("component") <= 1)
    interest = dues.filter(pl.col("component") == 1).sort("due_date")["amount"].to_list()
    assert interest == [1_000, 1_129, 1_250]
    asked = dues.group_by("due_date").agg(pl.col("amount").sum()).sort("due_date")["amount"]
    # (916.67 + 11.29 + 12.50) / 2
    assert asked.to_list()[1:] == [pytest.approx(47_023, abs=1)] * 2
