"""Schedules at their edges: periods that a calendar or an order moves, grace over all of them, a balloon.

One book of loans of 1,200.00, each of a product of its own; the sums are of whole minor units.
"""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.disclosed.disclosure import us_apr
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.servicing.loan.opening import agreed_terms
from tests.core.loans import Life, Story, _event, product_of, ruled, terms, with_more

WEEKDAYS = {"calendar": "us-federal", "adjust_accrual": True}
DAILY: dict[str, dict[str, object]] = {
    "on-monday": {"business_day": "following", **WEEKDAYS},
    "before": {"business_day": "preceding", **WEEKDAYS},
    "free-first": {"rate_basis": "period", "grace_charged": 2},
    "level-balloon": {"rate_basis": "period", "last_instalment": "level"},
    "level-grace": {"rate_basis": "period", "last_instalment": "level", "grace_principal": 5},
    "plain": {"rate_basis": "period"},
    "prorate": {"rate_basis": "30/360"},
    "forward": {"rate_basis": "30/360", "stub": "forward"},
}
SCHEDULED: dict[str, dict[str, object]] = {
    "fixed": {"rate_basis": "period"},
    "joins": {"rate_basis": "period", "shortfall": "capitalise", "grace_interest": 2},
    "fixed-monday": {"rate_basis": "period", "business_day": "following", **WEEKDAYS},
    "counted-monday": {"rate_basis": "ACT/365F", "business_day": "following", **WEEKDAYS},
}
MOVED = {6: ("prorate", "2024-04-15"), 7: ("prorate", "2024-02-25"),
         8: ("forward", "2024-04-15"), 9: ("forward", "2024-02-25")}  # fmt: skip


@pytest.fixture(scope="module")
def odd(policies: PolicyBook) -> PolicyBook:
    plain = product_of(policies, "instalment-act365").model_copy(update={"late_fee": None})
    made = []
    for accrual, products in (("daily", DAILY), ("scheduled", SCHEDULED)):
        for name, rules in products.items():
            schedule = plain.schedule.model_copy(update=rules)
            interest = plain.interest.model_copy(update={"accrual": accrual})
            told = {"name": name, "schedule": schedule, "interest": interest}
            made.append(("products", plain.model_copy(update=told)))
    return with_more(policies, *made)


@pytest.fixture(scope="module")
def life(odd: PolicyBook) -> Life:
    days = {"rate": "36", "unit": Unit.days}
    weekend = [
        terms(odd, "on-monday", loan_id=1, n=6, start="2024-02-08", first_due="2024-02-09", **days),
        terms(odd, "before", loan_id=2, n=4, start="2024-02-09", first_due="2024-02-10", **days),
        terms(odd, "fixed-monday", loan_id=11, n=4, start="2024-02-08", first_due="2024-02-09", **days),
    ]  # fmt: skip
    story = Story(odd)
    matured = terms(odd, "plain", n=3, emi=40_000).with_columns(matures_on=pl.date(2024, 3, 20))
    for loan in (
        *weekend,
        terms(odd, "free-first", loan_id=3, n=4),
        terms(odd, "level-balloon", loan_id=4, n=4).with_columns(balloon=pl.lit(30_000)),
        terms(odd, "level-grace", loan_id=5, n=4),
        *(terms(odd, product, loan_id=n, n=5) for n, (product, _) in MOVED.items()),
        terms(odd, "joins", loan_id=10, n=4),
        terms(odd, "forward", loan_id=15, n=5),
        matured.with_columns(loan_id=pl.lit(12)),
        terms(odd, "fixed", loan_id=13, n=3, emi=40_000).with_columns(matured["matures_on"]),
        terms(odd, "fixed", loan_id=14, n=3, first_due="2024-02-10"),
    ):
        story = story.lent(loan.cast({"balloon": pl.Int64, "loan_id": pl.Int64}))
    for loan_id in (12, 13):
        for on in ("2024-02-01", "2024-03-01"):
            story = story.paid(40_000, on, loan_id=loan_id, ref=on)
    for month in ("02", "03", "04", "05"):
        on = f"2024-{month}-01"
        story = story.paid(30_224, on, loan_id=3, ref=month).paid(23_365, on, loan_id=4, ref=month)
        story = story.paid(1_200, on, loan_id=5, ref=month)
    double = json.dumps({"rate_ppb": 240_000_000, "keep": "instalment"})
    rows = [
        _event(Kind.rate_changed, loan_id, on, None, "r", double)
        for loan_id, on in ((12, "2024-03-11"), (13, "2024-03-11"), (14, "2024-01-21"))
    ]
    for loan_id, (_, to) in MOVED.items():
        story = story.paid(24_725, "2024-02-01", loan_id=loan_id)
        body = json.dumps({"due_date": to, "keep": "instalment"})
        rows.append(_event(Kind.due_date_moved, loan_id, "2024-02-20", None, "m", body))
    story = story.paid(24_725, "2024-02-01", loan_id=15)
    later = json.dumps({"due_date": "2024-04-15", "from_date": "2024-04-01", "keep": "instalment"})
    rows.append(_event(Kind.due_date_moved, 15, "2024-02-20", None, "m", later))
    story = story.paid(10_000, "2024-01-10", loan_id=10)
    story = story.paid(200_000, "2024-03-15", loan_id=10, ref="all")
    return replace(story, rows=(*story.rows, *rows)).live("2024-05-02")


def asked(life: Life, loan_id: int, component: int) -> list[tuple[str, int]]:
    """What instalments asked, by due date: what left the book, and what stands."""
    gone = pl.concat([day.settled for day in life.days])
    rows = pl.concat([gone, life.days[-1].book.dues]).filter(
        (pl.col("loan_id") == loan_id) & (pl.col("component") == component)
    )
    rows = rows.filter(pl.col("amount") != 0).sort("instalment_no")
    return [(str(on)[5:], amount) for on, amount in rows.select("due_date", "amount").rows()]


def test_instalments_that_a_calendar_moves_onto_one_day_are_billed_on_it(life: Life) -> None:
    """Friday, then Saturday to Monday at once: 1,200.00 at 36 % bears 1.1836 a night."""
    assert asked(life, 1, 1)[:4] == [("02-09", 118), ("02-12", 355), ("02-13", 118), ("02-14", 118)]
    principal = asked(life, 1, 0)
    assert [on for on, _ in principal] == ["02-09", *["02-12"] * 3, "02-13", "02-14"]
    assert sum(amount for _, amount in principal) == 120_000
    # interest that the schedule fixes is earned with its instalment, though no night passed
    fixed = asked(life, 11, 1)
    assert [on for on, _ in fixed] == ["02-09", *["02-12"] * 3]
    assert life.on("2024-05-02", 11)["interest_earned"] == sum(amount for _, amount in fixed)


def test_an_instalment_that_would_fall_due_on_the_payout_moves_on(life: Life) -> None:
    """Paid out on Friday, Saturday's, Sunday's and Monday's instalments are Monday's."""
    principal = asked(life, 2, 0)
    assert [on for on, _ in principal] == ["02-12", "02-12", "02-12", "02-13"]
    assert asked(life, 2, 1)[0] == ("02-12", 355)


def test_periods_without_interest_bear_none_by_nights(life: Life) -> None:
    """Four instalments at 1 % a month, the first two free: 120000 / (1 + 1 + 1/1.01 + 1/1.01^2) = 302.24;
    then 595.52 and 299.24 of interest."""
    assert asked(life, 3, 1) == [("04-01", 596), ("05-01", 299)]
    assert [amount for _, amount in asked(life, 3, 0)] == [30_224, 30_224, 29_628, 29_924]


def test_a_balloon_stands_beside_a_level_last_instalment(odd: PolicyBook, life: Life) -> None:
    """(1200 - 300 / 1.01^4) / 3.901966 = 233.65; the last one asks 5.28, 228.37 and the 300.00."""
    assert [amount for _, amount in asked(life, 4, 0)] == [22_165, 22_387, 22_611, 52_837]
    loan = terms(odd, "level-balloon", n=4).with_columns(balloon=pl.lit(30_000, dtype=pl.Int64))
    agreed = agreed_terms(loan, odd.pins)
    assert expand(agreed)["principal"].to_list() == [22_165, 22_387, 22_611, 52_837]
    free = pl.DataFrame({"loan_id": [1], "cost": [0]})
    assert us_apr(agreed, free)["apr"].item() == pytest.approx(12, abs=0.01)


def test_a_level_last_instalment_of_a_loan_in_grace_asks_the_principal(life: Life) -> None:
    assert asked(life, 5, 0) == [("05-01", 120_000)]


def test_a_period_that_an_order_reshapes_bears_its_days(life: Life) -> None:
    """964.75 at 1 % a month from 1 February, moved on the 20th: 19 nights of February's 29, then, as a share
    of the month that ends with it, 55 / 31 or 5 / 31; counted from its start 1 + 45 / 31, or 24 / 29."""
    for loan_id, interest in ((6, 2_344), (7, 788), (8, 2_365), (9, 798)):
        due = MOVED[loan_id][1]
        assert asked(life, loan_id, 1)[1] == (due[5:], interest), loan_id


def test_a_period_that_an_order_will_reshape_bears_its_days_so_too(life: Life) -> None:
    """964.75 from 1 March to 15 April, moved in February: counted from its start a month and 14 / 30 of April."""
    assert asked(life, 15, 1)[2] == ("04-15", 1_415)


def test_a_rate_changes_within_an_odd_period(life: Life) -> None:
    """420.12 from 1 to 20 March, at 1 % a month and from the 11th at 2 %: 10 and 18 of March's 31 nights,
    in hundredths. 1,200.00 over 20 nights at each, of 31 that a whole first period has: 60 of them."""
    for loan_id in (12, 13):
        assert asked(life, loan_id, 1)[2] == ("03-20", 379), loan_id
    assert asked(life, 14, 1)[0] == ("02-10", 2_323)


def test_after_a_maturity_of_its_own_each_night_bears_as_before(life: Life) -> None:
    """420.12 at 2 % a month since 20 March: 42 nights to 1 May, of 30 that a whole period ending with it has."""
    assert asked(life, 12, 1)[3:] == [("05-01", 1_176)]


def test_interest_that_joins_the_principal_takes_no_money_in_advance(life: Life) -> None:
    """Two periods join 12.00 and 12.12; 100.00 ahead is 12.24 of the third's interest and 87.76."""
    assert life.on("2024-02-01", 10)["principal"] == 120_000 + 1_200 - 8_776
    assert life.on("2024-03-01", 10)["principal"] == 120_000 + 1_200 + 1_212 - 8_776
    assert life.on("2024-03-15", 10)["interest_due"] == 0


PRODUCT = """name: never
version: 1
effective_from: 2000-01-01
entity: us-consumer
currency: USD
schedule: {amortisation: equal_instalment, SCHEDULE}
interest: {accrual: scheduled, rebate: none}
"""


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("rate_basis: period, materialised: true, adjust_accrual: true", "adjust_accrual needs"),
        ("rate_basis: daily, rate_factor: decimal_18", "decimal_18 needs"),
    ],
)
def test_what_would_have_no_effect_is_refused(schedule: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        parse("products", "never.yaml", PRODUCT.replace("SCHEDULE", schedule))


def test_a_payoff_without_a_rebate_asks_what_the_moved_periods_bear(odd: PolicyBook) -> None:
    """1,200.00 at 12 %, due on the 3rd, moved off weekends: paid early or each on its day, it costs the same.
    35 nights of 1,200.00, 28 of 906.01, 30 of 606.55 and 30 of 304.75 are 13.81 + 8.34 + 5.98 + 3.01; on the
    dates that are counted they would be 33, 29, 31 and 30."""
    policies = ruled(odd, "counted-monday", "interest", rebate="none")
    story = Story(policies)
    for loan_id in (1, 2):
        story = story.lent(
            terms(policies, "counted-monday", loan_id=loan_id, n=4, first_due="2024-02-03")
        )
    lived = story.paid(200_000, "2024-01-10", loan_id=1).live("2024-05-03")
    assert lived.on("2024-05-03", 1)["interest_earned"] == 31_14
    interest = lived.dues("2024-05-03").filter(pl.col("component") == 1)
    assert interest["amount"].to_list() == [13_81, 8_34, 5_98, 3_01]
