"""Taxes, penal interest, fees that something calls for, ceilings by law, places."""

from __future__ import annotations

import datetime as dt
import json
from itertools import product

import polars as pl
import pytest

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.jurisdiction import pack, packed, unpacked
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.policy.models import LateFee
from loanbook.core.servicing.explain.disclosure import disclosed_apr
from loanbook.core.servicing.explain.explain import explain
from loanbook.core.servicing.replay.payoff_quote import quote
from loanbook.core.servicing.replay.replay import relived, replay
from tests.core.late_news import same_as_in_time, told
from tests.core.lives import moved
from tests.core.loans import (
    Story,
    _event,
    changed,
    payment,
    product_of,
    ruled,
    terms,
    with_more,
)
from tests.core.test_respreading import REAGE


def under(loan: pl.DataFrame, place: str) -> pl.DataFrame:
    return loan.with_columns(jurisdiction=pl.lit(packed(place), dtype=pl.Int64))


def of(life_dues: pl.DataFrame, component: Component) -> list[tuple[int, dt.date, int]]:
    rows = life_dues.filter(pl.col("component") == component.value)
    return rows.select("instalment_no", "due_date", pl.col("amount") - pl.col("paid")).rows()


def test_a_tax_on_interest_is_asked_with_its_billing(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-mxn", n=3))
    life = story.paid(50_000, "2024-02-01").live("2024-03-01")
    interest = round(120_000 * 0.12 * 31 / 360)  # 1,240
    tax = round(interest * 0.16)  # 198.4
    first = life.allocations().filter(pl.col("component") == Component.tax.value)
    assert first["amount"].to_list() == [tax]
    asked = moved(life.days, "tax_receivable", "tax_payable")
    assert asked == tax + life.on("2024-03-01")["taxes_due"] > tax


def test_a_place_has_a_tax_of_its_own(policies: PolicyBook) -> None:
    loan = under(terms(policies, "instalment-mxn", n=3), "MX-BCN")
    life = Story(policies).lent(loan).live("2024-02-01")
    assert life.on("2024-02-01")["taxes_due"] == round(1_240 * 0.08)


def test_interest_paid_before_its_billing_is_taxed_once(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-mxn", n=3)).paid(500, "2024-01-15")
    life = story.live("2024-02-01")
    early = round(120_000 * 0.12 * 14 / 360)
    assert life.on("2024-01-15")["interest_accrued"] == early - 500 + 0
    whole = moved(life.days, "tax_receivable", "tax_payable")
    assert whole == round(500 * 0.16) + round((1_240 - 500) * 0.16)
    assert life.on("2024-02-01")["taxes_due"] == whole


def test_a_payoff_asks_the_tax_on_what_was_not_billed(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-mxn", n=3))
    asked = quote(story.live("2024-01-20").days[-1].book, policies, dt.date(2024, 1, 21))
    row = asked.row(0, named=True)
    interest = round(120_000 * 0.12 * 20 / 360)
    assert (row["interest"], row["taxes"]) == (interest, round(interest * 0.16))
    assert row["payoff"] == 120_000 + interest + row["taxes"]
    life = story.paid(row["payoff"], "2024-01-21").live("2024-01-21")
    assert life.on("2024-01-21")["status"] == Status.closed
    short = story.paid(row["payoff"] - 40, "2024-01-21").live("2024-01-21")
    assert short.on("2024-01-21")["principal"] == 40


def test_what_forgives_a_fee_or_interest_forgives_its_tax(policies: PolicyBook) -> None:
    body = json.dumps({"component": Component.fee.value, "due_date": "2024-01-10"})
    fee = _event(Kind.charge_assessed, 1, "2024-01-10", 1_000, "f", body)
    waived = _event(Kind.charge_waived, 1, "2024-01-12", 1_000, "w", body)
    given = _event(Kind.interest_waived, 1, "2024-02-03", 600, "i", None)
    story = Story(policies).lent(terms(policies, "instalment-mxn", n=3))
    story = Story(policies, (*story.rows, fee, waived, given))
    life = story.live("2024-02-03")
    assert life.on("2024-01-11")["taxes_due"] == 160
    assert life.on("2024-01-13")["taxes_due"] == 0
    assert life.on("2024-02-02")["taxes_due"] == 198
    assert life.on("2024-02-03")["taxes_due"] == 198 - 96


def test_the_tax_of_an_origination_fee_comes_out_of_the_payout(policies: PolicyBook) -> None:
    life = Story(policies).lent(terms(policies, "instalment-mxn", n=3)).live("2024-01-01")
    fee = moved(life.days, "payout_clearing", "fee_income") + moved(
        life.days, "payout_clearing", "deferred_fee_income"
    )
    assert moved(life.days, "payout_clearing", "tax_payable") == round(fee * 0.16) > 0


def test_overdue_principal_bears_penal_interest_from_the_end_of_its_grace(
    policies: PolicyBook,
) -> None:
    loan = terms(policies, "instalment-mxn", n=3)
    life = Story(policies).lent(loan).paid(10_000, "2024-02-20").live("2024-02-20")
    principal = life.on("2024-02-02")["principal_due"]
    penal = round(principal * 0.24 * (20 - 4) / 365)
    assert life.on("2024-02-19")["penalties_due"] == 0  # asked where something happens
    assert moved(life.days, "penalties_receivable", "penalty_income") == penal
    billed = Story(policies).lent(loan).live("2024-03-01").on("2024-03-01")
    assert billed["penalties_due"] == round(principal * 0.24 * (29 - 3) / 365)
    assert (billed["penal_base"], billed["penal_from"]) == (principal, dt.date(2024, 3, 1))


def test_what_is_charged_is_the_same_whatever_was_known_when(policies: PolicyBook) -> None:
    """Taxes, penal interest, a ceiling of the rate: each loan learns of a payment late."""
    ours = taxed(ruled(policies, "credit-line", "line", grace_on_draws=False), "credit-line")
    ours = taxed(ours, "flat-rate", materialised=True)
    story = Story(ours)
    for loan, name, n in ((1, "instalment-mxn", 3), (2, "instalment-mxn", 4),
                             (3, "instalment-inr", 4), (4, "covered-borrower", 12),
                             (5, "flat-rate", 3)):  # fmt: skip
        story = story.lent(terms(ours, name, loan_id=loan, n=n))
    line = terms(ours, "credit-line", loan_id=6, principal=500_000, rate="18.25", n=24)
    fee = json.dumps({"component": Component.fee.value, "due_date": "2024-01-10"})
    duty, rate = json.dumps({"flag": "active_duty"}), '{"rate_ppb": 90000000, "keep": "term"}'
    orders = (
        Story(ours).lent(line).rows[0],
        _event(Kind.charge_assessed, 1, "2024-01-10", 1_000, "f", fee),
        _event(Kind.charge_waived, 1, "2024-01-12", 1_000, "w", fee),
        _event(Kind.interest_waived, 1, "2024-02-03", 600, "i", None),
        _event(Kind.flag_set, 4, "2024-01-11", None, "on", duty),
        _event(Kind.rate_changed, 4, "2024-02-10", None, "r", rate),
        _event(Kind.flag_cleared, 4, "2024-03-11", None, "off", duty),
        _event(Kind.disbursed, 6, "2024-01-01", 100_000, "d", None),
    )
    story = Story(ours, (*story.rows, *orders))
    for loan, amount, on in ((2, 20_000, "2024-02-27"), (3, 31_000, "2024-02-12"),
                             (5, 60_000, "2024-01-20"), (6, 30_000, "2024-02-22")):  # fmt: skip
        story = story.paid(amount, on, loan_id=loan)
    story = story.charged_off("2024-03-20", loan_id=2)
    late = [
        (days, payment(amount, on, loan_id=loan, ref="l"))
        for loan, days, amount, on in (
            (1, 9, 700, "2024-01-11"), (2, 22, 9_000, "2024-02-10"), (3, 20, 10_000, "2024-02-05"),
            (4, 12, 10_600, "2024-02-01"), (5, 30, 30_000, "2024-02-10"), (6, 20, 1_500, "2024-02-10"),
        )
    ]  # fmt: skip
    same_as_in_time(told(story, *late), ours, dt.date(2024, 3, 22))


def test_a_law_binds_from_its_own_day_whatever_a_loan_was_boarded_under(
    policies: PolicyBook,
) -> None:
    """GST on penal charges to 2023 and none since, and late fees that a law lowers."""
    fee = policies.in_force(LateFee, "standard", dt.date(2024, 1, 1))
    lower = {"version": 2, "effective_from": dt.date(2024, 4, 14), "grace_days": 20,
             "percent_ppb": 10_000_000, "follows": "law"}  # fmt: skip
    ours = with_more(policies, ("late_fees", fee.model_copy(update=lower)))
    story = Story(ours)
    inr = {"principal": 100_000_00, "rate": "12", "n": 6}
    story = story.lent(terms(ours, "instalment-inr", **inr))
    story = story.lent(terms(ours, "instalment-inr", loan_id=2, start="2023-10-30",
                             first_due="2023-11-30", **inr))  # fmt: skip
    story = story.lent(terms(ours, "instalment-act365", loan_id=3, n=6))
    life = story.live("2024-05-22")
    # instalment 17,255.00 from 1 Feb: 17,255.00 x 24 % x 29 / 365 = 329.03 on 1 Mar, and no tax
    assert (life.on("2024-03-01")["penalties_due"], life.on("2024-03-01")["taxes_due"]) == (
        32903,
        0,
    )
    # from 30 Nov to 30 Dec 2023: x 30 / 365 = 340.37, of it 18 % are 61.27; none on 30 Jan 2024
    charged = life.on("2023-12-30", 2)
    assert (charged["penalties_due"], charged["taxes_due"]) == (340_37, 61_27)
    assert life.on("2024-01-30", 2)["taxes_due"] == 61_27
    # of 207.04 5 % on 12 Feb, 12 Mar and 12 Apr: 10.35 each; that of 1 May by the law, on 22 May: 2.07
    assert life.on("2024-05-21", 3)["penalties_due"] == 31_05
    assert life.on("2024-05-22", 3)["penalties_due"] == 33_12
    on = dt.date(2024, 5, 22)
    told = {n: explain(replay(story.events().filter(pl.col("loan_id") == n), ours, on), ours, n, on)
            for n in (2, 3)}  # fmt: skip
    assert all(why.accounted for why in told.values())
    rules = [line.rule for why in told.values() for line in why.lines]
    assert rules.count("taxes/gst-18@1") == 1
    assert "late_fees/standard@1" in rules
    assert "late_fees/standard@2" in rules


def test_a_late_fee_is_as_the_law_of_the_place_has_it(policies: PolicyBook) -> None:
    story, fees = Story(policies), {"US-TX": 4_000, "US-CA": 1_000, "US-MA": 0, None: 4_000}
    for number, place in enumerate(fees, start=1):
        loan = terms(policies, "covered-borrower", loan_id=number, principal=1_200_000, n=12)
        story = story.lent(under(loan, place) if place else loan)
    life = story.live("2024-02-13")
    for number, (place, fee) in enumerate(fees.items(), start=1):
        assert life.on("2024-02-13", number)["penalties_due"] == fee, place


def test_an_annual_fee_falls_due_with_the_next_instalment(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "covered-borrower", n=15, first_due="2024-02-05"))
    for month in range(2, 13):
        story = story.paid(9_000, f"2024-{month:02d}-05", ref=f"{month}")
    life = story.live("2025-01-02")
    assert life.on("2025-01-01")["fees_due"] == 1_000
    dues = of(life.dues("2025-01-02"), Component.fee)
    assert dues == [(12, dt.date(2025, 1, 5), 1_000)]
    # the jump stops on the anniversary as the close does
    jumped = relived(story.events(), policies, dt.date(2025, 1, 2))
    assert jumped is not None
    last = jumped.stay.positions(dt.date(2025, 1, 2), dt.date(2025, 1, 2)).drop("business_date")
    assert last.equals(life.days[-1].book.positions)


def test_an_early_payoff_costs_its_fee_and_a_quote_says_so(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "covered-borrower", n=12))
    book = story.live("2024-01-20").days[-1].book
    row = quote(book, policies, dt.date(2024, 1, 21)).row(0, named=True)
    assert row["fees"] == round(120_000 * 0.02)
    life = story.paid(row["payoff"], "2024-01-21").live("2024-01-22")
    assert life.on("2024-01-21")["status"] == Status.closed
    barred = Story(policies).lent(under(terms(policies, "covered-borrower", n=12), "US-NY"))
    book = barred.live("2024-01-20").days[-1].book
    assert quote(book, policies, dt.date(2024, 1, 21))["fees"].item() == 0


def test_active_duty_holds_the_rate_and_its_end_gives_it_back(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "covered-borrower", n=12))
    body = json.dumps({"flag": "active_duty"})
    on = _event(Kind.flag_set, 1, "2024-01-11", None, "on", body)
    raised = _event(
        Kind.rate_changed, 1, "2024-02-10", None, "r", '{"rate_ppb": 90000000, "keep": "term"}'
    )
    off = _event(Kind.flag_cleared, 1, "2024-03-11", None, "off", body)
    # from March on the law allows 4 %: that holds for orders of its days, of loans boarded before too
    scra = next(p for f, p in policies.policies if f == "rate_ceilings" and p.name == "scra")
    law = scra.model_copy(
        update={"version": 2, "effective_from": dt.date(2024, 3, 1), "percent": "4"}
    )
    policies = with_more(policies, ("rate_ceilings", law))
    other = terms(policies, "covered-borrower", loan_id=2, n=12)
    late_on = _event(Kind.flag_set, 2, "2024-03-05", None, "on", body)
    of_law = Story(policies, (*story.rows, on, raised, off, late_on)).lent(other).live("2024-03-12")
    held = {day.date: day.book.terms.filter(pl.col("loan_id") == 2) for day in of_law.days}
    assert held[dt.date(2024, 3, 4)]["rate_ppb"].item() == 12 * 10**7
    assert held[dt.date(2024, 3, 5)]["rate_ppb"].item() == 4 * 10**7
    story = Story(policies, (*story.rows, on, raised, off)).paid(10_600, "2024-02-01")
    life = story.live("2024-03-12")
    rates = [d.book.terms["rate_ppb"].item() // 10**7 for d in life.days]
    days = [d.date for d in life.days]
    assert rates[days.index(dt.date(2024, 1, 10))] == 12
    assert set(rates[days.index(dt.date(2024, 1, 11)) : days.index(dt.date(2024, 3, 11))]) == {6}
    assert rates[-1] == 9
    night = round(120_000 * 0.12 * 10 / 365 + 120_000 * 0.06 / 365)
    assert life.on("2024-01-12")["interest_accrued"] == night
    emis = {d.book.terms["emi"].item() for d in life.days}
    assert len(emis) == 3  # solved anew when the ceiling binds, and at its end


def test_what_is_disclosed_is_the_equation_of_appendix_j(policies: PolicyBook) -> None:
    loan = terms(policies, "covered-borrower", principal=600_000, n=24, rate="18")
    apr = disclosed_apr(loan, policies)["apr"].item()
    fee = next(p for f, p in policies.policies if f == "origination_fees")
    assert 18 < apr < 18 + 24 * fee.percent_ppb / 10**7  # type: ignore[attr-defined]
    plain = disclosed_apr(terms(policies, "lendingclub-personal", n=12), policies)["apr"].item()
    assert plain == pytest.approx(12, abs=0.005)


def test_a_place_is_one_number_and_back() -> None:
    codes = ["US", "US-CA", "GB-ENG", "MX-BCN"]
    frame = pl.DataFrame({"code": [*codes, "usa", "", None]})
    numbers = frame.select(pack(pl.col("code"))).to_series().to_list()
    assert numbers == [*map(packed, codes), None, None, None]
    assert [unpacked(n) for n in numbers[:4]] == codes


def taxed(policies: PolicyBook, product: str, **schedule: object) -> PolicyBook:
    """The policies with 16 % on the interest, fees and penalties of one product."""
    without = {"origination_fee": None, "late_fee": None}
    return changed(policies, product, tax="vat-16", **schedule, **without)


def test_interest_of_a_schedule_that_stands_whole_is_taxed_as_it_falls_due(
    policies: PolicyBook,
) -> None:
    ours = taxed(policies, "flat-rate", materialised=True)
    story = Story(ours).lent(terms(ours, "flat-rate", n=3))  # 1,200 of interest in each
    life = story.paid(60_000, "2024-01-20").live("2024-04-01")
    tax = round(1_200 * 0.16)
    early = life.on("2024-01-20")
    assert life.allocations().filter(pl.col("event_id") == 3)["amount"].sum() == 60_000
    # an instalment and a half: both interests are met, their tax falls due with each
    assert early["taxes_due"] == 2 * tax
    dues = life.dues("2024-01-31").filter(pl.col("component") == Component.tax.value)
    falls = [dt.date(2024, 2, 1), dt.date(2024, 3, 1)]
    assert dues.select("due_date", "amount").rows() == [(day, tax) for day in falls]
    assert life.on("2024-04-01")["taxes_due"] == 3 * tax
    assert moved(life.days, "tax_receivable", "tax_payable") == 3 * tax


def test_a_payoff_of_a_schedule_that_stands_whole_asks_its_tax(policies: PolicyBook) -> None:
    ours = taxed(policies, "flat-rate", materialised=True)
    story = Story(ours).lent(terms(ours, "flat-rate", n=3))
    asked = quote(story.live("2024-01-20").days[-1].book, ours, dt.date(2024, 1, 21))
    row = asked.row(0, named=True)
    assert row["taxes"] == round(row["interest"] * 0.16) > 0
    life = story.paid(row["payoff"], "2024-01-21").live("2024-01-21")
    assert life.on("2024-01-21")["status"] == Status.closed


def test_interest_that_is_asked_anew_is_not_taxed_anew(policies: PolicyBook) -> None:
    orders = [(Kind.reamortised, {}), (Kind.reaged, REAGE),
              (Kind.reaged, REAGE | {"interest": "payable"})]  # fmt: skip
    ours = taxed(taxed(policies, "instalment-act365"), "simple-interest")
    whole = taxed(policies, "instalment-act365", materialised=True)
    stands = product_of(whole, "instalment-act365").model_copy(update={"name": "whole"})
    ours = with_more(ours, ("products", stands))
    products = ("whole", "instalment-act365", "simple-interest")
    cases = dict(enumerate(product(products, orders), start=1))
    story = Story(ours)
    for loan, (name, (kind, body)) in cases.items():
        anew = _event(kind, loan, "2024-02-15", None, "x", json.dumps(body))
        story = story.lent(terms(ours, name, loan_id=loan, n=3))
        story = Story(ours, (*story.rows, anew)).paid(300_000, "2024-04-01", loan_id=loan)
    life = story.live("2024-04-01")
    booked = life.transfers().filter(
        (pl.col("debit") == ROLE["tax_receivable"]) & (pl.col("credit") == ROLE["tax_payable"])
    )
    for loan, case in cases.items():
        last = life.on("2024-04-01", loan)
        assert last["interest_taxed"] == last["interest_paid"] > 0, case
        asked = booked.filter(pl.col("loan_id") == loan)["amount"].sum()
        assert asked == pytest.approx(last["interest_paid"] * 0.16, abs=2), case


def test_the_tax_of_a_statement_is_part_of_its_minimum(policies: PolicyBook) -> None:
    ours = taxed(ruled(policies, "credit-line", "line", grace_on_draws=False), "credit-line")
    loan = terms(ours, "credit-line", principal=500_000, rate="18.25", n=24)
    lent = Story(ours).lent(loan)
    drawn = _event(Kind.disbursed, 1, "2024-01-01", 100_000, "d", None)
    life = Story(ours, (lent.rows[0], drawn)).live("2024-02-01")
    first = life.on("2024-02-01")
    interest = 100_000 * 31 // 2000
    assert (first["interest_due"], first["taxes_due"]) == (interest, round(interest * 0.16))
    # the floor of 25.00: less principal is asked, but never less than one per cent
    assert first["principal_due"] == 1_000
    assert first["statement_unpaid"] == 100_000 + interest + first["taxes_due"]
    small = _event(Kind.disbursed, 1, "2024-01-01", 40_000, "d", None)
    low = Story(ours, (lent.rows[0], small)).live("2024-02-01").on("2024-02-01")
    assert low["principal_due"] + low["interest_due"] + low["taxes_due"] == 2_500
    dues = life.dues("2024-02-01")
    assert dues["due_date"].unique().to_list() == [dt.date(2024, 2, 22)]


def test_rules_that_contradict_themselves_are_refused() -> None:
    head = "name: a\nversion: 1\neffective_from: 2020-01-01\n"
    with pytest.raises(PolicyError, match="flat sum"):
        parse("fees", "a.yaml", head + "event: returned_payment\npercent_ppb: 5\n")
    with pytest.raises(PolicyError, match="while_flagged"):
        parse("rate_ceilings", "a.yaml", head + "source: x\nmeasure: rate\npercent: '6'\n")


def test_a_charge_of_a_loan_that_was_charged_off_bears_no_tax(policies: PolicyBook) -> None:
    """Also where it owes nothing on the day: what it owes again is off the books."""
    lent = Story(policies).lent(terms(policies, "instalment-inr", n=4)).charged_off("2024-01-10")
    owed = lent.live("2024-01-14").on("2024-01-14")
    whole = owed["principal"] + owed["interest_accrued"] + owed["fees_due"] + owed["taxes_due"]
    body = json.dumps({"component": Component.fee.value, "due_date": "2024-01-20"})
    fee = _event(Kind.charge_assessed, 1, "2024-01-20", 9_000, "f", body)
    story = lent.paid(whole + 5_000, "2024-01-14")
    life = Story(policies, (*story.rows, fee)).live("2024-01-21")
    assert life.on("2024-01-14")["status"] == Status.overpaid
    after = life.on("2024-01-20")
    assert (after["fees_due"] > 0, after["taxes_due"]) == (True, 0)
    assert after["status"] == Status.charged_off
