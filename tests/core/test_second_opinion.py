"""What the second reckoning of `tests/oracle` found wrong, each with its right figure."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from tests.core.loans import Life, Story, _event, terms, with_more

PARTS, AHEAD, GRACE, DOWN, EUROPE, MXN, ONE, OTHER = 2, 3, 4, 5, 6, 7, 8, 9
PAUSED, MONDAY, LEVEL, PARTS_MORE, PARTS_LONGER, TAXED, TAX_LATE, SEASON, FEE, PARTS_LAST = range(
    10, 20
)


def product(name: str, **rules: object) -> tuple[str, Product]:
    """A daily product; `rules` of its schedule and payments."""
    accrual, tax = rules.pop("accrual", "daily"), rules.pop("tax", None)
    told = {"name": name, "tax": tax, "version": 1, "effective_from": dt.date(2000, 1, 1), "currency": "USD",
            "entity": "us-consumer", "interest": {"accrual": accrual}, "payouts": {"over_ppb": 10**9},
            "payments": {"excess": rules.pop("excess", "next_instalment")},
            "schedule": {"amortisation": "equal_instalment", "rate_basis": "ACT/365F"} | rules}  # fmt: skip
    return "products", Product.model_validate(told)


@pytest.fixture(scope="module")
def life(policies: PolicyBook) -> Life:
    """Loans of one book; all of 1,200.00 at 12 % from 1 January 2024 unless it says otherwise."""
    parts = {"amortisation": "equal_principal"}
    book = with_more(
        policies,
        product("parts", **parts, instalment_rounding="up", interest_rounding="down"),
        product("parts-ahead", **parts, excess="next_then_principal"),
        product("parts-last", **parts, excess="last_instalment"),
        product("parts-grace", **parts, grace_principal=2),
        product(
            "parts-monday",
            **parts,
            business_day="following",
            calendar="us-federal",
            adjust_accrual=True,
        ),
        product("level-grace", grace_principal=2),
        product("fixed-taxed", accrual="scheduled", tax="vat-16", rate_basis="period"),
        product("season", rate_basis="period", season=["1", "1.5", *["1"] * 10]),
        product("shared", down_payment_ppb=250_000_000),
        product("europe", rate_basis="30E/360"),
        product("of-364", rate_basis="ACT/364"),
    )
    story = Story(book)
    for number in (ONE, OTHER):
        story = story.lent(terms(book, "of-364", loan_id=number, n=6))
    story = story.lent(terms(book, "parts", loan_id=PARTS, principal=100_000, n=3))
    for number, name in ((AHEAD, "parts-ahead"), (GRACE, "parts-grace")):
        story = story.lent(terms(book, name, loan_id=number, n=6))
    for number in (DOWN, PAUSED):
        story = story.lent(terms(book, "shared", loan_id=number, principal=100_000, n=6))
        story = story.paid(25_000, "2024-01-01", loan_id=number)
    story = story.lent(terms(book, "parts-monday", loan_id=MONDAY, n=6, first_due="2024-01-17"))
    story = story.paid(631 + 40_000, "2024-01-17", loan_id=MONDAY)
    story = story.lent(terms(book, "level-grace", loan_id=LEVEL, n=6))
    story = story.paid(50_000, "2024-01-11", loan_id=LEVEL)
    for number in (PARTS_MORE, PARTS_LONGER, FEE):
        story = story.lent(terms(book, "parts-ahead", loan_id=number, n=6))
    story = story.paid(10_000, "2024-01-11", loan_id=FEE)
    story = story.lent(terms(book, "parts-last", loan_id=PARTS_LAST, n=6))
    story = story.paid(10_000, "2024-01-05", loan_id=PARTS_LAST)
    story = story.lent(terms(book, "fixed-taxed", loan_id=TAXED, n=6))
    story = story.paid(41_412, "2024-01-11", loan_id=TAXED)
    story = story.paid(400, "2024-01-12", loan_id=TAXED)
    story = story.lent(terms(book, "instalment-mxn", loan_id=TAX_LATE, n=6))
    story = story.paid(100, "2024-02-15", loan_id=TAX_LATE)
    story = story.lent(terms(book, "season", loan_id=SEASON, n=6))
    story = story.lent(terms(book, "europe", loan_id=EUROPE, rate="24", n=6, start="2023-12-10",
                             first_due="2023-12-24", every=2, unit=Unit.weeks))  # fmt: skip
    story = story.lent(terms(book, "instalment-mxn", loan_id=MXN, n=6))
    story = story.paid(10_000, "2024-01-11", loan_id=AHEAD, ref="a")
    story = story.paid(15_000, "2024-01-11", loan_id=AHEAD, ref="b")
    story = story.paid(50_000, "2024-01-11", loan_id=GRACE)
    story = story.paid(20_643, "2023-12-24", loan_id=EUROPE)
    rows = [
        *(_event(Kind.disbursed, n, "2024-01-11", 40_000, "t", None) for n in (DOWN, PAUSED)),
        _event(Kind.interest_paused, PAUSED, "2024-01-05", None, "z",
               json.dumps({"start": "2024-01-16", "end": "2024-01-20"})),
        _event(Kind.disbursed, EUROPE, "2023-12-30", 60_000, "t", None),
        *(_event(Kind.disbursed, n, "2024-01-11", 40_000, "t", None)
          for n in (PARTS_MORE, PARTS_LAST)),
        _event(Kind.disbursed, SEASON, "2024-03-01", 60_000, "t", None),
        _event(Kind.charge_assessed, FEE, "2024-01-05", 500, "f",
               json.dumps({"component": Component.fee.value, "due_date": "2024-02-01"})),
        *(_event(Kind.term_extended, n, "2024-02-10", None, "x",
                 json.dumps({"instalments": 1, "keep": "instalment"})) for n in (ONE, OTHER, PARTS_LONGER)),
    ]  # fmt: skip
    return Story(book, (*story.rows, *rows)).live("2024-03-01")


def asked(life: Life, day: str, loan_id: int, component: Component) -> list[tuple[int, int]]:
    """Instalment and amount of the dues of a component."""
    ours = (pl.col("loan_id") == loan_id) & (pl.col("component") == component.value)
    return life.dues(day).filter(ours).select("instalment_no", "amount").rows()


def level(life: Life, day: str, loan_id: int) -> int:
    done = next(d for d in life.days if d.date == dt.date.fromisoformat(day))
    return int(done.book.terms.filter(pl.col("loan_id") == loan_id)["emi"].item())


def test_an_equal_part_of_principal_is_rounded_as_an_instalment_is(life: Life) -> None:
    """1,000.00 / 3 = 333.33 1/3, up; it was rounded as interest is, down."""
    assert asked(life, "2024-02-01", PARTS, Component.principal) == [(1, 33_334)]


def test_interest_paid_in_advance_takes_no_room_of_an_equal_part(life: Life) -> None:
    """Ten nights are 3.945, so 3.95; of 100.00 and 150.00 the part of 200.00 stands with instalment 1 beside it,
    and 46.05 lower the balance."""
    position = life.on("2024-01-11", AHEAD)
    assert position["prepaid_dues"] == 395 + 20_000
    assert position["principal"] == 120_000 - 25_000 + 395


def test_money_in_advance_passes_over_instalments_that_ask_no_principal(life: Life) -> None:
    """After two instalments of grace four parts of 300.00: of 500.00 the interest of ten nights stands with
    the first, 300.00 with the third and 196.05 with the fourth instalment."""
    met = life.allocations().filter(pl.col("loan_id") == GRACE)
    assert sorted(met.select("instalment_no", "component", "amount").rows()) == [
        (1, Component.interest.value, 395),
        (3, Component.principal.value, 30_000),
        (4, Component.principal.value, 19_605),
    ]


def test_a_tranche_beside_a_down_payment_bears_no_nights_before_it(life: Life) -> None:
    """750.00 for ten nights and 1,050.00 for 21, then 29, 31, 30, 31 and 30 nights of what is left: level
    at 180.990; it had been less, as if the share of 100.00 paid at once lacked the ten nights too."""
    assert level(life, "2024-01-11", DOWN) == 18_099


def test_nights_of_a_pause_to_come_are_lacked_by_what_instalments_pay_off(life: Life) -> None:
    """As above, but of 21 nights five rest: level at 180.695; it had been less, as if the share paid at once
    lacked them too."""
    assert level(life, "2024-01-11", PAUSED) == 18_070


def test_money_in_advance_stands_with_an_instalment_that_a_calendar_moves(life: Life) -> None:
    """Sixteen nights are 6.31; two parts of 200.00, one in advance. 17 February is a Saturday, the Monday after it
    a holiday: on the 20th instalment 2 asks its interest alone; the money was gone, and the part asked again."""
    assert life.on("2024-02-19", MONDAY)["prepaid_dues"] == 20_000
    position = life.on("2024-02-20", MONDAY)
    assert (position["prepaid_dues"], position["principal_due"]) == (0, 0)


def test_money_in_advance_of_a_level_loan_in_grace_stands_with_what_asks_principal(
    life: Life,
) -> None:
    """After two instalments of grace 31, 30, 31 and 30 nights: level at 307.583. Of 500.00 the interest of ten nights
    stands with the first instalment; the rest had stood with instalments that ask no principal."""
    met = life.allocations().filter(pl.col("loan_id") == LEVEL)
    assert sorted(met.select("instalment_no", "component", "amount").rows()) == [
        (1, Component.interest.value, 395),
        (3, Component.principal.value, 30_758),
        (4, Component.principal.value, 49_605 - 30_758),
    ]


def test_the_nights_that_a_tranche_lacks_are_days_of_the_day_count(life: Life) -> None:
    """30E/360 gives 13 days to the 14 nights from 24 December to 7 January, six of them before the
    30th: 1,004.77 for 6 days and 1,604.77 for 7, then 14, 13, 14 and 15 days: level at 329.203."""
    assert level(life, "2023-12-30", EUROPE) == 32_920


def test_penal_interest_that_is_taxed_as_interest_takes_no_tax_off_the_contract_s(
    life: Life,
) -> None:
    """12.40 of interest at 16 % is 1.98; in March 11.60, so 1.86, and of 26 nights of penal interest on 194.74
    at 24 %, 3.33, so 0.53: it had taken the tax on 3.33 off the 1.86."""
    assert life.on("2024-02-29", MXN)["taxes_due"] == 198
    assert life.on("2024-03-01", MXN)["taxes_due"] == 198 + 186 + 53


def test_loans_of_one_day_count_whose_contracts_change_on_one_day_are_closed(life: Life) -> None:
    """Two terms that are extended on one day, both on actual days over 364, stopped the book."""
    for number in (ONE, OTHER):
        done = life.days[-1].book.terms.filter(pl.col("loan_id") == number)
        assert done["instalments"].item() == 7


def test_equal_parts_are_spread_anew_over_what_is_to_come(life: Life) -> None:
    """400.00 more over six instalments: (1,200.00 + 400.00) / 6; the last one had taken it all. Where an order keeps
    the instalment and makes the term longer, the part of 200.00 stays; it had been 1,200.00 / 7."""
    for number in (PARTS_MORE, PARTS_LAST):  # also where 100.00 stand with the last one already
        assert asked(life, "2024-02-01", number, Component.principal)[0] == (1, 26_667)
    assert asked(life, "2024-03-01", PARTS_LONGER, Component.principal) == [
        (1, 20_000),
        (2, 20_000),
    ]


def test_the_tax_on_interest_met_in_advance_is_due_with_its_own_instalment(life: Life) -> None:
    """Two instalments of 207.06 ahead: interest of 12.00 and 10.05, taxes of 1.92 and 1.61, each on its own date. Of
    4.00 more both taxes come first, as the waterfall has them, then 0.47 of interest of the third, taxed 0.08; a
    charge is asked already, so its money stands with nothing."""
    assert asked(life, "2024-01-11", TAXED, Component.tax) == [(1, 192), (2, 161)]
    position = life.on("2024-01-12", TAXED)
    assert (position["prepaid_dues"], position["taxes_due"]) == (41_412 + 47, 8)


def test_what_joins_a_tax_that_is_late_leaves_it_late(life: Life) -> None:
    """Penal interest of eleven nights to 15 February on 194.74 at 24 % is 1.41, its tax 0.23: it joins the 1.98 of
    1 February, which had moved to the 15th."""
    assert asked(life, "2024-02-15", TAX_LATE, Component.tax) == [(1, 198 + 23)]
    late = life.dues("2024-02-15").filter(pl.col("loan_id") == TAX_LATE)
    tax = late.filter(pl.col("component") == Component.tax.value)
    assert tax["due_date"].item() == dt.date(2024, 2, 1)


def test_a_tranche_of_a_seasonal_loan_in_arrears_goes_on_from_its_schedule(life: Life) -> None:
    """Nothing is paid. February asks 1.5 times 190.76, March that: had they been paid, 744.36 were left; with 600.00
    more over four months at 1 %: level at 344.534."""
    assert level(life, "2024-03-01", SEASON) == 34_453


def test_a_charge_that_stands_with_the_next_instalment_is_met_before_the_balance(
    life: Life,
) -> None:
    """Of 100.00 first the fee of 5.00, as the waterfall has it, then ten nights, 3.95, and 91.05 of principal."""
    position = life.on("2024-01-11", FEE)
    assert (position["fees_due"], position["principal"]) == (0, 120_000 - 9_105)
