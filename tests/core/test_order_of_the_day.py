"""The order of the day is one table, and the page that shows it is made of it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from loanbook.core.frames import empty
from loanbook.core.ledger.events import Events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day import steps
from loanbook.core.servicing.day.next_dates import Awaiting
from loanbook.core.servicing.day.steps import STEPS
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.loan.dues import NO_DUES
from loanbook.pipelines.reporting.day_page import order_of_the_day
from tests.conftest import date

PAGE = Path(__file__).resolve().parents[2] / "docs" / "order-of-the-day.md"


def test_the_page_shows_the_table_that_the_engine_goes_through() -> None:
    assert PAGE.read_text() == order_of_the_day(), "run `make docs`"


def test_a_payout_is_before_the_use_of_credit_and_that_before_money() -> None:
    names = [step.name for step in STEPS]
    assert names.index("bill") < names.index("disburse") < names.index("use_credit")
    assert names.index("use_credit") < names.index("allocate") < names.index("late_fees")
    assert names[-2:] == ["days_past_due", "position"]
    assert [s.number for s in STEPS] == sorted(s.number for s in STEPS)
    assert len(set(names)) == len(names)


def test_every_step_that_acts_of_itself_gives_dates_of_loans(policies: PolicyBook) -> None:
    book = Book.empty(policies.pins, empty(Events))
    awaiting = Awaiting(dated(book.wide(), date("2024-01-01")), NO_DUES, policies)
    acting = [step for step in STEPS if step.next_dates is not None]
    assert len(acting) >= 9
    for step in acting:
        assert step.next_dates is not None
        found = step.next_dates(awaiting)
        assert found.schema == {"loan_id": pl.Int64, "next_date": pl.Date}, step.name
        assert step.next_dates.__doc__, step.name
    assert steps.next_action_dates(
        awaiting.live, awaiting.dues, pl.DataFrame(schema={"loan_id": pl.Int64, "day": pl.Date}),
        policies,
    ).is_empty()  # fmt: skip
