"""Schedules that a re-age made: what stays of them whatever comes after, interest that it fixed before all."""

from __future__ import annotations

import datetime as dt
import json
from itertools import product

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.money import even_share
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.dues import OWN_DATE
from tests.core.late_news import same_as_in_time, told
from tests.core.lives import days_of, on
from tests.core.loans import Story, _event, product_of, ruled, terms, with_more

REAGE = {"instalments": 2, "due_date": "2024-03-01", "every": 1, "unit": 0, "interest": None}
FIXED = REAGE | {"interest": "payable"}
THRICE = FIXED | {"instalments": 3}
AGAIN = {"instalments": 2, "due_date": "2024-04-01"}
AFTER_A_REAGE: list[tuple[dict, Kind, str, dict | int, list[int], int]] = [  # type: ignore[type-arg]
    # 1,200.00 and 17.75 of fixed interest, half of each in March, 600.00 on top of the rest
    (FIXED, Kind.disbursed, "2024-03-01", 60_000, [121_775 // 2 + 60_000], 887),
    # the rest in three parts, its interest in the first of them
    (FIXED, Kind.term_extended, "2024-03-01", {"instalments": 2}, [20_296, 20_296, 20_296], 887),
    # another rate, and later due dates, spread nothing anew
    (FIXED, Kind.rate_changed, "2024-03-01", {"rate_ppb": 300_000_000}, [60_887], 887),
    (FIXED, Kind.due_date_moved, "2024-03-01", {"due_date": "2024-05-15"}, [60_887], 887),
    # arrears of the first of three: 5.92 of interest with the next one, 400.00 in two parts
    (THRICE, Kind.reamortised, "2024-03-05", {}, [60_000 + 1_184, 60_000 + 591], 1_775),
    # 17.75 wait; 27 nights to April bear 10.65, and 7.9 of what is left then May's 30 nights
    (THRICE, Kind.reaged, "2024-03-05", AGAIN | {"interest": None}, [0], 0),
    (THRICE, Kind.reaged, "2024-03-05", AGAIN | {"interest": "payable"}, [60_888, 60_887], 1_775),
]  # fmt: skip
"""How interest was fixed, what is ordered then, what each instalment to come asks, and the interest of it."""


def test_interest_that_a_reage_fixed_stays_what_it_is(policies: PolicyBook) -> None:
    lends = ruled(policies, "instalment-act365", "payouts", over_minor=60_000)
    story = Story(lends)
    for loan_id, (reage, kind, day, how, *_) in enumerate(AFTER_A_REAGE, start=1):
        story = story.lent(terms(lends, "instalment-act365", loan_id=loan_id))
        body = (how, None) if isinstance(how, int) else (None, json.dumps(how))
        again = (_event(Kind.reaged, loan_id, "2024-02-15", None, "a", json.dumps(reage)),
                 _event(kind, loan_id, day, body[0], "b", body[1]))  # fmt: skip
        story = Story(lends, (*story.rows, *again))
    life = story.live("2024-05-02")
    for loan_id, (*_, kind, day, _, asked, interest) in enumerate(AFTER_A_REAGE, start=1):
        rows = life.dues("2024-03-06").filter(
            (pl.col("loan_id") == loan_id)
            & (pl.col("due_date") > dt.date.fromisoformat(day))
            & (pl.col("component") <= Component.interest)
        )
        each = rows.group_by("instalment_no", maintain_order=True).agg(pl.col("amount").sum())
        assert each["amount"].to_list() == [pytest.approx(a, abs=1) for a in asked if a], kind
        assert rows.filter(pl.col("component") == Component.interest)["amount"].sum() == interest
        if kind is Kind.due_date_moved:
            assert rows["due_date"].unique().to_list() == [dt.date(2024, 5, 15)]
    # of the level one, interest follows the balance again
    assert life.on("2024-04-01", 6)["interest_due"] == 1_775 + 1_065
    # what was earned and what is asked tie once the last instalment was billed
    for loan_id in (3, 5, 6, 7):
        ends = life.on("2024-05-02", loan_id)
        asked = ends["interest_due"] + ends["interest_accrued"]
        assert (ends["principal_due"], ends["interest_earned"]) == (120_000, asked)
        assert ends["interest_accrued"] == 0 or loan_id == 6


def test_a_charge_after_the_last_instalment_follows_a_longer_fixed_schedule(
    policies: PolicyBook,
) -> None:
    fee = {"component": Component.fee.value, "due_date": "2024-04-20"}
    story = Story(policies).lent(terms(policies, "instalment-act365"))
    rows = (
        _event(Kind.reaged, 1, "2024-02-15", None, "a",
               json.dumps(REAGE | {"interest": "payable"})),
        _event(Kind.charge_assessed, 1, "2024-02-20", 700, "b", json.dumps(fee)),
        _event(Kind.term_extended, 1, "2024-03-01", None, "c", json.dumps({"instalments": 2})),
    )  # fmt: skip
    dues = Story(policies, (*story.rows, *rows)).live("2024-03-02").dues("2024-03-02")
    falls = dues.filter((pl.col("component") == Component.fee) & (pl.col("amount") == 700))
    principal = dues.filter(pl.col("component") == 0).select("instalment_no", own="due_date")
    both = falls.join(principal, on="instalment_no")
    assert both["due_date"].to_list() == both["own"].to_list() == [dt.date(2024, 5, 1)]


def test_money_that_stood_with_the_last_instalment_is_none_of_the_new_schedules(
    policies: PolicyBook,
) -> None:
    """Case C4207 (Apache Fineract, Apache-2.0): 7.99 stood with the sixth instalment of the old
    schedule; the six new ones share the 75.58 that are owed, 12.59 each."""
    ours = ruled(policies, "instalment-act365", "payments", excess="last_instalment")
    ours = ruled(ours, "instalment-act365", "schedule", rate_basis="30/360")
    loan = terms(ours, "instalment-act365", principal=10_000, rate="7", n=6)
    body = {"instalments": 6, "due_date": "2024-04-01", "every": 1, "unit": 0,
            "interest": "payable"}  # fmt: skip
    reage = _event(Kind.reaged, 1, "2024-03-15", None, "x", json.dumps(body))
    story = Story(ours).lent(loan).paid(2_500, "2024-02-01")
    life = Story(ours, (*story.rows, reage)).live("2024-03-15")
    dues = life.dues("2024-03-15").filter(pl.col("component") == 0)
    assert dues["paid"].to_list() == [0] * 6
    assert dues["amount"].sum() == life.on("2024-03-15")["principal"]
    assert dues["amount"].to_list()[:5] == [1_259] * 5


def test_a_second_reage_before_its_first_instalment_takes_the_place_of_the_first(
    policies: PolicyBook,
) -> None:
    twice = days_of(policies, "instalment-act365", "2024-02-14",
                    (Kind.reaged, "2024-02-05", REAGE | {"instalments": 3}),
                    (Kind.reaged, "2024-02-10", REAGE), n=4)  # fmt: skip
    once = days_of(policies, "instalment-act365", "2024-02-14",
                   (Kind.reaged, "2024-02-10", REAGE), n=4)  # fmt: skip
    for day in ("2024-02-10", "2024-02-14"):
        first, second = on(once, day), on(twice, day)
        assert first == second
    ended = [d.settled.filter(pl.col("instalment_no") == 2) for d in twice]
    assert pl.concat(ended)["due_date"].to_list() == [dt.date(2024, 2, 5), dt.date(2024, 2, 10)]


@pytest.mark.parametrize(
    ("due", "number", "falls"),
    [("2024-03-20", 4, "2024-04-01"), ("2024-05-10", OWN_DATE + 130, "2024-05-10")],
)
def test_a_charge_to_come_falls_due_with_an_instalment_of_the_new_schedule(
    policies: PolicyBook, due: str, number: int, falls: str
) -> None:
    """It kept its number, whatever instalment of the new schedule had that."""
    ours = ruled(policies, "instalment-act365", "schedule", materialised=True)
    charge = json.dumps({"component": Component.fee.value, "due_date": due})
    story = Story(ours).lent(terms(ours, "instalment-act365", n=4))
    more = (_event(Kind.charge_assessed, 1, "2024-02-02", 1_000, "c", charge),
            _event(Kind.reaged, 1, "2024-02-15", None, "r", json.dumps(REAGE)))  # fmt: skip
    life = Story(ours, (*story.rows, *more)).live("2024-02-15")
    fee = life.days[-1].book.dues.filter(pl.col("component") == Component.fee)
    told = fee.select("instalment_no", "due_date").rows()
    assert told == [(number, dt.date.fromisoformat(falls))]


def test_even_instalments_keep_the_multiple_and_end_with_the_amount(policies: PolicyBook) -> None:
    ours = ruled(policies, "instalment-act365", "schedule", instalment_multiple=100)
    body = REAGE | {"instalments": 6, "interest": "payable"}
    days = days_of(ours, "instalment-act365", "2024-01-03",
                   (Kind.reaged, "2024-01-02", body | {"due_date": "2024-02-01"}), n=4)  # fmt: skip
    dues = days[-1].book.dues.filter(pl.col("due_date") > dt.date(2024, 1, 3))
    asked = dues.group_by("due_date", maintain_order=True).agg(pl.col("amount").sum())["amount"]
    assert asked[:5].to_list() == [20_000] * 5
    interest = dues.filter(pl.col("component") == Component.interest)["amount"]
    assert interest.sum() == 39  # one night of 1,200.00 at 12 %
    assert interest.min() > 0


def test_parts_that_are_rounded_up_end_when_the_amount_does() -> None:
    parts = pl.DataFrame({"k": range(1, 7)}).select(
        even_share(pl.lit(4, dtype=pl.Int64), pl.lit(6, dtype=pl.Int64), pl.col("k"))
    )
    assert parts.to_series().to_list() == [1, 1, 1, 1, 0, 0]


def test_instalments_stay_even_where_the_parts_of_interest_have_run_out(
    policies: PolicyBook,
) -> None:
    """One night of 200.00 at 7 % is 0.04: six instalments of 33.34, four of them with 0.01 of it."""
    loan = terms(policies, "instalment-act365", principal=20_000, rate="7", n=4)
    body = REAGE | {"instalments": 6, "interest": "payable", "due_date": "2024-02-01"}
    reage = _event(Kind.reaged, 1, "2024-01-02", None, "x", json.dumps(body))
    life = Story(policies, (*Story(policies).lent(loan).rows, reage)).live("2024-01-02")
    dues = life.dues("2024-01-02").filter(pl.col("due_date") > dt.date(2024, 1, 2))
    asked = dues.group_by("instalment_no").agg(pl.col("amount").sum())
    assert asked["amount"].to_list() == [3_334] * 6
    interest = dues.filter(pl.col("component") == Component.interest.value)
    assert interest["amount"].to_list() == [1] * 4


def test_after_a_reage_the_rate_is_reckoned_by_the_unit_that_it_was_agreed_by(
    policies: PolicyBook,
) -> None:
    """So many whole months from each start, and odd days a share of the month that they lie in."""
    product, fortnightly, monthly = "instalment-act365", (2, Unit.weeks), (1, Unit.months)
    ours = ruled(policies, product, "schedule", rate_basis="30/360", stub="forward")
    follows = product_of(ours, product)
    rules = {"business_day": "following", "calendar": "us-federal", "adjust_accrual": True}
    schedule = follows.schedule.model_copy(update=rules)
    follows = follows.model_copy(update={"name": "follows", "schedule": schedule})
    ours = with_more(ours, ("products", follows))
    story, news = Story(ours), []
    days = {"every": 30, "unit": Unit.days}
    for loan_id, (agreed, start, due, day, to, (every, unit)) in enumerate(
        (
            ({}, "2024-01-20", "2024-02-20", "2024-02-20", "2024-03-19", fortnightly),
            ({}, "2024-01-20", "2024-02-20", "2024-02-20", "2024-06-25", monthly),
            (days, "2024-01-20", "2024-02-19", "2024-02-19", "2024-03-19", monthly),
            ({}, "2024-01-01", "2024-02-01", "2024-01-31", "2024-02-29", monthly),
            ({}, "2024-01-20", "2024-02-20", "2024-03-05", "2024-03-20", monthly),
        ), start=1,
    ):  # fmt: skip
        story = story.lent(
            terms(
                ours,
                "follows" if loan_id == 5 else product,
                loan_id=loan_id,
                start=start,
                first_due=due,
                **agreed,
            )
        )
        body = {"instalments": 6, "due_date": to, "every": every, "unit": unit.value,
                "interest": None}  # fmt: skip
        news.append(_event(Kind.reaged, loan_id, day, None, "x", json.dumps(body)))
    life = Story(ours, (*story.rows, *news)).live("2024-06-25")

    def earned(loan_id: int, since: str, until: str) -> int:
        first, last = (life.on(day, loan_id)["interest_earned"] for day in (since, until))
        return int(last - first)

    # 1,200.00 at 1 % a month: 28 days of a month of 29, then 14 of one of 31
    assert earned(1, "2024-02-20", "2024-03-19") == round(1_200 * 28 / 29)
    assert earned(1, "2024-03-19", "2024-04-02") == round(1_200 * 14 / 31)
    # four months and 5 days of one of 30
    assert earned(2, "2024-02-20", "2024-06-25") == round(1_200 * (4 + 5 / 30))
    # agreed by days: 29 of them, then 31, over 360
    assert earned(3, "2024-02-19", "2024-03-19") == round(14_400 * 29 / 360)
    assert earned(3, "2024-03-19", "2024-04-19") == round(14_400 * 31 / 360)
    # a month from the 31st ends with the next month
    assert earned(4, "2024-01-31", "2024-02-29") == 1_200
    # periods that a calendar moves are whole ones: 15 nights of the 29 since the due date before
    assert earned(5, "2024-03-05", "2024-03-20") == round(1_200 * 15 / 29)
    same_as_in_time(told(story, *((10, each) for each in news)), ours, dt.date(2024, 4, 3))


def test_a_contract_that_ends_with_its_charge_off_asks_all_that_a_reage_fixed(
    policies: PolicyBook,
) -> None:
    ours = ruled(policies, "instalment-act365", "interest", after_charge_off="accelerate_maturity")
    days = days_of(ours, "instalment-act365", "2024-03-05",
                   (Kind.reaged, "2024-02-15", REAGE | {"instalments": 3, "interest": "full"}),
                   (Kind.charge_off, "2024-03-05", {}), n=4)  # fmt: skip
    fixed = days[45].book.dues.filter(pl.col("due_date") > dt.date(2024, 2, 15))
    asked = days[-1].book.dues.filter(pl.col("component") <= Component.interest.value)
    assert asked["due_date"].max() == dt.date(2024, 3, 5)
    for of in (Component.principal.value, Component.interest.value):
        whole = [d.filter(pl.col("component") == of)["amount"].sum() for d in (fixed, asked)]
        assert whole[0] == whole[1] > 0


def test_what_is_spread_of_a_claim_that_is_off_the_books_stays_in_memorandum(
    policies: PolicyBook,
) -> None:
    """The charge-off comes late: it was no order of a loan that was charged off."""
    orders = (
        (Kind.reamortised, {}), (Kind.reamortised, {"interest": "split"}), (Kind.contract_accelerated, {}),
        (Kind.moratorium_granted, {"instalments": 2, "interest": "simple"}),
        *((Kind.reaged, REAGE | {"interest": rule}) for rule in (None, "payable", "full")),
    )  # fmt: skip
    made, rules = (
        product_of(policies, "instalment-act365"),
        ("regular", "zero_interest", "accelerate_maturity"),
    )
    ours = with_more(policies, *(
        ("products", made.model_copy(update={
            "name": rule, "interest": made.interest.model_copy(update={"after_charge_off": rule})}))
        for rule in rules
    ))  # fmt: skip
    story, learned = Story(ours), []
    for loan_id, (rule, (kind, body)) in enumerate(product(rules, orders), start=1):
        story = story.lent(terms(ours, rule, loan_id=loan_id, n=6))
        ordered = _event(kind, loan_id, "2024-02-15", None, f"o{loan_id}", json.dumps(body))
        story = Story(ours, (*story.rows, ordered))
        story = story.paid(30_000, "2024-03-04", loan_id=loan_id, ref=f"p{loan_id}")
        learned.append(_event(Kind.charge_off, loan_id, "2024-02-10", None, f"c{loan_id}", "{}"))
    # every law on every day, and the same figures as if it had come in time
    same_as_in_time(told(story, *((20, each) for each in learned)), ours, dt.date(2024, 3, 12))
    dues = Story(ours, (*story.rows, *learned)).live("2024-03-05").days[-1].book.dues
    of_principal = dues.filter(pl.col("component") == Component.principal.value)
    # due as a whole it is spread no more: what the 300.00 left, whatever was ordered
    whole = of_principal.filter(pl.col("loan_id") > 2 * len(orders)).group_by("loan_id").agg(
        left=(pl.col("amount") - pl.col("paid")).sum(), last=pl.col("due_date").max()
    )  # fmt: skip
    assert (whole.height, whole["left"].n_unique()) == (len(orders), 1)
    assert whole["last"].unique().to_list() == [dt.date(2024, 2, 10)]
    later = of_principal.filter(pl.col("due_date") > dt.date(2024, 3, 5))
    # a re-age that makes rows, of what has a schedule still
    assert {6, 7, 13, 14} <= set(later["loan_id"])
