"""Fees at the payout, waivers, chargebacks that ask again, and claims off the books."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind, Status, Timing
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import OriginationFee
from loanbook.core.servicing.loan.dues import OWN_DATE
from loanbook.core.servicing.payments.chargebacks import demanded_again
from loanbook.core.servicing.replay.payoff_quote import quote
from tests.core.late_news import same_as_in_time, told
from tests.core.lives import days_of, moved, on
from tests.core.loans import (
    Story,
    _event,
    charged_back,
    payment,
    product_of,
    ruled,
    terms,
    with_more,
)

SINCE = dt.date(2000, 1, 1)


def with_product(policies: PolicyBook, **changes: object) -> PolicyBook:
    """The shipped policies and `daily`, a copy of instalment-act365 with changes, fees among them."""
    made = product_of(policies, "instalment-act365")
    fee = OriginationFee(name="daily", version=1, effective_from=SINCE,
                         of="principal_and_interest", percent_ppb=10_000_000, flat_minor=500,
                         maximum_minor=2_000, collected="up_front")  # fmt: skip
    product = made.model_copy(update={"name": "daily", **changes})
    return with_more(policies, ("products", product), ("origination_fees", fee))


def test_an_origination_fee_is_income_out_of_the_payout(policies: PolicyBook) -> None:
    days = days_of(policies, "flat-rate", "2024-01-02")
    assert moved(days, "payout_clearing", "fee_income") == 2_400  # 2 % of 1,200.00
    assert on(days, "2024-01-01")["principal"] == 120_000


def test_a_fee_of_payout_and_interest_is_rounded_once_and_capped(policies: PolicyBook) -> None:
    book = with_product(policies, origination_fee="daily")
    days = days_of(book, "daily", "2024-01-02")
    # 1 % of 1,200.00 and about 79.00 of interest, and 5.00 more
    assert moved(days, "payment_clearing", "fee_income") == pytest.approx(1_779, abs=3)


def test_a_waiver_forgives_what_is_unpaid_of_the_charge(policies: PolicyBook) -> None:
    body = json.dumps({"component": Component.fee.value, "due_date": "2024-01-20"})
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    rows = [
        _event(Kind.charge_assessed, 1, "2024-01-10", 1_500, "c", body),
        _event(Kind.charge_waived, 1, "2024-01-25", 1_500, "w", body),
    ]
    days = Story(policies, (*story.rows, *rows)).live("2024-01-26").days
    assert on(days, "2024-01-24")["fees_due"] == 1_500
    assert on(days, "2024-01-25")["fees_due"] == 0
    assert moved(days, "charge_waived", "fees_receivable") == 1_500


def test_a_chargeback_asks_again_in_the_products_order() -> None:
    asked = pl.DataFrame(
        {"event_id": [9], "product": [0], "amount": [1_000], "target": [3]},
        schema={"event_id": pl.Int64, "product": pl.Int16, "amount": pl.Int64, "target": pl.Int64},
    )
    paid = pl.DataFrame(
        {"event_id": [3, 3, 3], "component": [0, 1, 2], "amount": [5_000, 300, 900]},
        schema={"event_id": pl.Int64, "component": pl.Int8, "amount": pl.Int64},
    )
    ranks = pl.DataFrame(
        {"product": [0, 0], "component": [1, 2], "rank": [0, 1]},
        schema={"product": pl.Int16, "component": pl.Int8, "rank": pl.Int64},
    )
    found = demanded_again(asked, paid, ranks).row(0, named=True)
    assert found == {"event_id": 9, "interest": 300, "fee": 700, "penalty": 0}


def test_interest_charged_back_comes_on_top_of_the_next_instalment(policies: PolicyBook) -> None:
    parts = json.dumps({"interest": 1_000, "fee": 0, "penalty": 0})
    story = Story(policies).lent(terms(policies, "instalment-act365")).paid(10_662, "2024-02-01")
    back = _event(Kind.chargeback, 1, "2024-02-10", 10_662, "b", parts)
    days = Story(policies, (*story.rows, back)).live("2024-03-02").days
    then, billed = on(days, "2024-02-10"), on(days, "2024-03-01")
    plain = Story(policies).lent(terms(policies, "instalment-act365")).paid(10_662, "2024-02-01")
    usual = plain.live("2024-03-01").on("2024-03-01")
    assert then["principal"] == usual["principal"] + 9_662
    # what was charged back stands on top: the level instalment, the rest of 106.62 and its nights
    assert billed["principal_due"] + billed["interest_due"] == (
        usual["principal_due"] + usual["interest_due"] + 10_662
    )


def test_a_chargeback_after_a_change_of_dates_falls_due_with_the_running_instalment(
    policies: PolicyBook,
) -> None:
    """By the new terms instalment 1 would fall due on the 20th, or 2 on 10 March: they are over."""
    story, rows = Story(policies), []
    reage = {"instalments": 3, "due_date": "2024-04-10", "every": 1, "unit": Unit.months.value}
    moves = {"due_date": "2024-03-20", "keep": "term"}
    changes = ((Kind.due_date_moved, moves), (Kind.reaged, reage))
    for loan_id, (kind, order) in enumerate(changes, start=1):
        story = story.lent(terms(policies, "instalment-act365", loan_id=loan_id, n=6))
        rows.append(_event(kind, loan_id, "2024-02-05", None, "o", json.dumps(order)))
        rows.append(charged_back(7_00, "2024-02-15", loan_id=loan_id))
    life = Story(policies, (*story.rows, *rows)).live("2024-04-10")
    anew = life.dues("2024-02-15").filter(pl.col("amount") == 7_00)
    assert anew.select("loan_id", "instalment_no", "due_date").rows() == [
        (1, 2, dt.date(2024, 3, 20)),
        (2, 3, dt.date(2024, 4, 10)),
    ]


def test_a_charge_after_a_change_of_dates_falls_due_with_the_running_instalment(
    policies: PolicyBook,
) -> None:
    """By the new terms 22 February is within a period that is over; so a waiver finds it, and the one before."""
    story, rows = Story(policies), []
    reage = {"instalments": 3, "due_date": "2024-04-10", "every": 1, "unit": Unit.months.value}
    moves = {"due_date": "2024-04-01", "keep": "term"}
    changes = ((Kind.due_date_moved, moves), (Kind.reaged, reage))
    early, late = (
        json.dumps({"component": Component.fee.value, "due_date": day})
        for day in ("2024-01-20", "2024-02-22")
    )
    for loan_id, (kind, order) in enumerate(changes, start=1):
        story = story.lent(terms(policies, "instalment-act365", loan_id=loan_id, n=6))
        rows += [
            _event(Kind.charge_assessed, loan_id, "2024-01-10", 10_00, "c", early),
            _event(kind, loan_id, "2024-02-05", None, "o", json.dumps(order)),
            _event(Kind.charge_assessed, loan_id, "2024-02-15", 7_00, "e", late),
            _event(Kind.charge_waived, loan_id, "2024-02-18", 7_00, "v", late),
            _event(Kind.charge_waived, loan_id, "2024-02-20", 10_00, "w", early),
        ]
    life = Story(policies, (*story.rows, *rows)).live("2024-02-20")
    for day, fees in (("2024-02-15", 17_00), ("2024-02-18", 10_00), ("2024-02-20", 0)):
        assert [life.on(day, loan_id)["fees_due"] for loan_id in (1, 2)] == [fees, fees], day
    anew = life.dues("2024-02-15").filter(pl.col("amount") == 7_00)
    assert anew.select("loan_id", "instalment_no", "due_date").rows() == [
        (1, 2, dt.date(2024, 4, 1)),
        (2, 3, dt.date(2024, 4, 10)),
    ]


def test_a_chargeback_of_interest_alone_breaks_no_law(policies: PolicyBook) -> None:
    parts = json.dumps({"interest": 500, "fee": 0, "penalty": 0})
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    back = _event(Kind.chargeback, 1, "2024-01-10", 500, "b", parts)
    days = Story(policies, (*story.rows, back)).live("2024-01-11").days
    before, after = on(days, "2024-01-09"), on(days, "2024-01-10")
    assert after["principal"] == before["principal"]
    assert after["interest_accrued"] == before["interest_accrued"] + after["accrued_today"] + 500


@pytest.mark.parametrize("after", ["regular", "zero_interest", "accelerate_maturity"])
def test_a_charged_off_claim_goes_on_as_its_product_says(policies: PolicyBook, after: str) -> None:
    made = product_of(policies, "instalment-act365")
    rules = made.interest.model_copy(update={"after_charge_off": after})
    book = with_product(policies, interest=rules)
    days = days_of(book, "daily", "2024-03-02", (Kind.charge_off, "2024-02-10", {}))
    before, last = on(days, "2024-02-09"), on(days, "2024-03-02")
    assert last["status"] == Status.charged_off
    grown = last["interest_earned"] - on(days, "2024-02-10")["interest_earned"]
    assert (grown > 0) == (after == "regular")
    off = on(days, "2024-02-10")
    if after == "accelerate_maturity":  # all of it is due at once, and no more is billed
        assert off["principal_due"] == off["principal"] == last["principal_due"]
        assert off["interest_accrued"] == 0
        assert off["interest_due"] == last["interest_due"] > before["interest_due"]
    else:
        assert off["principal_due"] < last["principal_due"] < last["principal"]


def test_a_fixed_schedule_is_charged_off_with_all_its_interest(policies: PolicyBook) -> None:
    body = {"instalments": 6, "due_date": "2024-02-10", "every": 7, "unit": 2, "interest": "full"}
    days = days_of(policies, "instalment-act365", "2024-02-20",
                   (Kind.reaged, "2024-02-05", body), (Kind.charge_off, "2024-02-12", {}))  # fmt: skip
    off, last = on(days, "2024-02-12"), on(days, "2024-02-20")
    assert off["off_books"] == last["off_books"]
    assert last["interest_earned"] == off["interest_earned"]


def test_a_refund_after_a_charge_off_takes_back_the_loss(policies: PolicyBook) -> None:
    days = days_of(policies, "instalment-act365", "2024-02-12",
                   (Kind.charge_off, "2024-02-10", {}), (Kind.merchant_refund, "2024-02-11", 5_000),
                   (Kind.payment_received, "2024-02-12", 700))  # fmt: skip
    assert moved(days, "payment_clearing", "credit_loss") > 0
    assert moved(days, "payment_clearing", "recovery_income") == 700


def test_a_quote_leaves_out_what_waits_for_its_day(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    book = story.live("2024-01-30").days[-1].book
    paid = story.paid(10_000, "2024-02-01").events().filter(pl.col("amount") == 10_000)
    plain = quote(book, policies, dt.date(2024, 2, 1))["payoff"].item()
    waiting = quote(
        type(book)(book.date, book.terms, book.positions, book.dues, paid),
        policies, dt.date(2024, 2, 1),
    )  # fmt: skip
    assert waiting["payoff"].item() == plain - 10_000


@pytest.mark.parametrize("product", ["instalment-act365", "lendingclub-personal", "flat-rate"])
def test_a_payoff_pays_charges_that_fall_due_later(policies: PolicyBook, product: str) -> None:
    body = json.dumps({"component": Component.fee.value, "due_date": "2024-03-15"})
    story = Story(policies).lent(terms(policies, product))
    fee = _event(Kind.charge_assessed, 1, "2024-01-20", 1_500, "c", body)
    story = Story(policies, (*story.rows, fee))
    on_ = dt.date(2024, 2, 1)
    asked = quote(story.live("2024-01-31").days[-1].book, policies, on_).row(0, named=True)
    assert asked["fees"] == 1_500
    last = story.paid(asked["payoff"], "2024-02-01", ref="payoff").live("2024-02-01")
    assert last.on("2024-02-01")["status"] == Status.closed
    assert last.on("2024-02-01")["credit"] == 0


def test_a_charge_given_back_counts_as_money_in(policies: PolicyBook) -> None:
    charge = json.dumps({"component": Component.penalty.value, "due_date": "2024-01-20"})
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    given = _event(Kind.charge_assessed, 1, "2024-01-10", 2_000, "c", charge)
    back = _event(Kind.charge_adjusted, 1, "2024-02-01", 1_200, "b", charge)
    life = Story(policies, (*story.rows, given, back)).live("2024-02-01")
    assert life.on("2024-02-01")["penalties_due"] == 800
    assert moved(life.days, "charge_adjusted", "penalties_receivable") == 1_200


def charged_off_late(loan: int) -> list[tuple[int, dict]]:  # type: ignore[type-arg]
    """A charge-off that comes to light after a charge was asked and waived: both are memorandum."""
    body = json.dumps({"component": Component.fee.value, "due_date": "2024-02-20"})
    return [
        (10, _event(Kind.charge_off, loan, "2024-02-10", None, "off", None)),
        (0, _event(Kind.charge_assessed, loan, "2024-02-15", 1_500, "c", body)),
        (0, _event(Kind.charge_waived, loan, "2024-02-16", 1_500, "w", body)),
    ]


@pytest.mark.parametrize("use", ["payouts", "next_due"])
def test_credit_meets_a_charge_at_once_where_it_meets_payouts(
    policies: PolicyBook, use: str
) -> None:
    ours = ruled(policies, "instalment-act365", "payments", credit_use=use)
    body = json.dumps({"component": Component.fee.value, "due_date": "2024-02-20"})
    story = Story(ours).lent(terms(ours, "instalment-act365")).paid(121_500, "2024-01-11")
    charged = _event(Kind.charge_assessed, 1, "2024-01-15", 700, "c", body)
    life = Story(ours, (*story.rows, charged)).live("2024-01-16")
    before, after = life.on("2024-01-14")["credit"], life.on("2024-01-16")
    assert before > 700
    met = 700 if use == "payouts" else 0
    assert (after["credit"], after["fees_due"]) == (before - met, 700 - met)
    assert after["status"] == (Status.overpaid if met else Status.active)


def test_a_charge_may_fall_due_on_its_own_date(policies: PolicyBook) -> None:
    """Case C2638, principal in advance first: 50.00 due on the 20th is met on that day, 10.00 due on the
    23rd is not; of a loan whose charges are due with their instalment neither is (loan 2)."""
    fall = next(p for f, p in policies.policies if f == "waterfalls" and p.name == "standard")
    due, advance = (("penalty", "fee", "interest", "principal", "tax"),
                    ("principal", "penalty", "fee", "interest", "tax"))  # fmt: skip
    order = [f"{timing}.{part}" for timing, parts in
             (("past_due", due), ("due", due), ("in_advance", advance)) for part in parts]  # fmt: skip
    ours = policies.with_rules("waterfalls", fall.model_copy(update={"order": order}))
    made = product_of(ours, "pay-in-four")
    schedule = made.schedule.model_copy(update={"down_payment_ppb": 0})
    payments = made.payments.model_copy(update={"charges": "own_date"})
    ours = with_more(ours, *(
        ("products", made.model_copy(update={"name": name, "schedule": schedule, "payments": rules}))
        for name, rules in (("own-date", payments), ("with-it", made.payments))
    ))  # fmt: skip
    story = Story(ours)
    for number, name in ((1, "own-date"), (2, "with-it")):
        story = story.lent(terms(ours, name, loan_id=number, principal=100_000, rate="0", n=1))
        asks = [
            {"component": Component.penalty.value, "due_date": f"2024-01-{day}"} for day in (20, 23)
        ]
        rows = [
            _event(Kind.charge_assessed, number, "2024-01-15", 5_000, "c", json.dumps(asks[0])),
            _event(Kind.charge_assessed, number, "2024-01-19", 1_000, "d", json.dumps(asks[1])),
        ]
        story = Story(ours, (*story.rows, *rows))
        for amount, on_day in (
            (50_000, "2024-01-10"),
            (10_000, "2024-01-17"),
            (10_000, "2024-01-20"),
        ):
            story = story.paid(amount, on_day, loan_id=number)
        waived = _event(Kind.charge_waived, number, "2024-01-22", 1_000, "w", json.dumps(asks[1]))
        story = Story(ours, (*story.rows, waived)).paid(40_000, "2024-02-01", loan_id=number)
    life = story.live("2024-02-01")
    shown = {(loan, day): (seen["principal"], seen["penalties_due"])
             for loan in (1, 2) for day in (17, 20, 22)
             for seen in (life.on(f"2024-01-{day}", loan),)}  # fmt: skip
    assert shown == {
        (1, 17): (40_000, 5_000), (1, 20): (35_000, 1_000), (1, 22): (35_000, 0),
        (2, 17): (40_000, 5_000), (2, 20): (30_000, 6_000), (2, 22): (30_000, 5_000),
    }  # fmt: skip
    # on the due date all is due: 350.00 and nothing, 300.00 and 50.00
    credits = [life.on("2024-02-01", loan)["credit"] for loan in (1, 2)]
    assert credits == [5_000, 5_000]
    daily = product_of(policies, "instalment-act365")
    rules = daily.model_dump() | {"payments": {"charges": "own_date"}}
    with pytest.raises(ValueError, match="own_date needs schedule.materialised"):
        type(daily).model_validate(rules)


def test_early_money_meets_a_charge_where_the_waterfall_has_it(policies: PolicyBook) -> None:
    """As in case C4361: a fee that stands with the next instalment comes before its principal."""
    met = {1: ("standard", 1_000), 2: ("us-consumer", 0)}
    made, more = product_of(policies, "instalment-act365"), []
    for waterfall, _ in met.values():
        rules = {"waterfall": waterfall, "excess": "next_instalment"}
        payments = made.payments.model_copy(update=rules)
        more.append(("products", made.model_copy(update={"name": waterfall, "payments": payments})))
    ours = with_more(policies, *more)
    body = json.dumps({"component": Component.fee.value, "due_date": "2024-02-15"})
    fees = [_event(Kind.charge_assessed, loan, "2024-02-15", 1_000, "fee", body) for loan in met]
    story = Story(ours)
    for loan, (name, _) in met.items():
        story = story.lent(terms(ours, name, loan_id=loan, principal=10_000, rate="7", n=6))
        story = story.paid(1_701, "2024-02-01", loan_id=loan)
        story = story.paid(1_500, "2024-02-16", loan_id=loan, ref="early")
    life = Story(ours, (*story.rows, *fees)).live("2024-03-02")
    early = life.allocations().filter(pl.col("timing") == Timing.in_advance.value)
    for loan, (name, fee) in met.items():
        ours_early = early.filter(pl.col("loan_id") == loan)
        paid = dict(ours_early.group_by("component").agg(pl.col("amount").sum()).rows())
        assert paid.get(Component.fee.value, 0) == fee, name
        assert sum(paid.values()) == 1_500, name
    same_as_in_time(told(story, *((4, fee) for fee in fees)), ours, dt.date(2024, 4, 2))


def test_a_charge_off_lasts(policies: PolicyBook) -> None:
    """As in case C3040: paid off after its charge-off, a loan that owes again is off the books. So is the
    second one's charge, whose charge-off came late."""
    lent = Story(policies).lent(terms(policies, "instalment-act365")).charged_off("2024-02-10")
    owed = lent.live("2024-02-14").on("2024-02-14")
    whole = owed["principal"] + owed["interest_accrued"] + owed["interest_due"]
    story = lent.paid(whole + 5_000, "2024-02-15")
    back = charged_back(25_000, "2024-02-20", ref="b")
    life = Story(policies, (*story.rows, back)).live("2024-02-21")
    assert life.on("2024-02-15")["status"] == Status.overpaid
    after = life.on("2024-02-20")
    assert (after["status"], after["principal"]) == (Status.charged_off, 20_000)
    assert after["off_books"] == 20_000
    assert moved(life.days, "credit_loss", "payment_clearing") == 20_000
    early = payment(3_000, "2024-02-12", ref="e")
    both = Story(policies, (*story.rows, back)).lent(
        terms(policies, "instalment-act365", loan_id=2)
    )
    news = ((12, early), *charged_off_late(2))
    same_as_in_time(told(both, *news), policies, dt.date(2024, 2, 26))


def test_a_charge_after_maturity_leaves_the_interest_that_was_billed_where_it_fell(
    policies: PolicyBook,
) -> None:
    """Two weekly instalments of 1,000.00 at 12 %, unpaid; a fee of 11.00 of 31 January, due on 2 February, a
    penalty of 5.00 due a day later, and another fee due a week later.

    Each is due by itself on its date; the interest of the first week after maturity, and the late fee on it,
    are those of the instalment after the last one.
    """
    loan = terms(policies, "instalment-act365", principal=100_000, n=2, start="2018-01-01",
                 first_due="2018-01-08", unit=Unit.weeks)  # fmt: skip
    body = json.dumps({"component": Component.fee.value, "due_date": "2018-02-02"})
    fee = _event(Kind.charge_assessed, 1, "2018-01-31", 1_100, "fee", body)
    later = json.dumps({"component": Component.fee.value, "due_date": "2018-02-09"})
    other = _event(Kind.charge_assessed, 1, "2018-02-01", 700, "other", later)
    body = json.dumps({"component": Component.penalty.value, "due_date": "2018-02-03"})
    penalty = _event(Kind.charge_assessed, 1, "2018-02-02", 500, "penalty", body)
    story = Story(policies).lent(loan)
    life = replace(story, rows=(*story.rows, fee, other, penalty)).closed_daily("2018-02-08")
    dues = life.dues("2018-02-08").filter(pl.col("component") != Component.principal)
    assert dues.filter(pl.col("due_date") == dt.date(2018, 1, 22)).select(
        "instalment_no", "component", "amount"
    ).rows() == [
        (3, Component.interest, 230),  # 1,000.00 * 12 % * 7/365 = 2.30
        (3, Component.penalty, 12),  # 5 % of it, sixteen days late
    ]
    apart = dues.filter(pl.col("instalment_no") > OWN_DATE)
    assert apart.select("component", "due_date", "amount").rows() == [
        (Component.fee, dt.date(2018, 2, 2), 1_100),
        (Component.penalty, dt.date(2018, 2, 3), 500),
        (Component.fee, dt.date(2018, 2, 9), 700),
    ]
    # five weeks of 2.30 are billed by then
    assert life.on("2018-02-05")["interest_due"] == 5 * 230
    assert life.on("2018-02-05")["fees_due"] == 1_100 + 700
