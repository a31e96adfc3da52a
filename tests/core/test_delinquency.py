"""Two counters: days past due never pause, delinquent days do."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import Delinquency
from loanbook.core.servicing.arrears.days_past_due import pauses_of, with_delinquent_days
from tests.core.late_news import same_as_in_time
from tests.core.late_news import told as told_late
from tests.core.loans import Story, payment, terms

DUE = dt.date(2024, 2, 1)


def told(*pauses: tuple[Kind, str, str | None]) -> pl.DataFrame:
    rows = [
        {"loan_id": 1, "kind": kind.value, "payload": json.dumps({"start": start, "end": end})}
        for kind, start, end in pauses
    ]
    schema = {"loan_id": pl.Int64, "kind": pl.Int8, "payload": pl.String}
    return pauses_of(pl.DataFrame(rows, schema=schema))


def delinquent(on: str, pauses: pl.DataFrame, grace: int = 0) -> tuple[int, int]:
    day = dt.date.fromisoformat(on)
    late = pl.DataFrame(
        {"loan_id": [1], "oldest_due_date": [DUE], "days_past_due": [(day - DUE).days]},
        schema_overrides={"days_past_due": pl.Int32},
    )
    row = with_delinquent_days(late, pauses, day, pl.lit(grace)).row(0, named=True)
    return row["days_past_due"], row["delinquent_days"]


PAUSED = (Kind.delinquency_paused, "2024-02-11", "2024-03-02")


def test_without_a_pause_both_counters_agree_but_for_the_grace() -> None:
    assert delinquent("2024-03-02", told()) == (30, 30)
    assert delinquent("2024-03-02", told(), grace=3) == (30, 27)


def test_days_within_a_pause_do_not_count_as_delinquent() -> None:
    assert delinquent("2024-02-11", told(PAUSED)) == (10, 10)
    assert delinquent("2024-02-21", told(PAUSED)) == (20, 10)
    # from its last day on they count again
    assert delinquent("2024-03-12", told(PAUSED)) == (40, 20)


def test_a_resumption_ends_the_pause_that_it_is_in() -> None:
    resumed = (Kind.delinquency_resumed, "2024-02-16", None)
    assert delinquent("2024-03-12", told(PAUSED, resumed)) == (40, 35)


def test_a_pause_before_the_arrears_takes_nothing_off() -> None:
    early = (Kind.delinquency_paused, "2024-01-01", "2024-01-31")
    assert delinquent("2024-02-21", told(early, PAUSED)) == (20, 10)


def test_a_share_as_tolerance_is_of_all_that_the_instalment_asked(policies: PolicyBook) -> None:
    """90 % of a payment counts as a full one: of 207.04 with 12.23 interest, what was paid counts."""
    rule = Delinquency(name="standard", version=1, effective_from=dt.date(2000, 1, 1),
                       tolerance_ppb=10**8)  # fmt: skip
    ours = policies.with_rules("delinquency", rule)
    story = Story(ours)
    for loan, paid in ((1, 186_34), (2, 186_33), (3, 187_00), (4, 0)):
        story = story.lent(terms(ours, "instalment-act365", loan_id=loan, n=6))
        if paid:
            story = story.paid(paid, "2024-02-01", loan_id=loan)
    news = [(3, payment(186_34, "2024-02-02", loan_id=4))]
    days = same_as_in_time(told_late(story, *news), ours, dt.date(2024, 2, 8))
    last = days[-1][0].book.positions.sort("loan_id")
    # 20.70 unpaid is a tenth of 207.04, 20.71 more; of the principal alone, 194.81, both would be late
    assert last["days_past_due"].to_list() == [0, 7, 0, 0]
    assert last["principal_due"].to_list() == [20_70, 20_71, 20_04, 20_70]
    assert last["interest_due"].to_list() == [0, 0, 0, 0]
