"""Interest on what refunds gave back. Figures of Apache Fineract's end-to-end cases (Apache-2.0)."""

from __future__ import annotations

import datetime as dt

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.explain.explain import explain
from loanbook.core.servicing.replay.interest_refunds import interest_on_refunds
from loanbook.core.servicing.replay.replay import replay
from tests.core.loans import Story, _event, terms

PRODUCT = "instalment-act365"


def refunded(story: Story, policies: PolicyBook) -> list[int]:
    events = story.events()
    refunds = events.filter(events["kind"].is_in([Kind.merchant_refund, Kind.payout_refund]))
    found = interest_on_refunds(events, policies, refunds["event_id"])
    return found.sort("event_id")["interest"].to_list()


def with_money(story: Story, kind: Kind, on: str, amount: int, ref: str) -> Story:
    return Story(story.policies, (*story.rows, _event(kind, 1, on, amount, ref, None)))


def test_interest_is_what_the_money_bore_with_each_life_rounded(policies: PolicyBook) -> None:
    """Case C4206: two nights on 431.98 at 9.99 % are 0.24, on the 81.99 left 0.04."""
    loan = terms(policies, PRODUCT, principal=43_198, rate="9.99", start="2022-01-18",
                 first_due="2022-02-18")  # fmt: skip
    story = with_money(Story(policies).lent(loan), Kind.merchant_refund, "2022-01-20", 34_999, "m")
    assert refunded(story, policies) == [20]


def test_each_refund_is_looked_at_as_if_those_before_it_had_never_been_lent(
    policies: PolicyBook,
) -> None:
    """Case C4580: two refunds of 42.39 after an instalment was paid are 0.44 and 0.43."""
    loan = terms(policies, PRODUCT, principal=12_717, rate="9.51", n=24, start="2023-03-12",
                 first_due="2023-04-12")  # fmt: skip
    story = Story(policies).lent(loan).paid(584, "2023-04-12")
    for ref in ("m", "n"):
        story = with_money(story, Kind.merchant_refund, "2023-04-20", 4_239, ref)
    assert refunded(story, policies) == [44, 43]


def test_what_was_paid_out_first_is_refunded_first(policies: PolicyBook) -> None:
    """500.00 of 250.00 and, six nights later, 750.00: the first payout is gone, and with it its nights."""
    loan = terms(policies, PRODUCT, principal=25_000, rate="9.9", n=4)
    story = with_money(Story(policies).lent(loan), Kind.disbursed, "2024-01-07", 75_000, "t")
    story = with_money(story, Kind.merchant_refund, "2024-01-22", 50_000, "m")
    # 250 x 9.9 % x 21 / 365 + 750 x 9.9 % x 15 / 365 = 4.48, and 500 x 9.9 % x 15 / 365 = 2.03
    assert refunded(story, policies) == [448 - 203]


def test_all_of_it_given_back_refunds_all_interest(policies: PolicyBook) -> None:
    loan = terms(policies, PRODUCT, principal=100_000)
    story = with_money(Story(policies).lent(loan), Kind.payout_refund, "2024-01-11", 100_000, "p")
    assert refunded(story, policies) == [329]  # ten nights at 12 % over 365
    paid = with_money(story, Kind.interest_refunded, "2024-01-11", 329, "q")
    life = paid.live("2024-01-11")
    moved = life.transfers().filter(life.transfers()["debit"] == ROLE["interest_income"])
    assert moved["amount"].sum() == 329
    last = life.on("2024-01-11")
    assert (last["principal"], last["interest_accrued"], last["credit"]) == (0, 0, 0)
    # the payee gave back more than the claim: interest is refunded to the borrower's credit
    more = with_money(Story(policies).lent(loan), Kind.payout_refund, "2024-01-11", 100_500, "p")
    more = with_money(more, Kind.interest_refunded, "2024-01-11", 329, "q")
    assert more.live("2024-01-11").on("2024-01-11")["credit"] == 500
    on = dt.date(2024, 1, 11)
    assert explain(replay(more.events(), policies, on), policies, 1, on).accounted


def test_principal_ahead_of_interest_takes_no_more_than_there_is(policies: PolicyBook) -> None:
    """A waterfall with principal first, and a payment between the principal and the claim."""
    fall = next(p for f, p in policies.policies if f == "waterfalls" and p.name == "standard")
    parts = ("fee", "penalty", "principal", "interest", "tax")
    order = [f"{t}.{c}" for t in ("past_due", "due", "in_advance") for c in parts]
    ours = policies.with_rules("waterfalls", fall.model_copy(update={"order": order}))
    loan = terms(ours, PRODUCT, principal=100_000, n=1)
    story = Story(ours).lent(loan).paid(100_100, "2024-01-11")
    last = story.live("2024-01-11").on("2024-01-11")
    assert (last["principal"], last["interest_accrued"], last["credit"]) == (0, 229, 0)
