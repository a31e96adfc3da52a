"""Loans that already live: taken over with their balances, they go on as they would have."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.contract.boarding import payload
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product_rules.payouts import AdvanceRules
from loanbook.core.servicing.changes.migration_in import BALANCES, OF_LINES, openings, tied
from loanbook.core.servicing.replay.payoff_quote import quote
from tests.core.late_news import same_as_in_time, told
from tests.core.loans import Life, Story, _event, changed, payment, ruled, terms
from tests.core.test_advances import ADVANCE

PAID = (("2024-02-01", 10_662), ("2024-03-05", 10_662), ("2024-04-20", 4_000))
"""One on time, one late, one in part: the last instalment before May is past due."""


def taken_over(
    policies: PolicyBook,
    product: str,
    on: str,
    life: Life,
    *,
    given: pl.DataFrame | None = None,
    waits: int = 0,
    loan_id: int = 1,
    was: int | None = None,
) -> Story:
    """The loan of `life` (there `was`) as its servicer's tape would tell it at the end of a day."""
    position = life.on(on, was or loan_id)
    loan = terms(policies, product, n=12) if given is None else given
    agreed = life.days[-1].book.terms.filter(pl.col("loan_id") == (was or loan_id))
    emi = agreed["emi"].item() if agreed.height else None
    loan = loan.with_columns(
        loan_id=pl.lit(loan_id, dtype=pl.Int64),
        emi=pl.lit(emi),
        taken_over_on=pl.lit(dt.date.fromisoformat(on)),
        principal_left=pl.lit(position["principal"] - position["principal_due"]),
    )
    late = position["oldest_due_date"]
    body = {name: position[name] for name in (*BALANCES, *OF_LINES, "in_grace")}
    body |= {"past_due_since": late.isoformat() if late else None, "interest_in_grace": waits}
    boarded = _event(Kind.loan_boarded, loan_id, on, None, "b", loan.select(payload(loan)).item())
    brings = _event(Kind.migrated_in, loan_id, on, position["principal"], "t", json.dumps(body))
    return Story(policies, (boarded, brings))


def test_a_loan_that_is_taken_over_lives_on_as_it_would_have(policies: PolicyBook) -> None:
    cases = {
        1: ("instalment-act365", "2024-03-20"),
        2: ("instalment-act365", "2024-05-01"),
        3: ("equal-principal", "2024-04-30"),
        4: ("lendingclub-personal", "2024-05-01"),
    }
    story = Story(policies)
    for loan, (product, _) in cases.items():
        story = story.lent(terms(policies, product, loan_id=loan, n=12))
        for day, amount in PAID:
            story = story.paid(amount, day, loan_id=loan, ref=day)
    lived = story.live("2024-05-20")
    before = Story(policies)
    for loan, (product, on) in cases.items():
        brought = taken_over(policies, product, on, lived, loan_id=loan)
        before = Story(policies, (*before.rows, *brought.rows))
        for day, amount in PAID:
            if day > on:
                before = before.paid(amount, day, loan_id=loan, ref=day)
    ours = before.live("2024-05-20")
    names = ["principal", "principal_due", "interest_due", "credit", "instalment_no",
             "period_end", "next_due_date"]  # fmt: skip
    for loan, (product, on) in cases.items():
        for day in (on, "2024-05-02", "2024-05-20"):
            was, is_ = lived.on(day, loan), ours.on(day, loan)
            for name in names:
                near = 0 if product == "equal-principal" else 2  # a fraction of a cent stays behind
                if isinstance(was[name], int):
                    assert abs(was[name] - is_[name]) <= near, (loan, day, name, was, is_)
                else:
                    assert was[name] == is_[name], (loan, day, name)
            assert was["days_past_due"] == is_["days_past_due"], (loan, day)
    late = [(7, payment(5_000, "2024-05-03", loan_id=loan, ref="l")) for loan in cases]
    same_as_in_time(told(before, *late), policies, dt.date(2024, 5, 14))


def test_what_loans_bring_stands_against_the_migration_account_and_ties(
    policies: PolicyBook,
) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365", n=12)).paid(900, "2024-02-01")
    lived = story.live("2024-04-02")
    life = taken_over(policies, "instalment-act365", "2024-04-02", lived).live("2024-04-05")
    position, balances = life.on("2024-04-02"), life.balances
    claim = position["principal"] + sum(
        position[n] for n in ("interest_accrued", "interest_due", "fees_due", "penalties_due")
    )
    held = balances.filter(pl.col("account") == ROLE["migration"])["balance"].sum()
    assert held == -claim
    events = life.days[0].applied
    brought = openings(events)
    assert brought["on"].to_list() == [dt.date(2024, 4, 2)]
    lines = tied(brought, life.days[0].book.positions)
    assert lines["ties"].all(), lines.filter(~pl.col("ties"))
    assert lines.filter(pl.col("balance") == "days_past_due")["tape"][0] == 61
    wrong = life.days[0].book.positions.with_columns(interest_due=pl.col("interest_due") + 5)
    assert tied(brought, wrong).filter(~pl.col("ties"))["difference"].to_list() == [5]


def test_money_for_the_oldest_arrears_moves_days_past_due(policies: PolicyBook) -> None:
    story = Story(policies).lent(terms(policies, "instalment-act365", n=12))
    lived = story.live("2024-04-15")  # three instalments are past due
    owed = lived.on("2024-04-15")
    before = taken_over(policies, "instalment-act365", "2024-04-15", lived)
    third = -(-(owed["principal_due"] + owed["interest_due"] + owed["penalties_due"]) // 3) + 1_200
    life = before.paid(third, "2024-04-16").live("2024-04-16")
    assert life.on("2024-04-15")["days_past_due"] == 74
    assert life.on("2024-04-16")["days_past_due"] == 46


LINE = {"principal": 500_000, "rate": "18.25", "n": 24}
"""A line of 5,000.00 that bears 5 of 10,000 a night; its advances 6."""


TAKEN_OVER = {
    1: ("2024-02-10", (), 9 * 100_000 * 5 // 10_000),  # grace is lost on the 22nd, from the 1st on
    2: ("2024-02-10", (("2024-02-20", 180_000),), 9 * 100_000 * 5 // 10_000),
    3: ("2024-02-28", (("2024-02-20", 2_500),), 0),  # without grace: all is shown
    4: ("2024-02-28", (), 0),  # past due
    5: ("2024-03-10", (("2024-02-20", 160_000), ("2024-03-15", 20_000)), 0),  # in credit
}
"""Lines: when they are taken over, what was paid, and interest that waits while there is grace."""


def test_a_line_that_is_taken_over_goes_on_with_its_statement(policies: PolicyBook) -> None:
    # no late fee is charged anew on what is past due at the take-over
    free = changed(policies, "credit-line", late_fee=None)
    card = ruled(free, "credit-line", "line", cash_advances=AdvanceRules(margin_percent="3.65"))
    draws = [
        ("2024-01-11", 100_000, None),
        ("2024-01-16", 50_000, ADVANCE),
        ("2024-03-20", 30_000, None),
    ]
    loan = terms(card, "credit-line", **LINE)  # type: ignore[arg-type]
    rows: dict[int, list[dict]] = {}  # type: ignore[type-arg]
    boarded = []
    for number, (_, paid, _) in TAKEN_OVER.items():
        numbered = loan.with_columns(loan_id=pl.lit(number, dtype=pl.Int64))
        boarded.append(Story(card).lent(numbered).rows[0])
        rows[number] = [
            _event(Kind.disbursed, number, day, much, f"d{day}", body) for day, much, body in draws
        ]
        rows[number] += [payment(much, day, loan_id=number, ref=f"p{day}") for day, much in paid]
    lived = Story(card, (*boarded, *(r for each in rows.values() for r in each))).live("2024-04-30")
    story: tuple[dict, ...] = ()  # type: ignore[type-arg]
    for number, (on, _, waits) in TAKEN_OVER.items():
        late = [r for r in rows[number] if r["value_date"] > dt.date.fromisoformat(on)]
        before = taken_over(card, "credit-line", on, lived, given=loan, waits=waits, loan_id=number)
        story = (*story, *before.rows, *late)
    ours = Story(card, story).live("2024-04-30")
    names = ["principal", "cash_advances", "principal_due", "interest_due", "interest_accrued", "credit",
             "in_grace", "statement_unpaid", "next_due_date", "days_past_due"]  # fmt: skip
    for number, (on, *_) in TAKEN_OVER.items():
        for day in (on, "2024-02-29", "2024-03-01", "2024-03-23", "2024-04-01", "2024-04-30"):
            if day >= on:
                was, is_ = lived.on(day, number), ours.on(day, number)
                assert [was[n] for n in names] == [is_[n] for n in names], (number, day)
    by_day = {done.date: done for done in ours.days}
    for on in {dt.date.fromisoformat(on) for on, *_ in TAKEN_OVER.values()}:
        brought = openings(by_day[on].applied)
        lines = tied(brought, by_day[on].book.positions)
        assert lines.height
        assert lines["ties"].all(), lines.filter(~pl.col("ties"))


def test_a_schedule_that_stands_whole_is_taken_over(policies: PolicyBook) -> None:
    loan = terms(policies, "pay-in-four", rate="0", n=3, principal=10_000)
    later = (("2024-03-01", 2_500), ("2024-04-02", 6_000))
    story, second = Story(policies), {1: 2_500, 2: 3_000, 3: 500}
    for number, paid in second.items():
        story = story.lent(loan.with_columns(loan_id=pl.lit(number, dtype=pl.Int64)))
        story = story.paid(2_500, "2024-01-01", loan_id=number)
        story = story.paid(paid, "2024-02-01", loan_id=number, ref="2")
        for day, amount in later:
            story = story.paid(amount, day, loan_id=number, ref=day)
    lived = story.live("2024-04-05")
    # each is taken over twice: as 11, 12, 13 and as 21, 22, 23
    before, cases = Story(policies), {}
    for tens, on in ((10, "2024-02-15"), (20, "2024-03-01")):
        for number in second:
            ours = tens + number
            cases[ours] = (number, on)
            brought = taken_over(
                policies, "pay-in-four", on, lived, given=loan, loan_id=ours, was=number
            )
            before = Story(policies, (*before.rows, *brought.rows))
            for day, amount in later:
                if day > on:
                    before = before.paid(amount, day, loan_id=ours, ref=day)
    life = before.live("2024-04-05")
    names = ["principal", "principal_due", "credit", "instalment_no", "next_due_date",
             "days_past_due", "prepaid_dues", "status"]  # fmt: skip
    for ours, (number, on) in cases.items():
        for day in (on, "2024-03-02", "2024-04-01", "2024-04-05"):
            was, is_ = lived.on(day, number), life.on(day, ours)
            assert [was[n] for n in names] == [is_[n] for n in names], (ours, on, day)


def test_principal_beyond_a_schedule_that_stands_whole_comes_with_its_last_instalment(
    policies: PolicyBook,
) -> None:
    loan = terms(policies, "pay-in-four", rate="0", n=3, principal=10_000).with_columns(
        taken_over_on=pl.lit(dt.date(2024, 2, 15)), principal_left=pl.lit(5_600)
    )
    body = dict.fromkeys(BALANCES, 0) | {"principal": 5_600, "past_due_since": None}
    boarded = _event(
        Kind.loan_boarded, 1, "2024-02-15", None, "b", loan.select(payload(loan)).item()
    )
    brings = _event(Kind.migrated_in, 1, "2024-02-15", 5_600, "t", json.dumps(body))
    life = Story(policies, (boarded, brings)).live("2024-04-01")
    assert life.on("2024-03-01")["principal_due"] == 2_500
    assert life.on("2024-04-01")["principal_due"] == 5_600


def test_a_rebate_of_a_loan_that_is_taken_over_goes_by_its_whole_charge(
    policies: PolicyBook,
) -> None:
    book = ruled(policies, "equal-principal", "interest", rebate="rule_of_78")
    lived = Story(book).lent(terms(book, "equal-principal", n=12)).live("2024-04-10")
    ours = taken_over(book, "equal-principal", "2024-04-10", lived).live("2024-04-10")
    on = dt.date(2024, 4, 20)
    asked = [quote(life.days[-1].book, book, on) for life in (lived, ours)]
    assert asked[0]["interest"].item() == asked[1]["interest"].item() > 0


def test_past_its_last_instalment_all_of_a_schedule_that_stands_whole_is_due(
    policies: PolicyBook,
) -> None:
    on = dt.date(2024, 4, 20)
    loan = terms(policies, "pay-in-four", rate="0", n=3, principal=10_000).with_columns(
        taken_over_on=pl.lit(on), principal_left=pl.lit(500)
    )
    body = dict.fromkeys(BALANCES, 0) | {"principal": 500, "past_due_since": None}
    boarded = _event(Kind.loan_boarded, 1, str(on), None, "b", loan.select(payload(loan)).item())
    brings = _event(Kind.migrated_in, 1, str(on), 500, "t", json.dumps(body))
    life = Story(policies, (boarded, brings)).paid(500, "2024-04-22").live("2024-04-22")
    assert life.on("2024-04-20")["principal_due"] == 500
    assert life.on("2024-04-20")["days_past_due"] == 19
    assert life.on("2024-04-22")["status"] == Status.closed
