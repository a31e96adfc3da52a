"""Figures of faults that users of loan software report, worked out by hand in exact fractions."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from fractions import Fraction
from math import ceil

import polars as pl
import pytest

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.first_period import StubInterest
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.explain.explain import explain
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.servicing.replay.replay import replay
from tests.core.late_news import same_as_in_time
from tests.core.late_news import told as told_late
from tests.core.loans import Life, Story, _event, changed, ruled, terms

CAR = {"principal": 18_800_00, "rate": "9", "n": 48, "emi": 467_84}


class TestFlatInterest:
    """Total interest is P * r * T, and T holds an odd first period for its own days."""

    def test_an_odd_first_period_is_its_own_share(self, policies: PolicyBook) -> None:
        short = terms(policies, "flat-rate", rate="40", start="2024-01-27", first_due="2024-02-01")
        life = Story(policies).lent(short).live("2024-02-01")
        assert life.days[-1].book.terms["flat_interest"].item() == 446_45  # 40.00 * (11 + 5/31)
        interest = life.dues("2024-02-01").filter(pl.col("component") == Component.interest)
        assert interest["amount"].item() == 37_20

    def test_by_days_it_is_the_sum_of_what_each_period_asks(self, policies: PolicyBook) -> None:
        # 100.00 at 4 %, 31, 29 and 31 days of 366: 0.34 + 0.32 + 0.34, where the whole is 0.9945
        rules = {"flat_interest": "by_days", "rate_basis": "ACT/ACT"}
        whole = ruled(policies, "flat-rate", "schedule", **rules)
        loan = terms(whole, "flat-rate", principal=100_00, rate="4", n=3)
        agreed = agreed_terms(loan, whole.pins)
        rows = expand(agreed)
        assert agreed["flat_interest"].to_list() == [1_00]
        assert rows["interest"].to_list() == [34, 32, 34]
        assert (rows["principal"] + rows["interest"]).to_list() == [33_67, 33_67, 33_66]

    def test_no_other_loan_changes_it(self, policies: PolicyBook) -> None:
        flat = terms(policies, "flat-rate", principal=10_000_00, rate="24", start="2024-01-16")
        other = terms(policies, "instalment-act365", loan_id=2, start="2024-01-16")
        alone = Story(policies).lent(flat).live("2024-02-01").days[-1].book.terms
        both = Story(policies).lent(flat).lent(other).live("2024-02-01").days[-1].book.terms
        assert alone["flat_interest"].to_list() == [2_303_23]  # 200.00 * (11 + 16/31)
        assert both["flat_interest"].to_list() == [2_303_23, 0]
        assert both["has_stub"].to_list() == [True, False]

    def test_the_largest_loan_of_an_odd_first_period_is_exact(self, policies: PolicyBook) -> None:
        large = terms(policies, "flat-rate", principal=10**13, rate="100", n=600, every=11,
                      start="2024-04-21", first_due="2024-04-22")  # fmt: skip
        agreed = agreed_terms(large, policies.pins)["flat_interest"].item()
        days = (dt.date(2024, 4, 22) - dt.date(2023, 5, 22)).days
        life = Fraction(11, 12) * (599 + Fraction(1, days))
        assert agreed == round(10**13 * life)

    def test_nothing_is_billed_after_the_last_instalment(self, policies: PolicyBook) -> None:
        flat = terms(policies, "flat-rate", principal=1_200_00, rate="12", n=2)
        story = Story(policies).lent(flat).paid(612_00, "2024-02-01").paid(500_00, "2024-03-01")
        life = story.live("2024-06-01")
        for day in ("2024-04-01", "2024-06-01"):
            position = life.on(day)
            assert (position["interest_due"], position["interest_accrued"]) == (0, 0)
            assert position["interest_earned"] == 24_00


class TestSimpleInterest:
    """What is asked is tracked apart from what money pays: all interest to its day, then principal."""

    @pytest.fixture(scope="class")
    def life(self, policies: PolicyBook) -> Life:
        policies = changed(policies, "simple-interest", late_fee=None)
        story = Story(policies)
        for loan_id in range(1, 6):
            story = story.lent(terms(policies, "simple-interest", loan_id=loan_id, **CAR))  # type: ignore[arg-type]
        for loan_id in (1, 2, 3, 4):
            story = story.paid(400_00, "2024-02-01", loan_id=loan_id)
        story = story.paid(67_84, "2024-02-28", loan_id=1, ref="rest")
        for loan_id, on in ((2, "2024-02-29"), (3, "2024-03-01"), (4, "2024-03-02")):
            story = story.paid(50_00, on, loan_id=loan_id, ref="part")
        return story.paid(467_84, "2024-02-21", loan_id=5).live("2024-03-02")

    def test_a_shortfall_made_good_is_current_again(self, life: Life) -> None:
        after = life.on("2024-02-28")
        assert (after["principal_due"], after["interest_due"], after["days_past_due"]) == (0, 0, 0)
        assert after["principal"] == 18_800_00 - 256_30
        assert after["interest_accrued"] == 123_46 - 67_84
        asks = life.on("2024-03-01")
        assert asks["principal_due"] + asks["interest_due"] == 467_84

    @pytest.mark.parametrize(
        ("loan_id", "on"), [(2, "2024-02-29"), (3, "2024-03-01"), (4, "2024-03-02")]
    )
    def test_a_part_payment_is_interest_before_old_principal(
        self, life: Life, loan_id: int, on: str
    ) -> None:
        assert life.on(on, loan_id)["principal"] == 18_543_70
        last = life.on("2024-03-02", loan_id)
        unpaid = last["principal_due"] + last["interest_due"]
        assert unpaid == 67_84 + 467_84 - 50_00
        assert last["days_past_due"] == 30

    def test_interest_is_rounded_when_money_comes(self, life: Life) -> None:
        paid = life.allocations().filter(
            (pl.col("loan_id") == 5) & (pl.col("component") == Component.interest)
        )
        assert paid["amount"].sum() == 236_42  # 18,800 * 9 % * 51/365 = 236.4164


class TestPlan:
    """The plan that is disclosed is the life of a loan that is paid on time."""

    def test_it_ends_when_life_does(self, policies: PolicyBook) -> None:
        # 270.51 * 177.48 % / 12 = 40.0084 a month, against an instalment of 40.01
        loan = terms(policies, "lendingclub-personal", principal=270_51, rate="177.48", n=300,
                     emi=40_01)  # fmt: skip
        plan = expand(agreed_terms(loan, policies.pins))
        rows = plan.filter(pl.col("opening") > 0)
        story = Story(policies).lent(loan)
        for on in rows["period_end"].head(73).to_list():
            story = story.paid(40_01, on.isoformat(), ref=str(on))
        last = rows["period_end"][-1].isoformat()
        asked = story.live(last).dues(last)
        assert rows.height == 74
        assert asked["amount"].to_list() == [rows["principal"][-1], rows["interest"][-1]]


class TestOrdersOfTheDay:
    """An order that spreads what is owed finds the money of its own day paid."""

    @pytest.mark.parametrize(
        ("kind", "body"),
        [(Kind.reamortised, {"keep": "term"}), (Kind.interest_capitalised, {}),
         (Kind.charge_off, {}), (Kind.contract_accelerated, {}),
         (Kind.moratorium_granted, {"instalments": 1, "interest": "none"}),
         (Kind.reaged, {"instalments": 5, "due_date": "2024-03-01", "interest": "level"})],
    )  # fmt: skip
    def test_what_is_paid_that_day_is_not_spread(
        self, policies: PolicyBook, kind: Kind, body: dict[str, object]
    ) -> None:
        story = Story(policies).lent(terms(policies, "instalment-act365", n=6))
        order = _event(kind, 1, "2024-02-01", None, "o", json.dumps(body))
        story = replace(story, rows=(*story.rows, order)).paid(207_04, "2024-02-01")
        life = story.live("2024-03-01")
        met = life.allocations().select("instalment_no", "amount").rows()
        assert sum(amount for _, amount in met) == 207_04
        assert {number for number, _ in met} == {1}
        if kind is Kind.reamortised:
            asked = life.dues("2024-03-01").filter(pl.col("instalment_no") == 2)["amount"].sum()
            assert asked == 207_04


class TestPenalInterest:
    """What is given up bears nothing, also if the loan comes back."""

    def test_a_small_claim_given_up_bears_no_more(self, policies: PolicyBook) -> None:
        name = "instalment-inr"
        small = changed(policies, name, small_balance_minor=30_00)
        loan = terms(small, name, principal=500_00, rate="0", n=1, first_due="2024-02-01")
        back = _event(Kind.chargeback, 1, "2024-12-01", 475_00, "b", None)
        story = Story(small).lent(loan).paid(475_00, "2024-02-01")
        life = replace(story, rows=(*story.rows, back)).live("2024-12-02")
        given_up = life.on("2024-02-01")
        assert (given_up["penal_base"], given_up["penal_from"]) == (0, None)
        assert life.on("2024-12-02")["penalties_due"] == 0


class TestMoneyOfNoLoan:
    """Money for a loan that is no more is held by who received it, in its own currency."""

    def test_yen_for_a_loan_that_was_written_off(self, policies: PolicyBook) -> None:
        loan = terms(policies, "instalment-jpy", principal=100_000, n=6)
        yen = loan["currency"].item()
        gone = _event(Kind.write_off, 1, "2024-02-05", None, "w", None)
        paid = _event(Kind.payment_received, 1, "2024-02-10", 5_000, "p", None)
        paid |= {"currency": yen, "idempotency_key": "jp-consumer/bank/payment_received/p"}
        story = Story(policies).lent(loan)
        story = replace(story, rows=(*story.rows, gone, paid))
        held = story.closed_daily("2024-02-10").transfers()
        held = held.filter(pl.col("credit") == ROLE["unidentified_receipts"])
        entity = policies.entities.index("jp-consumer")
        assert held.select("entity", "currency", "amount").rows() == [(entity, yen, 5_000)]


class TestPrepayments:
    """What the next due dates ask after money beyond what is due, by designation and by `excess`."""

    def test_principal_only_pay_ahead_and_recast(self, policies: PolicyBook) -> None:
        ours = ruled(policies, "instalment-act365", "payments", excess="recast")
        recast = {"principal": 512_82, "rate": "15.5", "n": 3, "start": "2023-11-21"}
        story = Story(ours).lent(terms(ours, "instalment-act365", first_due="2023-12-21", **recast))
        story = story.paid(175_39, "2023-12-21", ref="a").paid(14_61, "2023-12-27", ref="b")
        story = story.paid(167_96, "2024-01-21", ref="c").paid(167_96, "2024-02-21", ref="d")
        story = story.lent(terms(ours, "instalment-act365", loan_id=2, n=6))
        told = {"2024-02-10": (207_04, "pay_ahead"), "2024-02-12": (300_00, "principal_only")}
        ahead = [_event(Kind.payment_received, 2, day, amount, day, json.dumps({"designation": word}))
                 for day, (amount, word) in told.items()]  # fmt: skip
        story = story.paid(207_04, "2024-02-01", loan_id=2)
        news = [(5, ahead[1])]
        days = same_as_in_time(
            told_late(replace(story, rows=(*story.rows, ahead[0])), *news),
            ours,
            dt.date(2024, 4, 2),
        )
        by_day = {closed.date: closed.book.positions for closed, _ in days}

        def on(day: str, loan: int) -> dict[str, int]:
            rows = by_day[dt.date.fromisoformat(day)].filter(pl.col("loan_id") == loan)
            return rows.row(0, named=True)

        # 343.96 after the first; six nights cost 0.88, 13.73 lower it; 167.96 twice pay 330.23 off:
        # 330.23 x 15.5 % x 25 / 365 = 3.51, then 165.78 x 15.5 % x 31 / 365 = 2.18
        assert (on("2023-12-21", 1)["principal"], on("2023-12-27", 1)["principal"]) == (
            343_96,
            330_23,
        )
        assert on("2024-01-21", 1)["principal"] == 165_78
        assert on("2024-02-21", 1)["status"] == Status.closed
        # paid ahead on 10 Feb, 300.00 off the balance on 12 Feb: 1 March asks nothing, 1 April 207.04
        asked = {day: on(day, 2) for day in ("2024-02-17", "2024-03-01", "2024-04-01")}
        assert asked["2024-02-17"]["principal"] == 501_12  # 1,005.19 - 204.07 - 300.00
        assert asked["2024-03-01"]["principal_due"] + asked["2024-03-01"]["interest_due"] == 0
        assert asked["2024-04-01"]["principal_due"] + asked["2024-04-01"]["interest_due"] == 207_04


class TestSchedulesOfTheirOwn:
    """A last period to a maturity off the cycle, and interest-only months, each of a loan alone."""

    def test_the_last_period_bears_its_own_days_of_a_whole_one(self, policies: PolicyBook) -> None:
        policies = ruled(policies, "lendingclub-personal", "interest", residue="drop")
        product, maturities = "lendingclub-personal", {1: "2024-03-20", 2: "2024-04-10", 3: None}
        loans = pl.concat(
            terms(policies, product, loan_id=n, n=3).with_columns(
                matures_on=pl.lit(on and dt.date.fromisoformat(on), dtype=pl.Date)
            )
            for n, on in maturities.items()
        )
        only = terms(policies, product, loan_id=4, n=6).with_columns(
            interest_only=pl.lit(2, dtype=pl.Int16)
        )
        loans = pl.concat([loans, only])
        rows = expand(agreed_terms(loans, policies.pins))
        # 1 % a month; of March 19 of its 31 days, and 40 of them: 0.612903 % and 1.290323 %
        for number, share in ((1, Fraction(19, 31)), (2, Fraction(40, 31)), (3, Fraction(1))):
            plan = rows.filter(pl.col("loan_id") == number)
            last = Fraction(share, 100)
            v = [Fraction(100, 101), Fraction(100, 101) ** 2]
            level = ceil(1_200_00 / (v[0] + v[1] + v[1] / (1 + last)))
            left = 1_200_00 - plan["principal"][:2].sum()
            assert (plan["principal"] + plan["interest"])[:2].to_list() == [level, level]
            assert plan["interest"][2] == round(left * last)
            assert plan["period_end"][2] == dt.date.fromisoformat(
                maturities[number] or "2024-04-01"
            )
        free = rows.filter(pl.col("loan_id") == 4)
        assert free["principal"][:2].to_list() == [0, 0]
        assert free["interest"][:2].to_list() == [12_00, 12_00]
        # 1,200.00 at 1 % over four: 307.54
        assert (free["principal"] + free["interest"])[2:5].to_list() == [307_54] * 3
        story = Story(policies)
        for number in range(1, 5):
            story = story.lent(loans.filter(pl.col("loan_id") == number))
            for at, due, principal, interest in (
                rows.filter(pl.col("loan_id") == number)
                .select("instalment_no", "period_end", "principal", "interest")
                .rows()
            ):
                story = story.paid(principal + interest, str(due), loan_id=number, ref=f"{at}")
        life = story.live("2024-07-02")
        assert life.on("2024-03-20")["status"] == Status.closed
        assert life.on("2024-04-10", 2)["status"] == Status.closed
        assert life.days[-1].book.positions.is_empty()

    def test_an_odd_first_periods_interest_is_asked_as_agreed(self, policies: PolicyBook) -> None:
        # 100,000.00 x 14.5 % x 2 / 365 = 79.45 for 3 and 4 November, by each way of loans that bear a
        # twelfth of the year a month, and of loans that bear their nights; each level is 9,003.00
        rules = {"instalment_multiple": 100, "instalment_rounding": "up"}
        policies = changed(policies, "instalment-inr", stub="plus_days_365", **rules)
        policies = changed(policies, "instalment-act365", stub_interest="spread", **rules)
        policies = changed(policies, "simple-interest", stub_interest="spread")
        ways = dict(enumerate(StubInterest, start=1))
        ways |= {n + 4: way for n, way in ways.items()} | {9: StubInterest.upfront, 10: None}
        products = (
            ["instalment-inr"] * 4
            + ["instalment-act365"] * 4
            + ["equal-principal", "simple-interest"]
        )
        loans = pl.concat(
            terms(policies, product, loan_id=n, principal=100_000_00, rate="14.5",
                  start="2023-11-03", first_due="2023-12-05").with_columns(
                # of the eighth the product says it
                stub_interest_agreed=pl.lit(None if n > 9 or n == 8 else ways[n], dtype=pl.Int8))
            for n, product in enumerate(products, start=1)
        )  # fmt: skip
        agreed = agreed_terms(loans, policies.pins)
        plan = expand(agreed).with_columns(asked=pl.col("principal") + pl.col("interest"))
        first = plan.filter(pl.col("instalment_no") == 1)["asked"].to_list()
        second = plan.filter(pl.col("instalment_no") == 2)["asked"].to_list()
        # within: 9,010.00 each; on top of the first: 9,082.45; in each: 79.45 / 12 = 6.62
        assert first[:8] == [9_010_00, 9_082_45, 9_082_45, 9_009_62] * 2
        assert second[:8] == [9_010_00, 9_003_00, 9_003_00, 9_009_62] * 2
        # a thirtieth of 1,208.33 for each of the two days: 80.56; parts of 8,333.33
        assert (first[8], agreed["stub_amount"][8]) == (8_333_33 + 1_208_33 + 80_56, 80_56)
        story = Story(policies)
        for n in ways:
            story = story.lent(loans.filter(pl.col("loan_id") == n))
            kept = agreed["stub_amount"][n - 1] if ways[n] is StubInterest.upfront else 0
            for at, due, amount in (
                plan.filter(pl.col("loan_id") == n)
                .select("instalment_no", "period_end", "asked")
                .rows()
            ):
                due_now = amount - (kept if at == 1 else 0)
                story = story.paid(due_now, str(due), loan_id=n, ref=f"{at}")
        life = story.live("2024-11-05")
        # what the plan asks pays each off to the cent; nothing is ever past due
        assert life.days[-1].book.positions.filter(pl.col("status") != Status.closed).is_empty()
        assert life.on("2023-11-03", 2)["interest_accrued"] == -79_45  # paid before it is earned
        due = life.dues("2023-12-05").filter(pl.col("loan_id") == 2)
        assert due.is_empty()  # 9,003.00 was paid
        # 1,287.79 of the first period, 6.62 of the stub's 79.45 asked: 72.83 are owed and wait
        assert life.on("2023-12-05", 4)["interest_accrued"] == 72_83
        as_of = dt.date(2023, 12, 5)
        why = explain(replay(story.events(), policies, as_of), policies, 2, as_of)
        assert any(
            "79.45" in line.what and line.moves.get("interest") == -79_45 for line in why.lines
        )
        # what waits of the stub's interest is on top of a level that is made anew, not within it
        anew = Story(policies)
        for n in (7, 8):
            anew = anew.lent(loans.filter(pl.col("loan_id") == n)).paid(
                first[n - 1], "2023-12-05", loan_id=n
            )
        spread = [_event(Kind.reamortised, n, "2023-12-20", None, "r", "{}") for n in (7, 8)]
        book = replace(anew, rows=(*anew.rows, *spread)).live("2023-12-20").days[-1].book
        assert book.terms["emi"].n_unique() == 1
        late = pl.concat([terms(policies, "instalment-inr", loan_id=1, principal=100_000_00, rate="14.5",
            start="2023-11-20", first_due="2023-12-05").with_columns(
                stub_interest_agreed=pl.lit(StubInterest.upfront, dtype=pl.Int8))])  # fmt: skip
        # 15 days fewer: 100,000.00 x 14.5 % x 15 / 365 = 595.89 less with the first
        short = expand(agreed_terms(late, policies.pins))
        asked = (short["principal"] + short["interest"])[:2].to_list()
        assert asked == [9_003_00 - 595_89, 9_003_00]

    def test_a_schedule_agreed_row_by_row_is_lived_as_told(self, policies: PolicyBook) -> None:
        rows = "2024-02-05:40000:1381;2024-03-20:50000:1157;2024-05-01:30000:414"
        fixed = {
            "agreed_schedule": pl.lit(rows),
            "schedule_fixed_on": pl.lit(dt.date(2024, 1, 1)),
        }
        story = Story(policies)
        for n in (1, 2, 3, 4):
            product = "simple-interest" if n == 4 else "instalment-act365"
            loan = terms(policies, product, loan_id=n, n=3, first_due="2024-02-05")
            story = story.lent(loan.with_columns(**fixed))
        told = (("2024-02-05", 413_81), ("2024-03-20", 511_57), ("2024-05-01", 304_14))
        for on, amount in told:
            story = story.paid(amount, on, ref=on)
        # the second pays the first ten days late, the third two of them at once before the first is due
        story = story.paid(413_81, "2024-02-15", loan_id=2).paid(925_38, "2024-01-20", loan_id=3)
        order = json.dumps({"instalments": 2, "due_date": "2024-04-10", "interest": "payable"})
        aged = _event(Kind.reaged, 2, "2024-03-25", None, "r", order)
        story = story.paid(600_00, "2024-02-10", loan_id=4)
        life = replace(story, rows=(*story.rows, aged)).live("2024-05-12")
        # whatever its product says of interest at payment: 1,200.00 - (600.00 - 13.81 - 11.57)
        simple = life.on("2024-05-02", 4)
        owed = (simple["principal"], simple["principal_due"], simple["interest_due"])
        assert owed == (625_38, 625_38, 4_14)
        assert life.on("2024-05-01")["status"] == Status.closed
        late = life.on("2024-02-12", 2)
        assert (late["days_past_due"], late["principal_due"], late["interest_due"]) == (
            7,
            400_00,
            13_81,
        )
        due = life.on("2024-03-20", 2)
        assert (due["principal"], due["principal_due"], due["interest_due"]) == (
            800_00,
            500_00,
            11_57,
        )
        assert life.on("2024-03-20", 3)["days_past_due"] == 0
        paid = life.on("2024-03-20", 3)
        assert (paid["principal"], paid["interest_due"], paid["principal_due"]) == (300_00, 0, 0)
        # 800.00, 11.57 and the 0.49 of five nights since (4.14 x 5 / 42) in two even parts of 406.03
        dues = life.dues("2024-04-09").filter(pl.col("loan_id") == 2).filter(pl.col("amount") > 0)
        assert dues.group_by("due_date").agg(pl.col("amount").sum()).sort("due_date").rows() == [
            (dt.date(2024, 4, 10), 406_03), (dt.date(2024, 5, 10), 406_03),
        ]  # fmt: skip
