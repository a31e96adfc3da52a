"""Money beyond what is due that the running instalment takes, as its principal, and what follows from it.

5,000.00 at 12 %, actual days over 365, in six instalments of whole units from 1 November 2022. Months of 30
days bear 0.986301 %, so 862.34 each would pay it off: the level instalment is 862.00. Its first period of 30
nights bears 49.32.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from pydantic import ValidationError

from loanbook.core.catalogue.codes import Status
from loanbook.core.catalogue.components import Component
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from loanbook.core.servicing.explain.instalments import instalments
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.replay.fast_forward import fast_forward
from tests.core.late_news import same_as_in_time
from tests.core.late_news import told as told_late
from tests.core.loans import Life, Story, payment, product_of, terms, with_more

RECAST, SOONER, NEXT = "running_then_recast", "running_then_curtailment", "running_then_next"
LOAN = {"principal": 5_000_00, "rate": "12", "n": 6, "start": "2022-11-01"}


@pytest.fixture(scope="module")
def ours(policies: PolicyBook) -> PolicyBook:
    """The policies and a product for each rule."""
    made = product_of(policies, "instalment-act365")
    rules = {
        "schedule": made.schedule.model_copy(
            update={"instalment_multiple": 100, "level_periods": "even"}
        ),
        "interest": made.interest.model_copy(update={"rounded": "segment"}),
        "late_fee": None,
    }
    products = (
        made.model_copy(
            update=rules | {"name": name, "payments": made.payments.model_copy(update={"excess": name})}
        )
        for name in (RECAST, SOONER, NEXT)
    )  # fmt: skip
    return with_more(policies, *(("products", each) for each in products))


PAID = {
    # on the due date, before it, after it, paid off
    1: (RECAST, ((1_500_00, "2022-12-01"),)),
    2: (RECAST, ((863_00, "2022-11-27"), (48_18, "2022-12-01"))),
    3: (RECAST, ((1_500_00, "2022-12-05"),)),
    4: (RECAST, ((862_00, "2022-12-01"), (4_206_59, "2022-12-15"))),
    5: (SOONER, ((1_000_00, "2022-12-01"), (2_000_00, "2023-01-01"), (862_00, "2023-02-01"),
                 (862_00, "2023-03-01"), (403_48, "2023-04-01"))),
    6: (NEXT, ((1_000_00, "2022-12-01"), (2_000_00, "2023-01-01"), (21_31, "2023-02-01"))),
    7: (NEXT, ((1_000_00, "2022-11-20"), (45_70, "2022-12-01"))),
}  # fmt: skip


def _story(ours: PolicyBook, *without: int) -> Story:
    story = Story(ours)
    for loan_id, (product, paid) in PAID.items():
        story = story.lent(terms(ours, product, loan_id=loan_id, first_due="2022-12-01", **LOAN))
        for n, (amount, on) in enumerate(paid):
            if n or loan_id not in without:
                story = story.paid(amount, on, loan_id=loan_id, ref=str(n))
    return story


@pytest.fixture(scope="module")
def life(ours: PolicyBook) -> Life:
    return _story(ours).live("2023-04-02")


def _asked(life: Life, day: str, loan_id: int, number: int) -> tuple[int, int]:
    """Principal and interest that an instalment still asks."""
    rows = life.dues(day).filter(
        (pl.col("loan_id") == loan_id) & (pl.col("instalment_no") == number)
    )
    left = rows.select("component", left=pl.col("amount") - pl.col("paid"))
    parts = dict(left.rows())
    return parts.get(Component.principal.value, 0), parts.get(Component.interest.value, 0)


def test_on_its_due_date_an_instalment_takes_all_and_the_next_ones_are_lower(life: Life) -> None:
    # 5,000.00 - (1,500.00 - 49.32) = 3,549.32; 31 nights of it bear 36.17 of the new 731.00
    assert life.on("2022-12-01", 1)["principal"] == 3_549_32
    assert _asked(life, "2023-01-01", 1, 2) == (694_83, 36_17)
    met = life.allocations().filter(pl.col("loan_id") == 1)
    assert met.select("instalment_no", "component", "amount").rows() == [
        (1, Component.interest.value, 49_32), (1, Component.principal.value, 1_450_68)
    ]  # fmt: skip


def test_before_it_money_is_principal_and_the_interest_waits(life: Life) -> None:
    # 26 nights of 5,000.00 and 4 of 4,137.00: 42.74 + 5.44 = 48.18, asked beside the 863.00
    assert life.on("2022-11-27", 2)["principal"] == 4_137_00
    assert life.on("2022-12-01", 2)["interest_due"] == 0  # 48.18, and paid
    # 4,137.00 over five instalments: 852.00, of which 31 nights bear 42.16
    assert _asked(life, "2023-01-01", 2, 2) == (809_84, 42_16)


def test_late_money_pays_the_arrears_then_the_running_instalment(life: Life) -> None:
    # 4 nights of 5,000.00 and 27 of 4,187.32 - 638.00, each rounded: 6.58 + 31.51, of the 862.00
    assert life.on("2022-12-05", 3)["principal"] == 3_549_32
    assert _asked(life, "2023-01-01", 3, 2) == (185_91, 38_09)  # 823.91 - 638.00


def test_a_payoff_between_due_dates_closes_the_loan(life: Life) -> None:
    # 4,187.32 and 14 nights of it, 19.27
    assert life.on("2022-12-15", 4)["status"] == Status.closed
    assert life.on("2022-12-15", 4)["credit"] == 0


def test_the_loan_ends_sooner_where_the_instalment_stays(life: Life) -> None:
    # 950.68 and 1,958.73 of principal leave 2,090.59: 862.00 twice, and 399.41 + 4.07
    assert life.on("2023-01-01", 5)["principal"] == 2_090_59
    assert _asked(life, "2023-02-01", 5, 3) == (0, 0)
    assert life.on("2023-04-01", 5)["status"] == Status.closed


def test_the_next_instalments_ask_so_much_less_principal(life: Life) -> None:
    # 138.00 and 1,138.00 beyond; the third would ask 840.69 of principal, the fourth 842.76
    assert life.on("2023-02-01", 6)["interest_due"] == 0  # 21.31, and paid
    assert _asked(life, "2023-03-01", 6, 4) == (407_45, 19_24)
    # 19 nights of 5,000.00 and 11 of 4,000.00: 31.23 + 14.47; 1,000.00 - 816.30 go on
    assert _asked(life, "2023-01-01", 7, 2) == (637_53, 40_77)  # 862.00 - 183.70 - 40.77 = 637.53


def test_what_is_to_come_is_shown_as_it_will_be_asked(ours: PolicyBook) -> None:
    looks = {2: dt.date(2022, 11, 27), 6: dt.date(2023, 1, 1)}
    book = Book.empty(ours.pins, _story(ours).events())
    through = pl.DataFrame(
        [*looks.items()], schema={"loan_id": pl.Int64, "through": pl.Date}, orient="row"
    )
    lived = fast_forward(book, _story(ours).events(), ours, through)

    def shown(loan_id: int) -> list[tuple[int, ...]]:
        rows = instalments(lived, ours, looks[loan_id]).filter(pl.col("loan_id") == loan_id)
        return rows.select("principal", "interest", "paid").rows()

    # five of 852.00 after the first: of 4,137.00 over 31, 31, 28, 31 and 30 nights
    assert shown(2) == [
        (863_00, 48_18, 863_00), (809_84, 42_16, 0), (818_09, 33_91, 0), (828_90, 23_10, 0),
        (834_88, 17_12, 0), (845_29, 8_34, 0),
    ]  # fmt: skip
    # 1,276.00 beyond what the first two asked: 840.69 of the third, and 435.31 of the fourth
    assert shown(6)[2:] == [
        (840_69, 21_31, 840_69), (842_76, 19_24, 435_31), (844_85, 17_15, 0), (838_29, 8_27, 0)
    ]  # fmt: skip


def test_money_that_is_told_late_leaves_the_same_schedule(ours: PolicyBook) -> None:
    story, late = Story(ours), []
    for loan_id, days in ((2, 9), (6, 4)):
        product, ((amount, on), *_) = PAID[loan_id]
        story = story.lent(terms(ours, product, loan_id=loan_id, first_due="2022-12-01", **LOAN))
        late.append((days, payment(amount, on, loan_id=loan_id, ref="0")))
    same_as_in_time(told_late(story, *late), ours, dt.date(2022, 12, 7))


def test_a_product_that_cannot_take_it_so_is_refused(policies: PolicyBook) -> None:
    made = product_of(policies, "instalment-act365").model_dump()
    taking = made | {"payments": made["payments"] | {"excess": RECAST}}
    Product.model_validate(taking)
    for part, rules, need in (
        ("schedule", {"amortisation": "equal_principal"}, "amortisation: equal_instalment"),
        ("schedule", {"tranches": "own_term"}, "tranches: to_come"),
        ("schedule", {"business_day": "following"}, "business_day: unadjusted"),
        ("interest", {"accrual": "scheduled"}, "accrual: daily"),
        ("interest", {"covered_instalment": "fixed"}, "covered_instalment: bears_its_nights"),
        ("interest", {"interest_due_at": "payment_date"}, "interest_due_at: due_date"),
    ):
        with pytest.raises(ValidationError, match=f"{RECAST} needs .*{need}"):
            Product.model_validate(taking | {part: taking[part] | rules})
    with pytest.raises(ValidationError, match="rounded: segment needs accrual: daily"):
        Product.model_validate(made | {"interest": {"accrual": "scheduled", "rounded": "segment"}})
    even = {"amortisation": "equal_instalment", "rate_basis": "period", "level_periods": "even"}
    with pytest.raises(ValidationError, match="level_periods: even needs"):
        Product.model_validate(made | {"schedule": even})
