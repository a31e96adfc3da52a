"""How a loan behaves, to the minor unit."""

from __future__ import annotations

import polars as pl
import pytest

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import close
from tests.core.loans import Story, _event, terms


def test_daily_interest_on_300000_at_6_percent_is_billed_as_printed(policies: PolicyBook) -> None:
    """1,528.77 on 1 February and 1,380.82 on 1 March (28 nights), no principal paid."""
    loan = terms(policies, "interest-only", principal=30_000_000, rate="6", n=12,
                 start="2023-01-01", first_due="2023-02-01")  # fmt: skip
    life = Story(policies).lent(loan).live("2023-03-01")
    billed = life.dues("2023-03-01").filter(pl.col("component") == 1)["amount"].to_list()
    assert billed == [152_877, 138_082]


def test_the_level_instalment_of_100000_at_9_99_percent_over_36_months(
    policies: PolicyBook,
) -> None:
    loan = terms(policies, "lendingclub-personal", principal=10_000_000, rate="9.99", n=36)
    life = Story(policies).lent(loan).live("2024-01-01")
    assert life.days[0].boarded["emi"][0] == 322_625


def test_an_instalment_paid_on_its_due_date_is_on_time(policies: PolicyBook) -> None:
    loan = terms(policies, "instalment-act365")
    emi = Story(policies).lent(loan).live("2024-01-01").days[0].boarded["emi"][0]
    life = Story(policies).lent(loan).paid(emi, "2024-02-01").live("2024-02-05")
    assert life.on("2024-02-05")["days_past_due"] == 0
    assert life.on("2024-02-05")["interest_due"] == 0
    assert life.allocations()["amount"].sum() == emi


def test_days_past_due_count_from_the_oldest_unpaid_due_date(policies: PolicyBook) -> None:
    loan = terms(policies, "instalment-act365")
    life = Story(policies).lent(loan).live("2024-03-05")
    assert [life.on(d)["days_past_due"] for d in ("2024-02-01", "2024-02-02", "2024-03-05")] == [
        0,
        1,
        33,
    ]


def test_a_partial_payment_leaves_the_counter_on_the_oldest_due(policies: PolicyBook) -> None:
    loan = terms(policies, "instalment-act365")
    life = Story(policies).lent(loan).paid(1_000, "2024-02-01").live("2024-02-11")
    assert life.on("2024-02-11")["days_past_due"] == 10
    assert life.on("2024-02-11")["paid_today"] == 0


def test_the_late_fee_comes_once_in_the_first_close_after_grace(policies: PolicyBook) -> None:
    loan = terms(policies, "instalment-act365")
    life = Story(policies).lent(loan).live("2024-02-28")
    fees = [life.on(d)["penalties_due"] for d in ("2024-02-11", "2024-02-12", "2024-02-28")]
    emi = life.days[0].boarded["emi"][0]
    assert fees == [0, round(emi / 20), round(emi / 20)]


def test_a_late_fee_alone_causes_no_other_one(policies: PolicyBook) -> None:
    loan = terms(policies, "lendingclub-personal")
    emi = Story(policies).lent(loan).live("2024-01-01").days[0].boarded["emi"][0]
    story = Story(policies).lent(loan).paid(emi, "2024-02-20", ref="late").paid(emi, "2024-03-01")
    life = story.live("2024-03-20")
    charged = life.transfers().filter(pl.col("debit") == ROLE["penalties_receivable"])
    assert charged.height == 1


def test_a_payoff_to_the_date_closes_the_loan_at_exactly_zero(policies: PolicyBook) -> None:
    loan = terms(policies, "instalment-act365")
    before = Story(policies).lent(loan).live("2024-01-17").on("2024-01-17")
    owed = before["principal"] + before["interest_accrued"]
    life = Story(policies).lent(loan).paid(owed, "2024-01-17").live("2024-01-19")
    end = life.on("2024-01-17")
    assert (end["status"], end["principal"], end["interest_accrued"], end["credit"]) == (
        Status.closed, 0, 0, 0,
    )  # fmt: skip
    assert life.days[-1].book.loans == 0


def test_what_is_beyond_the_payoff_is_the_borrowers_credit(policies: PolicyBook) -> None:
    loan = terms(policies, "instalment-act365")
    before = Story(policies).lent(loan).live("2024-01-17").on("2024-01-17")
    owed = before["principal"] + before["interest_accrued"]
    life = Story(policies).lent(loan).paid(owed + 777, "2024-01-17").live("2024-01-19")
    assert life.on("2024-01-19")["status"] == Status.overpaid
    assert life.on("2024-01-19")["credit"] == 777


def test_money_between_due_dates_pays_interest_to_the_day_then_principal(
    policies: PolicyBook,
) -> None:
    loan = terms(policies, "instalment-act365")
    life = Story(policies).lent(loan).paid(5_000, "2024-01-16").live("2024-02-01")
    accrued = round(120_000 * 0.12 * 15 / 365)
    parts = dict(life.allocations().select("component", "amount").rows())
    assert parts == {1: accrued, 0: 5_000 - accrued}
    # the instalment stays: what came early stands with it
    emi = life.days[0].boarded["emi"][0]
    owed = life.on("2024-02-01")
    assert owed["principal_due"] + owed["interest_due"] == emi - 5_000


def test_several_payments_on_a_day_allocate_like_their_sum(policies: PolicyBook) -> None:
    loan = terms(policies, "instalment-act365")
    one = Story(policies).lent(loan).paid(9_000, "2024-02-03").live("2024-02-10")
    many = Story(policies).lent(loan)
    for n, part in enumerate((2_500, 2_500, 4_000)):
        many = many.paid(part, "2024-02-03", ref=str(n))
    split = many.live("2024-02-10")
    ignored = {"paid_today"}
    assert {k: v for k, v in split.on("2024-02-10").items() if k not in ignored} == {
        k: v for k, v in one.on("2024-02-10").items() if k not in ignored
    }


def test_every_product_paid_to_schedule_returns_what_was_lent(policies: PolicyBook) -> None:
    products = dict(enumerate(("equal-principal", "flat-rate", "interest-only", "instalment-act365",
                               "lendingclub-personal"), start=1))  # fmt: skip
    story = Story(policies)
    for loan, product in products.items():
        story = story.lent(terms(policies, product, loan_id=loan, n=6))
    agreed = story.live("2024-01-01").days[0].boarded
    asked = expand(agreed).select("loan_id", "period_end", "principal", "interest")
    for loan, due, principal, interest in asked.rows():
        story = story.paid(principal + interest, due.isoformat(), loan_id=loan)
    life = story.live("2024-07-01")
    for loan, product in products.items():
        last = life.on("2024-07-01", loan)
        assert (last["status"], last["principal_paid"]) == (Status.closed, 120_000), product


def test_a_charged_off_loan_leaves_the_books_and_its_claim_lives_on(policies: PolicyBook) -> None:
    loan = terms(policies, "instalment-act365")
    life = (
        Story(policies)
        .lent(loan)
        .charged_off("2024-03-10")
        .paid(2_000, "2024-03-20")
        .live("2024-03-25")
    )
    end = life.on("2024-03-25")
    assert end["status"] == Status.charged_off
    assert end["days_past_due"] > 0
    assert end["off_books"] == life.on("2024-03-10")["off_books"] - 2_000
    held = dict(life.balances.select("account", "balance").rows())
    assert held[ROLE["loan_principal"]] == 0
    assert held[ROLE["recovery_income"]] == -2_000
    assert held[ROLE["memo_claim"]] == end["off_books"]


def test_a_payment_for_a_loan_that_left_the_book_is_held_not_lost(policies: PolicyBook) -> None:
    loan = terms(policies, "instalment-act365")
    before = Story(policies).lent(loan).live("2024-01-17").on("2024-01-17")
    owed = before["principal"] + before["interest_accrued"]
    life = (
        Story(policies)
        .lent(loan)
        .paid(owed, "2024-01-17")
        .paid(500, "2024-01-20")
        .closed_daily("2024-01-20")
    )
    held = dict(life.balances.select("account", "balance").rows())
    assert held[ROLE["unidentified_receipts"]] == -500


def test_a_scheduled_loan_paid_ahead_keeps_its_money_with_its_instalments(
    policies: PolicyBook,
) -> None:
    loan = terms(policies, "equal-principal", n=6)
    life = Story(policies).lent(loan).paid(45_000, "2024-01-10").live("2024-02-01")
    ahead = life.dues("2024-01-10")
    assert ahead["paid"].sum() == 45_000
    assert life.on("2024-01-10")["days_past_due"] == 0
    assert life.on("2024-02-01")["principal_due"] == 0


def test_a_vertical_waterfall_pays_a_component_across_instalments(policies: PolicyBook) -> None:
    ranks = policies.waterfall_ranks.with_columns(
        vertical=pl.lit(True),
        rank=pl.when(pl.col("component") == 1).then(pl.col("timing")).otherwise(
            10 + pl.col("component") * 3 + pl.col("timing")
        ).cast(pl.Int64),
    )  # fmt: skip
    by_component = PolicyBook(policies.policies, policies.registry)
    by_component.__dict__["waterfall_ranks"] = ranks
    loan = terms(by_component, "instalment-act365")
    unpaid = Story(by_component).lent(loan).live("2024-03-01").on("2024-03-01")
    life = (
        Story(by_component).lent(loan).paid(unpaid["interest_due"], "2024-03-02").live("2024-03-02")
    )
    assert set(life.allocations()["component"]) == {1}
    assert life.on("2024-03-02")["interest_due"] == 0


def test_closing_a_day_out_of_order_is_refused(policies: PolicyBook) -> None:
    life = Story(policies).lent(terms(policies, "instalment-act365")).live("2024-01-05")
    book = life.days[-1].book
    with pytest.raises(Exception, match="close 2024-01-06 next"):
        close(book, book.pending, policies, book.date)  # type: ignore[arg-type]


def test_half_a_unit_rounds_by_all_that_was_earned_whatever_the_segments(
    policies: PolicyBook,
) -> None:
    # 0.05 % a day: a night of 30.00 earns a unit and a half
    loan = terms(policies, "instalment-act365", principal=3_000, rate="18.25", n=3)
    plain = Story(policies).lent(loan).live("2024-01-20")
    nothing = _event(Kind.rate_changed, 1, "2024-01-06", None, "r",
                     '{"rate_ppb": 182500000, "keep": "instalment"}')  # fmt: skip
    cut = Story(policies, (*Story(policies).lent(loan).rows, nothing)).live("2024-01-20")
    # five nights earn 7.5, rounded to the even 8: a segment that ends there changes nothing
    assert plain.on("2024-01-06")["interest_accrued"] == 8
    for day in range(6, 21):
        on = f"2024-01-{day:02d}"
        assert plain.on(on)["interest_accrued"] == cut.on(on)["interest_accrued"]
