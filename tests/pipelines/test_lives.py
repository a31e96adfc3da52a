"""Lives of loans for the files of an intake: going on is the same as living them anew."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.laws.trial import fast_forwarded
from loanbook.core.servicing.replay.fast_forward import History
from loanbook.pipelines.ingest.lives import Lives
from tests.core.loans import Story, payment, terms, undone


def test_loans_go_on_from_file_to_file_as_if_lived_anew(policies: PolicyBook) -> None:
    """Of two loans one is taken back a payment on the 20th that came on the 5th, and pays late: it alone is lived
    anew then. A third is boarded in between."""
    story = Story(policies)
    for loan_id in (1, 2):
        story = story.lent(terms(policies, "instalment-act365", loan_id=loan_id))
        story = story.paid(10_662, "2024-02-01", loan_id=loan_id, ref=f"p{loan_id}")
        story = story.paid(5_000, "2024-02-05", loan_id=loan_id, ref=f"q{loan_id}")
    third = terms(
        policies, "instalment-act365", loan_id=3, start="2024-02-10", first_due="2024-03-10"
    )
    back = undone("payment_received/1/2024-02-05/q1", "2024-02-20")
    late = payment(3_000, "2024-02-12") | {"booking_date": dt.date(2024, 2, 25)}
    told = story.lent(third)
    told = Story(policies, (*told.rows, back, late)).events()
    anew: list[list[int]] = []

    def begin(events: pl.DataFrame, date: dt.date) -> History:
        anew.append(events["loan_id"].unique().sort().to_list())
        return fast_forwarded(events, policies, None, None, date)

    lives = Lives(begin, policies)
    for day, fresh in (("2024-02-02", [1, 2]), ("2024-02-07", []), ("2024-02-12", [3]),
                       ("2024-02-21", [1]), ("2024-02-26", [1]), ("2024-03-05", [])):  # fmt: skip
        date = dt.date.fromisoformat(day)
        by_then = told.filter(pl.col("booking_date") <= date)
        anew.clear()
        life = lives.through(by_then, date)
        assert anew == ([fresh] if fresh else []), day
        whole = fast_forwarded(by_then, policies, None, None, date)
        book = whole.book(date)
        assert life.book.positions.sort("loan_id").equals(book.positions.sort("loan_id")), day
        keys = ["loan_id", "instalment_no", "component"]
        assert life.book.dues.sort(keys).equals(book.dues.sort(keys)), day
        money = whole.all("allocations").filter(pl.col("component").is_not_null())
        assert life.met["amount"].sum() == money["amount"].sum(), day
        applied = whole.all("applied")["idempotency_key"]
        assert sorted(life.applied["idempotency_key"]) == sorted(applied), day
