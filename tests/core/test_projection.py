"""Projection: what is foreseen is what the close bills, to the minor unit."""

from __future__ import annotations

import datetime as dt
from itertools import product

import polars as pl

from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.schedule.projection import project
from tests.core.loans import Story, terms

PRODUCTS = ["instalment-act365", "lendingclub-personal", "equal-principal", "flat-rate",
            "interest-only"]  # fmt: skip


CASES = dict(enumerate(product(PRODUCTS, (0, 7_000)), start=1))
"""What is paid early, by loan."""


def test_instalments_come_as_projected(policies: PolicyBook) -> None:
    story = Story(policies)
    for loan, (name, early) in CASES.items():
        story = story.lent(terms(policies, name, loan_id=loan, n=5))
        story = story.paid(20_000, "2024-02-01", loan_id=loan)
        if early:
            story = story.paid(early, "2024-02-10", loan_id=loan, ref="early")
    done = story.live("2024-02-20").days[-1]
    wide, all_dues = done.book.wide(), done.book.dues
    all_foreseen = project(dated(wide, done.date), all_dues, policies.calendars)
    for loan, case in CASES.items():
        dues = all_dues.filter(pl.col("loan_id") == loan)
        foreseen = all_foreseen.filter(pl.col("loan_id") == loan)
        arrears = int((dues.filter(pl.col("due_date") <= done.date)
                       .select(pl.col("amount") - pl.col("paid"))).sum().item())  # fmt: skip
        assert foreseen["instalment_no"].to_list() == [2, 3, 4, 5], case
        assert foreseen["due_date"][-1] == dt.date(2024, 6, 1), case
        if arrears:
            story = story.paid(arrears, "2024-02-20", loan_id=loan, ref="arrears")
        stood = dues.filter(pl.col("due_date") > done.date)["paid"].sum()
        for row in foreseen.to_dicts():
            due = row["due_date"].isoformat()
            asked = row["principal"] + row["interest"] - (stood if row["instalment_no"] == 2 else 0)
            if asked:
                story = story.paid(asked, due, loan_id=loan, ref=due)
    life = story.live("2024-06-01")
    for loan, case in CASES.items():
        end = life.on("2024-06-01", loan)
        assert end["principal"] == end["interest_due"] == end["credit"] == 0, case
        assert end["days_past_due"] == 0, case
