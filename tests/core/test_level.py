"""The level instalment of daily loans: money that stands ahead, payouts with a share, even spreads.

Figures of Apache Fineract's end-to-end cases (Apache-2.0) where a case is named.
"""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.policy.book import PolicyBook
from tests.core.late_news import same_as_in_time, told
from tests.core.loans import Life, Story, _event, product_of, ruled, terms, with_more

PRODUCT = "instalment-act365"


@pytest.fixture(scope="module")
def thirty(policies: PolicyBook) -> PolicyBook:
    """Daily loans whose months have thirty days, their last instalment as high as the others."""
    return ruled(
        policies, PRODUCT, "schedule", rate_basis="30/360", rate_factor="decimal_18",
        smooth_last_instalment=True,
    )  # fmt: skip


def changed(kind: Kind, on: str, **body: object) -> dict:  # type: ignore[type-arg]
    return _event(kind, 1, on, None, "change", json.dumps(body))


def with_row(story: Story, *rows: dict) -> Story:  # type: ignore[type-arg]
    return Story(story.policies, (*story.rows, *rows))


def emi(life: Life) -> int:
    return int(life.days[-1].book.terms["emi"].item())


def test_an_extension_counts_money_that_stands_ahead(thirty: PolicyBook) -> None:
    """Case C3994: 9.00 of the next instalment is paid; four instalments of 273.34 are left."""
    lent = Story(thirty).lent(
        terms(thirty, PRODUCT, n=3, start="2024-06-01", first_due="2024-07-01")
    )
    more = changed(Kind.term_extended, "2024-07-15", instalments=1)
    story = with_row(lent.paid(41_703, "2024-07-01"), more)
    life = story.live("2024-07-15")
    assert emi(life) == 27_334
    assert life.on("2024-07-15")["prepaid_dues"] == 900


def test_a_tranche_counts_what_is_paid_of_the_running_instalment(thirty: PolicyBook) -> None:
    """Case C4034: 700.00 and 300.00 on one day, 117.86 paid between: level as of 1,000.00."""
    loan = terms(thirty, PRODUCT, principal=70_000, rate="7", n=6, first_due="2024-01-16",
                 every=15, unit=Unit.days)  # fmt: skip
    story = Story(thirty).lent(loan).paid(11_786, "2024-01-01")
    story = with_row(story, _event(Kind.disbursed, 1, "2024-01-01", 30_000, "tranche", None))
    assert emi(story.live("2024-01-01")) == 16_837


def test_a_rate_change_leaves_out_what_the_last_instalments_have(thirty: PolicyBook) -> None:
    """Case C3311: the last instalment is paid; the other five are level at the new rate."""
    policies = ruled(thirty, PRODUCT, "payments", excess="last_instalment")
    loan = terms(policies, PRODUCT, principal=10_000, rate="7", n=6)
    story = Story(policies).lent(loan).paid(1_701, "2024-01-15")
    story = with_row(story, changed(Kind.rate_changed, "2024-01-20", rate_ppb=40_000_000))
    assert emi(story.live("2024-01-20")) == 1_680


def test_smoothing_finds_the_interest_of_arrears_that_are_spread_anew(thirty: PolicyBook) -> None:
    """Case C4608: 83.57 over four at 10 % is 21.33, and the last is 0.50 higher: 0.13 more for each."""
    story = Story(thirty).lent(terms(thirty, PRODUCT, principal=10_000, rate="7", n=6))
    dearer = changed(Kind.rate_changed, "2024-03-01", rate_ppb=100_000_000)
    story = with_row(story.paid(1_701, "2024-02-01"), dearer)
    spread = _event(Kind.reamortised, 1, "2024-03-15", None, "x", "{}")
    assert emi(with_row(story, spread).live("2024-03-15")) == 2_146


def test_a_down_payment_of_a_daily_loan_is_due_at_once_and_bears_the_first_nights(
    thirty: PolicyBook,
) -> None:
    policies = ruled(thirty, PRODUCT, "schedule", down_payment_ppb=250_000_000)
    story = Story(policies).lent(terms(policies, PRODUCT, principal=100_000, n=6))
    life = story.live("2024-01-02")
    down = life.dues("2024-01-01").row(0, named=True)
    assert (down["instalment_no"], down["amount"]) == (-1, 25_000)
    assert life.on("2024-01-01")["principal_due"] == 25_000
    assert emi(life) == 12_941  # 750.00 at 1 % a month over six: 750 / 5.795476
    paid = story.paid(25_000, "2024-01-01")
    assert paid.live("2024-01-01").on("2024-01-01")["days_past_due"] == 0


@pytest.fixture(scope="module")
def shared(thirty: PolicyBook) -> PolicyBook:
    """A quarter of each payout is due at once; that of the product `free` bears no interest."""
    made = ruled(thirty, PRODUCT, "schedule", down_payment_ppb=250_000_000)
    product = product_of(made, PRODUCT)
    rules = product.interest.model_copy(update={"unpaid_down_payment": "bears_none"})
    free = product.model_copy(update={"name": "free", "interest": rules})
    return with_more(made, ("products", free))


def test_an_unpaid_down_payment_bears_no_interest_where_the_product_says_so(
    shared: PolicyBook,
) -> None:
    story = Story(shared)
    for loan_id, product in enumerate(("free", PRODUCT, "free"), start=1):
        story = story.lent(terms(shared, product, loan_id=loan_id, principal=100_000, n=6))
    story = story.paid(10_000, "2024-01-05")
    again = _event(Kind.disbursed, 3, "2024-02-01", 40_000, "tranche", None)
    life = with_row(story, again).live("2024-02-02")
    # 15 nights of 31 at 1 % a month: on 750.00, and on 1,000.00
    assert life.on("2024-01-16")["interest_accrued"] == 363
    assert life.on("2024-01-16", 2)["interest_accrued"] == 484
    assert [life.on("2024-01-05", loan)["down_payment_due"] for loan in (1, 2)] == [15_000, 0]
    # a part that was paid was none of what bears interest, nor is the rest
    assert [life.on("2024-02-01", loan)["interest_due"] for loan in (1, 2)] == [750, 1_000]
    # 628.09 are left after the first instalment, and 300.00 of the tranche: over five at 1 %
    assert life.days[-1].book.terms.filter(pl.col("loan_id") == 3)["emi"].item() == 19_122
    assert life.on("2024-02-02", 3)["down_payment_due"] == 35_000
    # a night of 750.00 and 300.00: an instalment that is overdue bears it
    assert life.on("2024-02-02", 3)["interest_accrued"] == round(105_000 / 100 / 29)


def test_a_level_made_anew_leaves_to_the_last_one_what_an_unpaid_down_payment_bore(
    policies: PolicyBook,
) -> None:
    """Loans 1, 3 and 5 pay all on its day, loan 7 its instalments alone, the others nothing."""
    own = ruled(policies, PRODUCT, "schedule", rate_basis="30/360", down_payment_ppb=250_000_000)
    story = Story(own)
    for loan_id in range(1, 8):
        story = story.lent(terms(own, PRODUCT, loan_id=loan_id, principal=100_000, n=6))
    for loan_id in (1, 3, 5):
        story = story.paid(25_000, "2024-01-01", loan_id=loan_id, ref="down")
    for loan_id in (1, 3, 5, 7):
        for day in ("2024-02-01", "2024-03-01"):
            story = story.paid(12_941, day, loan_id=loan_id, ref=day)
    rests = {"instalments": 1, "interest": "capitalised"}
    orders = (
        ((1, 2), Kind.interest_capitalised, {}),
        ((3, 4, 7), Kind.moratorium_granted, rests),
        ((5, 6), Kind.moratorium_granted, rests | {"interest": "simple"}),
    )
    story = with_row(
        story,
        *(
            _event(kind, loan_id, "2024-03-16", None, "order", json.dumps(body))
            for loans, kind, body in orders
            for loan_id in loans
        ),
    )
    life = story.live("2024-04-01")
    # 750.00 at 1 % a month over six: 129.41; 504.96 are left of the plan on 1 March. Until the 16th they bear 2.44,
    # and the 1,000.00 of who paid nothing 4.84: what joins bears 16 nights of 31, then four at 1 %. A whole March
    # bears 5.05 and 10.00; it waits, and bears none, or joins. Loan 7 met a late fee of 12.50 first: its 753.68 bear 7.54
    assert life.days[-1].book.terms.sort("loan_id")["emi"].to_list() == [
        12_941, 13_003, 13_071, 13_197, 13_069, 13_195, 13_134,
    ]  # fmt: skip


def test_the_level_after_payouts_is_as_if_each_instalment_had_been_paid_on_its_day(
    thirty: PolicyBook,
) -> None:
    """What came late, be it paid by then or not, is the last instalment's."""
    story = Story(thirty)
    paid = {1: [], 2: ["2024-02-01", "2024-03-01", "2024-04-01"],
            3: ["2024-02-10", "2024-03-10", "2024-04-01"]}  # fmt: skip
    for loan_id, days in paid.items():
        story = story.lent(terms(thirty, PRODUCT, loan_id=loan_id, principal=100_000, n=6))
        for amount, day in zip((17_255, 21_376, 21_376), days, strict=False):
            story = story.paid(amount, day, loan_id=loan_id, ref=day)
        out = ((20_000, "2024-02-01"), (30_000, "2024-04-01"), (10_000, "2024-04-16"))
        for amount, day in out:
            story = with_row(story, _event(Kind.disbursed, loan_id, day, amount, day, None))
    life = story.live("2024-05-01")

    def levels(day: str) -> list[int]:
        terms_then = next(d for d in life.days if d.date.isoformat() == day).book.terms
        return terms_then.sort("loan_id")["emi"].to_list()

    # 837.45 and 200.00 over five at 1 %; then 628.64 and 300.00 over three
    assert levels("2024-02-01") == [21_376] * 3
    assert levels("2024-04-01") == [31_576] * 3
    # 100.00 more bear half a month; the balance before it is that of the plan still
    assert len(set(levels("2024-04-16"))) == 1


def test_money_is_spread_over_the_instalments_to_come(thirty: PolicyBook) -> None:
    policies = ruled(thirty, PRODUCT, "payments", excess="spread")
    story = Story(policies).lent(terms(policies, PRODUCT, principal=60_000, n=6))
    life = story.paid(10_000, "2024-01-11").live("2024-01-11")
    rows = life.allocations().select("instalment_no", "component", "amount").rows()
    principal = Component.principal.value
    # no interest before its day; the last instalment has what the even shares leave over
    assert sorted(rows) == [(n, principal, 1_667 if n < 6 else 1_665) for n in range(1, 7)]


def test_what_a_share_does_not_hold_goes_to_the_next_instalments(thirty: PolicyBook) -> None:
    policies = ruled(thirty, PRODUCT, "payments", excess="spread")
    story = Story(policies).lent(terms(policies, PRODUCT, principal=60_000, n=6))
    life = story.paid(18_000, "2024-01-11", ref="a").paid(40_000, "2024-01-12", ref="b")
    ours = life.live("2024-01-12").allocations()
    level = 10_353  # 600.00 at 1 % a month over six
    whole = ours.group_by("instalment_no").agg(pl.col("amount").sum()).sort("instalment_no")
    assert whole["amount"].max() <= level
    assert whole["amount"].sum() == 58_000


def test_a_covered_instalment_is_fixed_and_later_nights_are_the_next_ones(
    thirty: PolicyBook,
) -> None:
    """Case C3845: 338.90 covers the instalment; the nights since are the second one's."""
    policies = ruled(thirty, PRODUCT, "interest", covered_instalment="fixed")
    loan = terms(policies, PRODUCT, principal=100_000, rate="10", n=3, start="2024-07-01",
                 first_due="2024-08-01")  # fmt: skip
    part = terms(policies, PRODUCT, loan_id=2, rate="24", n=6, principal=100_000, start="2024-07-01",
                 first_due="2024-08-01")  # fmt: skip
    story = Story(policies).lent(loan).paid(33_890, "2024-07-10", ref="a")
    story = story.paid(5_000, "2024-07-15", ref="b").lent(part)
    life = story.paid(33_853, "2024-07-01", loan_id=2, ref="c").live("2024-09-01")
    later = life.allocations().filter(pl.col("event_id") == 4)
    # five nights on 663.52 are the second instalment's interest, and 49.11 is its principal
    assert later.select("instalment_no", "component", "amount").rows() == [
        (2, 1, 89),
        (2, 0, 4_911),
    ]
    # the first one asked 336.48 and the 2.42 that were earned when it was covered
    assert life.dues("2024-08-01").filter(pl.col("instalment_no") == 1).is_empty()
    assert life.on("2024-08-01")["interest_paid"] == 242 + 89
    own = pl.col("loan_id") == 1
    second = life.dues("2024-09-01").filter(own & (pl.col("instalment_no") == 2))
    assert second.select(pl.col("amount").sum(), pl.col("paid").sum()).row(0) == (33_890, 5_000)
    # 160.00 of 178.53 stand with the second one, which has no room for two months of 2 % on 661.47: it asks
    # principal alone, and the third one the interest
    open_ = life.dues("2024-09-01").filter(~own & (pl.col("instalment_no") == 2))
    assert open_.select("component", "amount", "paid").rows() == [(0, 17_853, 16_000)]
    assert life.on("2024-09-01", 2)["interest_accrued"] == 2 * 1_323


def test_instalments_paid_whole_leave_later_nights_to_the_one_that_is_open(
    thirty: PolicyBook,
) -> None:
    """677.80 pays two instalments of 338.90 on one day; the nights since are the third one's."""
    policies = ruled(thirty, PRODUCT, "interest", covered_instalment="fixed")
    loan = terms(policies, PRODUCT, principal=100_000, rate="10", n=4, start="2024-07-01",
                 first_due="2024-08-01", emi=33_890)  # fmt: skip
    story = Story(policies).lent(loan).paid(67_780, "2024-07-10", ref="a")
    life = story.paid(5_000, "2024-07-15", ref="b").live("2024-07-15")
    later = life.allocations().filter(pl.col("event_id") == 4)
    # 1,000.00 - 336.48 - 338.90 = 324.62 bear 10 % / 12 x 5 / 31 = 0.44
    assert later.select("instalment_no", "component", "amount").rows() == [
        (3, 1, 44),
        (3, 0, 4_956),
    ]


def test_money_in_advance_meets_all_that_the_last_instalment_asks(thirty: PolicyBook) -> None:
    """The first of two was agreed at 300.00, so the last asks more; 600.00 ahead of it are all its own."""
    loan = terms(thirty, PRODUCT, principal=100_000, rate="10", n=2, emi=30_000)
    story = Story(thirty).lent(loan).paid(30_000, "2024-02-01", ref="a")
    life = story.paid(60_000, "2024-02-10", ref="b").live("2024-03-01")
    later = life.allocations().filter(pl.col("event_id") == 4)
    assert later["instalment_no"].unique().to_list() == [2]
    last = life.dues("2024-03-01").filter(pl.col("component") == Component.principal.value)
    # 1,000.00 less 300.00 - 8.33 of the first
    assert last.select("amount", "instalment_no").rows() == [(100_000 - 29_167, 2)]


def test_a_payoff_leaves_a_covered_instalment_what_it_was(thirty: PolicyBook) -> None:
    """Case C3258: 17.01 covers the first of six; what pays all five days later pays their 0.08 with
    the second one, and nothing of it with the first."""
    policies = ruled(thirty, PRODUCT, "interest", covered_instalment="fixed")
    loan = terms(policies, PRODUCT, principal=10_000, rate="7", n=6)
    story = Story(policies).lent(loan).paid(1_701, "2024-01-15", ref="a")
    life = story.paid(8_333, "2024-01-20", ref="b").live("2024-01-20")
    later = life.allocations().filter(pl.col("event_id") == 4)
    assert later.filter(pl.col("instalment_no") == 1).is_empty()
    second = later.filter(pl.col("instalment_no") == 2).select("component", "amount")
    assert sorted(second.rows()) == [(0, 1_693), (1, 8)]
    assert later["amount"].sum() == 8_333


def test_a_tranche_leaves_what_arrears_bore_to_the_last_instalment(thirty: PolicyBook) -> None:
    """Case C4678: three instalments of 16.84 are unpaid and bore 0.72 where 0.58 was agreed; the two
    left are level on what was agreed, 67.05, and the last one takes up the rest."""
    loan = terms(thirty, PRODUCT, principal=10_000, rate="7", n=6, first_due="2024-01-16",
                 every=15, unit=Unit.days)  # fmt: skip
    story = Story(thirty).lent(loan).paid(1_698, "2024-01-16")
    late = _event(Kind.disbursed, 1, "2024-03-01", 10_000, "tranche", None)
    assert emi(with_row(story, late).live("2024-03-01")) == 6_705
    # in two payouts of one day as in one
    halves = [{**late, "amount": 5_000, "source_ref": n, "idempotency_key": n} for n in "ab"]
    assert emi(with_row(story, *halves).live("2024-03-01")) == 6_705


def test_tranches_of_a_whole_schedule_bear_their_own_nights(policies: PolicyBook) -> None:
    """Two within one period: each bears interest from its own night on, whatever follows it."""
    whole = ruled(policies, PRODUCT, "schedule", materialised=True)
    whole = ruled(whole, PRODUCT, "interest", accrual="scheduled")
    loan = terms(whole, PRODUCT, principal=100_000, n=6)
    first = _event(Kind.disbursed, 1, "2024-01-11", 60_000, "first", None)
    second = _event(Kind.disbursed, 1, "2024-01-21", 30_000, "second", None)
    story = with_row(Story(whole).lent(loan), first, second)
    life = story.live("2024-02-11")
    interest = life.dues("2024-02-01").filter(pl.col("component") == Component.interest)
    by_nights = 100_000 * 31 + 60_000 * 21 + 30_000 * 11
    running = interest.filter(pl.col("due_date") == dt.date(2024, 2, 1))["amount"].item()
    assert running == round(by_nights * 0.12 / 365)
    assert life.on("2024-01-31")["tranche_balance_days"] == 60_000 * 10 + 30_000 * 20
    assert life.on("2024-02-01")["tranche_balance_days"] == 0


def test_a_tranche_or_an_extension_that_comes_late_is_as_in_time(
    policies: PolicyBook, thirty: PolicyBook, shared: PolicyBook
) -> None:
    """Of an instalment ahead, of arrears, beside a down payment that bears interest or none, within a
    whole schedule's period."""
    whole = ruled(policies, PRODUCT, "schedule", materialised=True)
    whole = ruled(whole, PRODUCT, "interest", accrual="scheduled")
    made = {"with-share": product_of(shared, PRODUCT), "whole": product_of(whole, PRODUCT),
            "free": product_of(shared, "free")}  # fmt: skip
    book = with_more(
        thirty,
        *(
            ("products", product.model_copy(update={"name": name}))
            for name, product in made.items()
        ),
    )
    weeks = {"first_due": "2024-01-16", "every": 15, "unit": Unit.days}
    story = (
        Story(book)
        .lent(terms(book, PRODUCT, n=3)).paid(41_703, "2024-02-01")
        .lent(terms(book, PRODUCT, loan_id=2, principal=10_000, rate="7", n=6, **weeks))
        .paid(1_698, "2024-01-16", loan_id=2)
        .lent(terms(book, "with-share", loan_id=3, principal=100_000, n=6))
        .paid(25_000, "2024-01-01", loan_id=3)
        .lent(terms(book, "whole", loan_id=4, principal=100_000, n=6))
        .lent(terms(book, "free", loan_id=5, principal=100_000, n=6))
        .paid(25_000, "2024-02-05", loan_id=5)
    )  # fmt: skip

    def paid_out(loan: int, on: str, amount: int) -> dict:  # type: ignore[type-arg]
        return _event(Kind.disbursed, loan, on, amount, f"tranche {on}", None)

    news = (
        (5, changed(Kind.term_extended, "2024-02-15", instalments=1)),
        (3, paid_out(2, "2024-03-01", 10_000)),
        (9, paid_out(3, "2024-01-11", 40_000)),
        (0, paid_out(4, "2024-01-21", 30_000)),
        (4, paid_out(4, "2024-01-11", 60_000)),
        (30, paid_out(5, "2024-01-11", 40_000)),
    )
    same_as_in_time(told(story, *news), book, dt.date(2024, 4, 2))


def test_a_tranche_that_bears_the_whole_period_asks_interest_on_all_of_it(
    policies: PolicyBook,
) -> None:
    """1000.00, and 200.00 within the first of six months, at 12 % of 31/365: as if lent at first."""
    rules = {"materialised": True, "tranche_interest": "whole_period"}
    whole = ruled(policies, PRODUCT, "schedule", **rules)
    whole = ruled(whole, PRODUCT, "interest", accrual="scheduled")
    loan = terms(whole, PRODUCT, principal=100_000, n=6)
    story = with_row(
        Story(whole).lent(loan), _event(Kind.disbursed, 1, "2024-01-15", 20_000, "t", None)
    )
    life = story.live("2024-02-01")
    at_first = Story(whole).lent(terms(whole, PRODUCT, principal=120_000, n=6)).live("2024-02-01")
    assert life.on("2024-01-31")["tranche_balance_days"] == 0
    keys = ["due_date", "component", "amount"]
    assert life.dues("2024-02-01").select(keys).equals(at_first.dues("2024-02-01").select(keys))


@pytest.mark.parametrize(
    ("on", "due", "level"),
    [("2024-03-15", "2024-04-15", 1_434), ("2024-04-01", "2024-04-01", 1_430)],
)
def test_a_reage_counts_the_interest_that_waits(
    thirty: PolicyBook, on: str, due: str, level: int
) -> None:
    """83.57 at 7 % over six: the first one has the 1.20, or 0.98, that wait, so 84.77, or 84.55, are
    paid off by it and five more, over 1 + 4.9133. One that falls due on the day is billed on it."""
    loan = terms(thirty, PRODUCT, principal=10_000, rate="7", n=6)
    body = {"instalments": 6, "due_date": due, "every": 1, "unit": 0}
    story = Story(thirty).lent(loan).paid(1_701, "2024-02-01")
    aged = with_row(story, changed(Kind.reaged, on, **body))
    life = aged.live("2024-04-16")
    asked = life.dues("2024-04-16").filter(pl.col("component") <= Component.interest.value)
    one = asked.filter(pl.col("due_date") == dt.date.fromisoformat(due))
    assert one["amount"].sum() == emi(life) == level
    assert life.on(due)["interest_accrued"] == 0
    assert life.on(due)["days_past_due"] == 0


def test_a_level_instalment_made_anew_in_arrears_is_that_of_a_loan_on_schedule(
    policies: PolicyBook,
) -> None:
    """The rate falls on 10 April, of one loan on schedule and of one that pays two instalments that day: both
    ask the same from May on, and what the arrears bore comes with the last one, as all late interest does.

    March's 146.76 of principal bear 40 nights at 12 % to the 10th, 1.93. By 31 of them April's interest is
    higher, and its principal less: 146.06, which bear 9 nights, 0.43. What the instalments, which stay, paid
    off less for it bears the rest of the 2.44 to September.
    """
    plain = product_of(policies, PRODUCT).model_copy(update={"name": "plain", "late_fee": None})
    book = with_more(policies, ("products", plain))
    story = Story(book)
    for loan_id in (1, 2):
        story = story.lent(terms(book, "plain", loan_id=loan_id, n=8))
        for month in range(2, 9):
            late = loan_id == 2 and month in (3, 4)
            on = "2024-04-10" if late else f"2024-{month:02}-01"
            amount = 15_682 if month < 5 else 15_474
            story = story.paid(amount, on, loan_id=loan_id, ref=f"p{month}")
        rate = json.dumps({"rate_ppb": 60_000_000, "keep": "term"})
        story = with_row(story, _event(Kind.rate_changed, loan_id, "2024-04-10", None, "r", rate))
    life = story.live("2024-09-01")
    assert [life.on("2024-04-10", n)["days_past_due"] for n in (1, 2)] == [0, 0]
    assert life.days[-1].book.terms["emi"].to_list() == [15_474, 15_474]
    last = life.dues("2024-09-01").group_by("loan_id").agg(pl.col("amount").sum()).sort("loan_id")
    assert last["amount"].to_list() == [15_474, 15_474 + 244]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.rate_changed, {"rate_ppb": 60_000_000}),
        (Kind.term_extended, {"instalments": 2}),
        (Kind.due_date_moved, {"due_date": "2024-04-14"}),
    ],
)
def test_a_down_payment_that_was_late_is_arrears_too(
    policies: PolicyBook, kind: Kind, body: dict[str, object]
) -> None:
    """1,600.00, a quarter of it at once; money for two instalments met the down payment first, where it was not
    paid. What that bore within the first instalment is the last one's, whatever changes on 10 March."""
    book = ruled(policies, PRODUCT, "schedule", down_payment_ppb=250_000_000)
    story = Story(book)
    for loan_id in (1, 2):
        story = story.lent(terms(book, PRODUCT, principal=160_000, n=6, loan_id=loan_id))
        for n, on in enumerate(("2024-02-01", "2024-03-01")):
            story = story.paid(20_704, on, loan_id=loan_id, ref=f"p{n}")
        order = _event(kind, loan_id, "2024-03-10", None, "o", json.dumps(body | {"keep": "term"}))
        story = with_row(story, order)
    story = with_row(story, _event(Kind.down_payment, 1, "2024-01-01", 40_000, "d", None))
    life = story.live("2024-03-10")
    assert life.on("2024-03-10", 2)["principal_due"] > 0
    on_schedule, late = life.days[-1].book.terms["emi"].to_list()
    assert late == on_schedule


def test_what_is_left_of_a_spread_stub_is_asked_or_left_out_once(policies: PolicyBook) -> None:
    """1,200.00 at 12 % in eight months, due from 1 February, paid out twelve days before a month or nine
    after; the stub's 4.73, or what it lacks, in even parts. What changes on 10 April finds five instalments.

    A short first period's benefit stands in the principal, so the new level is not less by it again: the last
    one had made up for five parts of 0.44. And what waits of a long one joins what a moratorium or a
    capitalisation spreads: it was asked beside that again, and the last one was less by five parts of 0.59.
    """
    book = ruled(policies, PRODUCT, "schedule", stub_interest="spread")
    long, short = "2023-12-20", "2024-01-10"
    term, passed = {"keep": "term"}, {"instalments": 2, "interest": "capitalised"}
    cases = [
        (short, Kind.rate_changed, term | {"rate_ppb": 60_000_000}, 5, [15_427] * 4 + [15_429]),
        (short, Kind.reamortised, {}, 5, [15_635] * 4 + [15_636]),
        (long, Kind.interest_capitalised, term, 5, [15_743] * 4 + [15_745]),
        (long, Kind.moratorium_granted, passed, 7, [16_061] * 5),
    ]
    story, first = Story(book), {long: 15_741, short: 15_638}
    for loan_id, (start, kind, body, month, amounts) in enumerate(cases, start=1):
        story = story.lent(terms(book, PRODUCT, loan_id=loan_id, n=8, start=start))
        months = [*((n, first[start]) for n in (2, 3, 4)), *enumerate(amounts, start=month)]
        for n, amount in months:
            story = story.paid(amount, f"2024-{n:02}-01", loan_id=loan_id, ref=f"p{n}")
        order = _event(kind, loan_id, "2024-04-10", None, "c", json.dumps(body))
        story = with_row(story, order)
    life = story.live("2024-11-01")
    for loan_id, (_, _, _, month, amounts) in enumerate(cases, start=1):
        for n in range(month, month + len(amounts)):
            left = life.on(f"2024-{n:02}-01", loan_id)
            unpaid = (
                left["principal_due"],
                left["interest_due"],
                left["prepaid_dues"],
                left["credit"],
            )
            assert unpaid == (0, 0, 0, 0), (loan_id, n)  # just that was asked
        assert left["principal"] == 0
