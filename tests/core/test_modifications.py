"""What changes of a contract did: payments before and after, their worth, forbearance."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.explain.contract_changes import forborne, modifications, overlaid
from tests.core.loans import Story, _event, terms, undone

THROUGH = dt.date(2024, 6, 1)


def changed_by(policies: PolicyBook, *orders: tuple[Kind, str, dict[str, object]]) -> Story:
    """A year's loan of 1,200.00 at 12 %, its first three instalments paid."""
    story = Story(policies).lent(terms(policies, "instalment-act365", n=12))
    for month in ("02", "03", "04"):
        story = story.paid(10_662, f"2024-{month}-01", ref=month)
    rows = [_event(kind, 1, on, None, f"o{n}", json.dumps(body))
            for n, (kind, on, body) in enumerate(orders)]  # fmt: skip
    return Story(policies, (*story.rows, *rows))


def test_a_longer_term_at_the_same_rate_is_worth_the_same(policies: PolicyBook) -> None:
    story = changed_by(
        policies, (Kind.term_extended, "2024-04-01", {"instalments": 6, "keep": "term"})
    )
    (change,) = modifications(story.events(), policies, 1, THROUGH)
    assert (change.kind, change.date) == (Kind.term_extended, dt.date(2024, 4, 1))
    assert (change.before.height, change.after.height) == (9, 15)
    owed = change.before["principal"].sum()
    assert change.after["principal"].sum() == owed
    # what is to come at the loan's own rate is worth the principal, to the cents that rounding leaves
    assert change.worth_before == pytest.approx(owed, rel=2e-3)
    assert abs(change.share_lost) < 2e-3
    assert not change.diminished
    both = overlaid(change)
    assert both.height == 15
    assert both["difference"].to_list()[-6:] == both["after"].to_list()[-6:]
    assert (both["difference"].head(9) < 0).all()


def test_a_lower_rate_takes_from_the_worth_and_each_change_is_told_by_itself(
    policies: PolicyBook,
) -> None:
    story = changed_by(
        policies,
        (Kind.rate_changed, "2024-04-01", {"rate_ppb": 2 * 10**7, "keep": "term"}),
        (Kind.due_date_moved, "2024-05-02", {"due_date": "2024-06-15", "keep": "term"}),
    )
    lower, moved = modifications(story.events(), policies, 1, THROUGH)
    assert lower.diminished
    # nine level instalments at 2 % for a balance that bears 12 %
    assert lower.share_lost == pytest.approx(0.038, abs=0.004)
    assert moved.before["due_date"].to_list()[0] == dt.date(2024, 5, 1)  # past due
    assert dt.date(2024, 6, 15) in moved.after["due_date"].to_list()
    assert moved.worth_before == pytest.approx(lower.worth_after, rel=0.02)


def test_a_change_that_was_taken_back_is_none(policies: PolicyBook) -> None:
    story = changed_by(
        policies, (Kind.term_extended, "2024-04-01", {"instalments": 6, "keep": "term"})
    )
    key = story.rows[-1]["idempotency_key"]
    back = undone(key, "2024-04-10")
    taken = Story(policies, (*story.rows, back))
    assert modifications(taken.events(), policies, 1, THROUGH) == []


@pytest.mark.parametrize(
    ("kind", "lower", "says", "late", "expected"),
    [
        (Kind.term_extended, None, True, 0, True),
        (Kind.term_extended, None, False, 30, False),
        (Kind.term_extended, None, None, 31, True),
        (Kind.rate_changed, True, True, 0, True),
        (Kind.rate_changed, False, True, 60, False),  # dearer: nothing is conceded
        (Kind.rate_reset, None, True, 60, False),
        (Kind.contract_accelerated, None, True, 60, False),
    ],
)
def test_a_concession_in_difficulty_is_forbearance(
    kind: Kind, lower: bool | None, says: bool | None, late: int, expected: bool
) -> None:
    row = pl.DataFrame(
        {"kind": [kind.value], "lower_rate": [lower], "says_difficulty": [says],
         "most_days_past_due": [late]},
        schema={"kind": pl.Int8, "lower_rate": pl.Boolean, "says_difficulty": pl.Boolean,
                "most_days_past_due": pl.Int32},
    )  # fmt: skip
    assert row.select(forborne()).item() is expected
