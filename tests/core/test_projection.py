"""Projection: what is foreseen is what the close bills, to the minor unit."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.schedule.projection import project
from tests.core.loans import Story, terms

PRODUCTS = ["instalment-act365", "lendingclub-personal", "equal-principal", "flat-rate",
            "interest-only"]  # fmt: skip


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("early", [0, 7_000])
def test_instalments_come_as_projected(policies: PolicyBook, product: str, early: int) -> None:
    story = Story(policies).lent(terms(policies, product, n=5)).paid(20_000, "2024-02-01")
    if early:
        story = story.paid(early, "2024-02-10", ref="early")
    done = story.live("2024-02-20").days[-1]
    wide, dues = done.book.wide(), done.book.dues
    arrears = int((dues.filter(pl.col("due_date") <= done.date)
                   .select(pl.col("amount") - pl.col("paid"))).sum().item())  # fmt: skip
    foreseen = project(dated(wide, done.date), dues, policies.calendars)
    assert foreseen["instalment_no"].to_list() == [2, 3, 4, 5]
    if arrears:
        story = story.paid(arrears, "2024-02-20", ref="arrears")
    stood = dues.filter(pl.col("due_date") > done.date)["paid"].sum()
    for row in foreseen.to_dicts():
        due = row["due_date"].isoformat()
        asked = row["principal"] + row["interest"] - (stood if row["instalment_no"] == 2 else 0)
        if asked:
            story = story.paid(asked, due, ref=due)
    last = foreseen["due_date"][-1]
    end = story.live(last.isoformat()).days[-1].book.positions.row(0, named=True)
    assert end["principal"] == end["interest_due"] == end["credit"] == 0
    assert end["days_past_due"] == 0
    assert isinstance(last, dt.date)
