"""A revolving line of credit: draws, statements, minimum due, grace, credit, limit."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.catalogue.components import Component
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.replay.payoff_quote import quote
from tests.core.late_news import same_as_in_time, told
from tests.core.lives import moved
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

LIMIT = 500_000


def line(policies: PolicyBook, *draws: tuple[str, int], n: int = 24) -> Story:
    """A line of 5,000.00 at 18.25 %, 0.05 % a day, opened on 1 January; statements on the 1st."""
    loan = terms(policies, "credit-line", principal=LIMIT, rate="18.25", n=n)
    story = Story(policies).lent(loan)
    rows = [story.rows[0]]
    rows += [_event(Kind.disbursed, 1, on, much, f"d{on}", None) for on, much in draws]
    return Story(policies, tuple(rows))


def without_grace(policies: PolicyBook) -> PolicyBook:
    return ruled(policies, "credit-line", "line", grace_on_draws=False)


def test_a_statement_paid_in_full_bears_no_interest(policies: PolicyBook) -> None:
    story = line(policies, ("2024-01-11", 100_000), ("2024-02-05", 40_000))
    story = story.paid(100_000, "2024-02-22")
    life = story.live("2024-04-01")
    first = life.on("2024-02-01")
    assert (first["principal_due"], first["interest_due"]) == (2_500, 0)  # the floor of 25.00
    assert first["statement_unpaid"] == 100_000
    dues = life.dues("2024-02-01")
    assert dues["due_date"].to_list() == [dt.date(2024, 2, 22)]
    assert life.on("2024-03-01")["interest_due"] == 0
    assert life.on("2024-03-01")["principal"] == 40_000
    assert life.on("2024-03-22")["in_grace"] is False  # nothing came for the second statement
    # of the third cycle, from its first day, and from no earlier one
    assert life.on("2024-03-23")["interest_accrued"] == 40_000 * 22 // 2000
    assert life.on("2024-04-01")["interest_due"] == 40_000 * 31 // 2000


def test_grace_is_lost_from_each_draws_date_and_comes_back(policies: PolicyBook) -> None:
    story = line(policies, ("2024-01-11", 100_000), ("2024-02-11", 20_000))
    story = story.paid(2_500, "2024-02-20").paid(200_000, "2024-03-10", ref="all")
    life = story.live("2024-05-02")
    assert life.on("2024-02-21")["interest_accrued"] == 0
    assert life.on("2024-02-22")["days_past_due"] == 0  # the minimum was paid
    nights = 100_000 * 19 + 97_500 * 10 + 20_000 * 19
    assert life.on("2024-03-01")["interest_due"] == round(nights / 2000)
    paid = life.on("2024-03-10")
    assert (paid["principal"], paid["status"]) == (0, Status.active)
    assert paid["credit"] > 0
    assert life.on("2024-03-22")["in_grace"] is True
    assert life.on("2024-05-02")["interest_due"] == 0


def test_interest_without_grace_runs_on_the_daily_balance(policies: PolicyBook) -> None:
    book = without_grace(policies)
    story = line(book, ("2024-01-01", 200_000), ("2024-01-21", 100_000))
    story = story.paid(50_000, "2024-01-11", ref="early")
    life = story.live("2024-02-01")
    interest = (200_000 * 10 + 150_000 * 10 + 250_000 * 11) // 2000
    billed = life.on("2024-02-01")
    assert billed["interest_due"] == interest == 3_125
    assert billed["principal_due"] == 2_500  # 1 % of 2,500.00; with the interest above the floor
    assert life.on("2024-01-11")["principal"] == 150_000  # nothing of it was interest
    assert life.allocations()["instalment_no"].to_list() == [0]  # it pays the balance
    assert life.dues("2024-01-11").is_empty()


def test_a_missed_minimum_counts_from_its_due_date_and_is_asked_again(
    policies: PolicyBook,
) -> None:
    life = line(policies, ("2024-01-11", 100_000)).live("2024-04-23")
    assert life.on("2024-02-22")["days_past_due"] == 0
    assert life.on("2024-02-23")["days_past_due"] == 1
    second = life.on("2024-03-01")
    interest = 100_000 * 29 // 2000
    assert second["interest_due"] == interest
    # the floor beside what is past due
    fees = second["penalties_due"]
    assert second["principal_due"] + interest + fees == 2_500 + max(2_500, 1_000 + interest + fees)
    assert life.on("2024-04-22")["days_past_due"] == 60
    kept = life.on("2024-04-01")
    assert kept["principal_due"] <= kept["principal"]


def test_what_is_drawn_beyond_the_limit_the_next_statement_asks(policies: PolicyBook) -> None:
    story = line(policies, ("2024-01-11", 400_000))
    lower = _event(Kind.limit_changed, 1, "2024-01-20", 300_000, "limit", None)
    life = Story(policies, (*story.rows, lower)).live("2024-02-01")
    assert life.on("2024-02-01")["principal_due"] == 4_000 + 100_000
    assert life.days[-1].book.terms["principal_agreed"].item() == 300_000


def test_the_borrowers_credit_pays_for_the_next_draw(policies: PolicyBook) -> None:
    story = line(policies, ("2024-01-11", 30_000), ("2024-02-10", 50_000))
    story = story.paid(45_000, "2024-01-20")
    life = story.live("2024-02-11")
    assert life.on("2024-02-09")["credit"] == 15_000
    assert (life.on("2024-02-10")["credit"], life.on("2024-02-10")["principal"]) == (0, 35_000)
    assert moved(life.days, "borrower_credit", "loan_principal") == 15_000


def test_a_line_closes_once_nothing_is_owed_and_nothing_left_to_draw(policies: PolicyBook) -> None:
    story = line(policies, ("2024-01-11", 30_000), n=2).paid(30_000, "2024-01-25")
    life = story.live("2024-03-02")
    assert life.on("2024-02-28")["status"] == Status.active
    assert life.on("2024-03-01")["status"] == Status.closed
    shut = _event(Kind.limit_changed, 1, "2024-02-03", 0, "shut", None)
    early = Story(policies, (*line(policies).rows, shut)).live("2024-02-03")
    assert early.on("2024-02-03")["status"] == Status.closed


def test_a_quote_settles_a_line_without_interest_that_grace_keeps_away(
    policies: PolicyBook,
) -> None:
    graced = line(policies, ("2024-01-11", 100_000)).live("2024-01-20").days[-1].book
    assert quote(graced, policies, dt.date(2024, 1, 21))["payoff"].item() == 100_000
    book = without_grace(policies)
    bears = line(book, ("2024-01-11", 100_000)).live("2024-01-20").days[-1].book
    assert quote(bears, book, dt.date(2024, 1, 21))["payoff"].item() == 100_500


def test_a_line_lives_the_same_whenever_its_news_came(policies: PolicyBook) -> None:
    made = product_of(without_grace(policies), "credit-line").model_copy(
        update={"name": "no-grace"}
    )
    book = with_more(policies, ("products", made))
    story, news = Story(book), []
    for loan, product in enumerate(("credit-line", "no-grace"), start=1):
        lent = Story(book).lent(
            terms(book, product, loan_id=loan, principal=LIMIT, rate="18.25", n=24)
        )
        draws = (("2024-01-11", 100_000), ("2024-02-11", 20_000))
        rows = [_event(Kind.disbursed, loan, on, much, f"d{on}", None) for on, much in draws]
        back = charged_back(5_000, "2024-03-18", loan_id=loan)
        story = Story(book, (*story.rows, lent.rows[0], *rows, back))
        story = story.paid(3_000, "2024-03-20", loan_id=loan)
        story = story.paid(130_000, "2024-04-18", loan_id=loan)
        news.append((25, payment(100_000, "2024-02-20", loan_id=loan)))
        news.append((11, _event(Kind.disbursed, loan, "2024-03-25", 9_000, "more", None)))
    same_as_in_time(told(story, *news), book, dt.date(2024, 5, 3))


def test_a_charged_off_line_is_due_as_a_whole(policies: PolicyBook) -> None:
    story = line(policies, ("2024-01-11", 100_000)).charged_off("2024-03-10")
    story = story.paid(50_000, "2024-04-05")
    life = story.live("2024-04-06")
    off = life.on("2024-04-06")
    assert off["status"] == Status.charged_off
    assert (
        off["off_books"]
        == off["principal"] + off["interest_due"] + off["interest_accrued"] + (off["penalties_due"])
    )
    placed = life.allocations().filter(pl.col("component") == Component.principal.value)
    assert placed["amount"].sum() > 40_000


def test_more_than_was_given_up_of_a_line_stays_the_borrowers(policies: PolicyBook) -> None:
    """It left the book with the credit as soon as nothing was owed, and the ledger stood alone with it."""
    story = line(policies, ("2024-01-11", 100_000))
    row = _event(Kind.write_off, 1, "2024-01-20", None, "w", None)
    story = Story(policies, (*story.rows, row)).paid(120_000, "2024-01-25")
    life = story.live("2024-01-27")
    # no statement was paid late: nothing but the draw was given up
    for day in ("2024-01-25", "2024-01-26"):
        after = life.on(day)
        assert (after["status"], after["credit"]) == (Status.overpaid, 20_000)
