"""What-if: the same loans and events under other policies, by the one engine."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import LateFee
from loanbook.core.policy.product import Product
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.replay.what_if import what_if
from tests.core.loans import Story, terms

THROUGH = dt.date(2024, 3, 10)


def story(policies: PolicyBook) -> Story:
    """Two loans: one pays nothing, the other pays ahead."""
    return (
        Story(policies)
        .lent(terms(policies, "instalment-act365", loan_id=1))
        .lent(terms(policies, "instalment-act365", loan_id=2))
        .paid(10_662, "2024-02-01", loan_id=2)
        .paid(40_000, "2024-02-10", loan_id=2)
    )


def policy(policies: PolicyBook, folder: str, name: str) -> Product | LateFee:
    found = next(p for f, p in policies.policies if f == folder and p.name == name)
    assert isinstance(found, Product | LateFee)
    return found


def test_the_same_policies_make_no_difference(policies: PolicyBook) -> None:
    events = story(policies).events()
    found = what_if(Book.empty(policies.pins, events), events, policies, policies, THROUGH)
    assert found.differing().is_empty()
    lived = story(policies).live(THROUGH.isoformat()).days[-1].book.positions
    assert found.as_is.equals(lived)


def test_a_dearer_late_fee_reaches_the_late_loan_alone(policies: PolicyBook) -> None:
    fee = policy(policies, "late_fees", "standard")
    dearer = fee.model_copy(update={"flat_minor": 9_900, "percent_ppb": 0,
                                    "minimum_minor": 0, "maximum_minor": 9_900})  # fmt: skip
    other = policies.with_rules("late_fees", dearer)
    events = story(policies).events()
    found = what_if(Book.empty(policies.pins, events), events, policies, other, THROUGH)
    assert found.differing()["loan_id"].to_list() == [1]
    charged = story(other).live(THROUGH.isoformat()).on(THROUGH.isoformat())["penalties_due"]
    row = found.loans.row(0, named=True)
    assert row["penalties"] + row["penalties_more"] == charged
    total = found.totals().filter(pl.col("measure") == "penalties")
    assert total["difference"].item() == row["penalties_more"] != 0


def test_another_use_of_money_ahead_counts_from_the_book_it_begins_with(
    policies: PolicyBook,
) -> None:
    product = policy(policies, "products", "instalment-act365")
    assert isinstance(product, Product)
    ahead = product.payments.model_copy(update={"excess": "last_instalment"})
    other = policies.with_rules("products", product.model_copy(update={"payments": ahead}))
    events = story(policies).events()
    eve = story(policies).live("2024-02-05").days[-1].book
    found = what_if(eve, events, policies, other, THROUGH)
    assert found.differing()["loan_id"].to_list() == [2]
    assert found.loans["interest_earned"].to_list() == [
        story(policies).live(THROUGH.isoformat()).on(THROUGH.isoformat(), n)["interest_earned"]
        for n in (1, 2)
    ]


def test_a_file_of_no_policy_is_named_with_the_remedy(policies: PolicyBook) -> None:
    fee = policy(policies, "late_fees", "standard").model_copy(update={"name": "nobody"})
    with pytest.raises(PolicyError, match="late_fees: no policy is named 'nobody'"):
        policies.with_rules("late_fees", fee)
