"""Principal that fell due and is unpaid: it bears the contract's interest, or none."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError

from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from tests.core.late_news import same_as_in_time, told
from tests.core.loans import Story, product_of, ruled, terms

PRODUCT = "instalment-act365"


def test_overdue_principal_bears_none_where_the_product_says_so(policies: PolicyBook) -> None:
    free = ruled(policies, PRODUCT, "interest", overdue_principal="bears_none")
    days = {}
    for name, policy in (("free", free), ("bears", policies)):
        story = Story(policy).lent(terms(policy, PRODUCT))
        days[name] = story.live("2024-02-11").on("2024-02-11")
    due = days["free"]["principal_due"]
    assert due > 0
    assert days["bears"]["interest_accrued"] == round(120_000 * 0.12 * 10 / 365)
    assert days["free"]["interest_accrued"] == round((120_000 - due) * 0.12 * 10 / 365)


def test_late_news_of_such_a_loan_is_as_in_time(policies: PolicyBook) -> None:
    free = ruled(policies, PRODUCT, "interest", overdue_principal="bears_none")
    story = Story(free).lent(terms(free, PRODUCT, n=3))
    paid = story.paid(5_000, "2024-02-08", ref="a").paid(41_000, "2024-03-05", ref="b")
    late = (told(Story(free, paid.rows[:-1]), (40, paid.rows[-1])),)
    same_as_in_time(*late, free, dt.date(2024, 5, 2))


def test_scheduled_interest_can_not_leave_overdue_principal_out(policies: PolicyBook) -> None:
    made = product_of(policies, "flat-rate")
    told_ = made.model_dump()
    told_["interest"]["overdue_principal"] = "bears_none"
    with pytest.raises(ValidationError, match="needs interest.accrual: daily"):
        Product.model_validate(told_)
