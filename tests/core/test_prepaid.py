"""Money in advance, and what is owed anew after it: loans of one book, each a rule of its own."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product_rules.payments import MoneyRule
from loanbook.core.servicing.payments.waterfall import met_in_order, money_rule
from loanbook.core.servicing.schedule.fixed_schedule import down_payment
from tests.core.loans import Life, Story, _event, ruled, terms

DAILY, WHOLE, FLAT = "instalment-act365", "pay-in-four", "flat-rate"
WHOLE_MONTHS = {"rate_basis": "30/360", "rate_factor": "decimal_18", "smooth_last_instalment": True}


def ours(policies: PolicyBook) -> PolicyBook:
    """Daily loans whose prepaid instalments bear nothing more; flat ones with a share of the borrower's
    own, their schedule whole."""
    made = ruled(policies, DAILY, "schedule", **WHOLE_MONTHS)
    made = ruled(made, DAILY, "interest", covered_instalment="fixed")
    spread = {"merchant_refund": MoneyRule(waterfall="standard", excess="spread")}
    made = ruled(made, DAILY, "payments", by_kind=spread)
    made = ruled(made, FLAT, "schedule", materialised=True, down_payment_ppb=250_000_000,
                 flat_base="lent")  # fmt: skip
    return ruled(made, FLAT, "interest", rebate="none")


HAPPENED = (
    # 1: an instalment before its day, then a tranche on the day
    (Kind.payment_received, 1, "2024-01-15", 11_906),
    (Kind.disbursed, 1, "2024-02-01", 30_000),
    # 2: all given back on the day of the payout, and a refund of money that there is not
    (Kind.merchant_refund, 2, "2024-01-01", 24_246),
    (Kind.credit_refunded, 2, "2024-01-08", 10_000),
    # 3: four instalments and a part of the fifth, then a refund that is spread
    (Kind.payment_received, 3, "2024-01-01", 10_000),
    (Kind.merchant_refund, 3, "2024-01-01", 8_000),
    # 4: three instalments on their days, one of them charged back, and a payoff
    *((Kind.payment_received, 4, f"2024-0{month}-01", 1_701) for month in (2, 3, 4)),
    (Kind.chargeback, 4, "2024-04-01", 1_701),
    (Kind.payment_received, 4, "2024-04-02", 6_745),
    # 5: paid in full early; lent more in the third period
    (Kind.payment_received, 5, "2024-01-10", 30_000),
    (Kind.disbursed, 5, "2024-02-02", 9_000),
    # 7: three instalments late, so that the last asks more than the others; then nearly all that is left
    (Kind.payment_received, 7, "2024-04-02", 19_347),
    (Kind.merchant_refund, 7, "2024-04-02", 7_600),
)


@pytest.fixture(scope="module")
def life(policies: PolicyBook) -> Life:
    made = ours(policies)
    story = Story(made)
    for number, (principal, rate, n) in enumerate(
        ((70_000, "7", 6), (24_246, "29.99", 12), (24_246, "29.99", 12), (10_000, "7", 6)), start=1
    ):
        story = story.lent(terms(made, DAILY, loan_id=number, principal=principal, rate=rate, n=n))
    story = story.lent(terms(made, WHOLE, loan_id=5, principal=30_000, rate="0", n=4, every=15,
                             unit=Unit.days, first_due="2024-01-16"))  # fmt: skip
    story = story.lent(terms(made, DAILY, loan_id=7, principal=24_246, rate="29.99", n=4))
    story = story.lent(terms(made, FLAT, loan_id=6, principal=100_000, rate="10", n=3))
    rows = [_event(kind, loan, on, amount, f"{n:02}", None)
            for n, (kind, loan, on, amount) in enumerate(HAPPENED)]  # fmt: skip
    return Story(made, (*story.rows, *rows)).live("2024-04-02")


def asked(life: Life, loan_id: int, component: Component, day: str) -> dict[int, int]:
    """What the loan's instalments ask of a component, as its dues have it on a day."""
    mine = (pl.col("loan_id") == loan_id) & (pl.col("component") == component)
    return dict(life.dues(day).filter(mine).select("instalment_no", "amount").rows())


def met(life: Life, loan_id: int, on: str) -> dict[int, int]:
    """Principal that the loan's last money of a day met, by instalment."""
    day = next(d for d in life.days if d.date == dt.date.fromisoformat(on))
    mine = (pl.col("loan_id") == loan_id) & (pl.col("component") == Component.principal)
    own = day.allocations.filter(mine)
    last = own.filter(pl.col("event_id") == own["event_id"].max())
    return dict(last.group_by("instalment_no").agg(pl.col("amount").sum()).rows())


def test_a_tranche_leaves_what_early_money_saved_to_the_last_instalment(life: Life) -> None:
    """Case C3657: paid on its day, the first instalment leaves 700.00 - (119.06 - 4.08) = 585.02; with
    300.00 more, five instalments of 180.11 pay that off. 2.24 less interest is the last one's."""
    done = next(d for d in life.days if d.date == dt.date(2024, 2, 1))
    assert done.book.terms.filter(pl.col("loan_id") == 1)["emi"].item() == 18_011
    assert life.on("2024-02-01")["principal"] == 88_278  # 700.00 - (119.06 - 1.84) + 300.00


def test_an_instalment_that_was_met_asks_interest_on_what_is_owed_anew(life: Life) -> None:
    """Case C3692: 100.00 for 24 of January's 31 nights at 29.99 % / 12 is 1.93, beside the 100.00."""
    assert asked(life, 2, Component.interest, "2024-02-01") == {1: 193}
    assert life.on("2024-02-01", 2)["principal_due"] == 10_000


def test_an_even_spread_leaves_out_instalments_that_are_paid(life: Life) -> None:
    """100.00 paid four instalments of 23.64 and 5.44 of the fifth: eight have room for 10.00 each."""
    assert met(life, 3, "2024-01-01") == dict.fromkeys(range(5, 13), 1_000)


def test_what_instalments_leave_stands_with_the_last_one(life: Life) -> None:
    """As in case C4149: a level instalment of 64.45 has room for 64.25 beside a night's 0.20. Arrears bore
    interest that the last one takes up: it asks 67.29 of principal, and the money stands with it."""
    assert met(life, 7, "2024-04-02") == {3: 632, 4: 6_729}


def test_a_payoff_stands_with_the_instalments_and_what_was_charged_back(life: Life) -> None:
    """As in case C3453: 17.01 charged back beside 100.00 - 16.43 - 16.52 - 16.62 = 50.43, and a night's
    0.01 of the next instalment."""
    assert met(life, 4, "2024-04-02") == {4: 1_701 + 1_700, 5: 1_701, 6: 1_642}
    assert life.on("2024-04-02", 4)["status"] == Status.closed


def test_a_payout_opens_a_loan_that_was_paid_in_full(life: Life) -> None:
    """A quarter of 90.00 is due at once; January's instalments are over, the two that are left ask the
    rest, 33.75 each, beside the 56.25 that was paid of them."""
    share = -1 - 32 * 8  # numbered by the day
    told = {share: 2_250, 3: 5_625 + 3_375, 4: 5_625 + 3_375}
    assert asked(life, 5, Component.principal, "2024-02-02") == told
    assert life.on("2024-02-02", 5)["status"] == Status.active


def test_flat_interest_is_on_all_that_was_lent_where_the_product_says_so(life: Life) -> None:
    """Case C2852: 10 % of 1,000.00 for a quarter is 25.00; of the 750.00 financed it would be 18.75."""
    assert list(asked(life, 6, Component.interest, "2024-01-01").values()) == [833, 833, 834]


def test_the_instalment_of_a_day_meets_money_before_a_down_payment_of_it(
    policies: PolicyBook,
) -> None:
    """Unless payouts count as made at first: then the share does."""
    ranks = {
        tranches: ruled(policies, WHOLE, "schedule", tranches=tranches).waterfall_ranks
        for tranches in ("to_come", "all")
    }
    code = policies.registry.index(f"{WHOLE}@1")
    day = pl.date(2024, 2, 2)
    owed = pl.DataFrame(
        {"loan_id": [1, 1], "instalment_no": [-9, 3], "component": [0, 0], "amount": [500, 500],
         "paid": [0, 0]},
        schema_overrides={"instalment_no": pl.Int16, "component": pl.Int8},
    ).with_columns(due_date=day, business_date=day)  # fmt: skip
    money = pl.DataFrame({"loan_id": [1], "event_id": [7], "amount": [500]}).with_columns(
        product=pl.lit(code)
    )
    paid = money.select(
        "loan_id", "event_id", "amount", rule=money_rule(pl.lit(Kind.payment_received.value))
    )
    first = {name: met_in_order(paid, owed, each)["instalment_no"].to_list()
             for name, each in ranks.items()}  # fmt: skip
    assert first == {"to_come": [3], "all": [-9]}


def test_a_later_payout_takes_again_what_was_paid_in_advance(policies: PolicyBook) -> None:
    made = ruled(policies, WHOLE, "payments", prepaid_at_payout="reallocated")
    made = ruled(made, WHOLE, "schedule", tranches="all")
    grid = {"rate": "0", "n": 3, "start": "2024-01-01", "first_due": "2024-01-16", "every": 15,
            "unit": Unit.days, "principal": 1_000_00}  # fmt: skip
    story = Story(made).lent(terms(made, WHOLE, **grid))
    # 250.00 down, 250.00 with the first of three instalments; then 500.00 more
    story = story.paid(500_00, "2024-01-05")
    more = _event(Kind.disbursed, 1, "2024-01-11", 500_00, "t", None)
    life = replace(story, rows=(*story.rows, more)).live("2024-01-16")
    shown = life.dues("2024-01-11").filter(pl.col("component") == Component.principal)
    # of the 250.00 in advance 125.00 meet the share of the day, and 125.00 are left for the first
    told = {no: (amount, paid) for no, amount, paid in
            shown.select("instalment_no", "amount", "paid").rows()}  # fmt: skip
    assert {no: row for no, row in told.items() if no > 0} == {
        1: (375_00, 125_00), 2: (375_00, 0), 3: (375_00, 0)
    }  # fmt: skip
    stood = life.on("2024-01-11")
    assert (stood["principal_due"], stood["prepaid_dues"]) == (0, 125_00)
    assert life.on("2024-01-16")["principal_due"] == 250_00


def test_a_share_that_is_rounded_up_to_a_multiple_is_no_more_than_the_payout() -> None:
    # 1,695.11 less a hair of a billionth, to a multiple of 0.07: 24,216 x 0.07 = 1,695.12
    payout = pl.DataFrame({"down_payment_ppb": [10**9 - 1], "instalment_multiple": [7]})
    assert payout.select(down_payment(pl.lit(1_695_11))).item() == 1_695_11
