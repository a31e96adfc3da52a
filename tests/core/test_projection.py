"""Projection: what is foreseen is what the close bills, to the minor unit."""

from __future__ import annotations

import datetime as dt
from itertools import product

import polars as pl

from loanbook.core.catalogue.codes import ENDED
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.schedule.projection import project
from tests.core.loans import Story, product_of, terms, with_more

PRODUCTS = ["instalment-act365", "lendingclub-personal", "equal-principal", "flat-rate",
            "interest-only", "simple-interest", "daily-rate"]  # fmt: skip
MOVED = [f"{name}-moved" for name in PRODUCTS]
"""Copies whose due dates a calendar moves to the business day after; it moves no period."""
CASES = dict(enumerate(product([*PRODUCTS, *MOVED], (0, 7_000)), start=1))
"""What is paid early, by loan."""


def _with_moved(policies: PolicyBook) -> PolicyBook:
    copies = []
    for name in PRODUCTS:
        of = product_of(policies, name)
        rules = of.schedule.model_copy(
            update={"business_day": "following", "calendar": "us-federal"}
        )
        copies.append(of.model_copy(update={"name": f"{name}-moved", "schedule": rules}))
    return with_more(policies, *(("products", copy) for copy in copies))


def test_instalments_come_as_projected(policies: PolicyBook) -> None:
    """Who pays arrears today and each instalment as it was foreseen, on its day, owes nothing at the end: also
    where a calendar moves due dates (1 June is a Saturday), for the nights to a moved one bear interest and those
    after the last period none, and where each payment rounds what it pays of interest."""
    policies = _with_moved(policies)
    story = Story(policies)
    for loan, (name, early) in CASES.items():
        rate = "0.03" if name.startswith("daily-rate") else "12"  # a night
        story = story.lent(terms(policies, name, loan_id=loan, n=5, rate=rate))
        story = story.paid(20_000, "2024-02-01", loan_id=loan)
        if early:
            story = story.paid(early, "2024-02-10", loan_id=loan, ref="early")
    done = story.live("2024-02-20").days[-1]
    wide, all_dues = done.book.wide(), done.book.dues
    all_foreseen = project(dated(wide, done.date), all_dues, policies.calendars)
    by = dt.date(2024, 4, 1)  # the second to come: one more of each loan is stepped, and no further
    near = project(dated(wide, done.date), all_dues, policies.calendars, by)
    assert near.filter(pl.col("due_date") <= by).equals(
        all_foreseen.filter(pl.col("due_date") <= by)
    )
    assert near["instalment_no"].max() == 4
    for loan, case in CASES.items():
        dues = all_dues.filter(pl.col("loan_id") == loan)
        foreseen = all_foreseen.filter(pl.col("loan_id") == loan)
        arrears = int((dues.filter(pl.col("due_date") <= done.date)
                       .select(pl.col("amount") - pl.col("paid"))).sum().item())  # fmt: skip
        assert foreseen["instalment_no"].to_list() == [2, 3, 4, 5], case
        last = dt.date(2024, 6, 3 if case[0] in MOVED else 1)
        assert foreseen["due_date"][-1] == last, case
        if arrears:
            story = story.paid(arrears, "2024-02-20", loan_id=loan, ref="arrears")
        stood = dues.filter(pl.col("due_date") > done.date)["paid"].sum()
        for row in foreseen.to_dicts():
            due = row["due_date"].isoformat()
            asked = row["principal"] + row["interest"] - (stood if row["instalment_no"] == 2 else 0)
            if asked:
                story = story.paid(asked, due, loan_id=loan, ref=due)
    life = story.live("2024-06-03")
    for loan, case in CASES.items():
        end = life.on("2024-06-03" if case[0] in MOVED else "2024-06-01", loan)
        assert end["status"] in ENDED, case
        assert end["principal"] == end["interest_due"] == end["credit"] == 0, case
        assert end["days_past_due"] == 0, case
