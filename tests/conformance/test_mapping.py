"""The mapping of cases: every field and value is mapped, or refused by its name."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from loanbook.core.contract.dates.day_count import RateBasis
from loanbook.core.contract.figures import Amortisation
from loanbook.core.contract.first_period import Stub
from loanbook.core.contract.money import Rounding
from tests.conformance import life, printed_tables
from tests.conformance.actus_terms import NotMappedError as ContractGapError
from tests.conformance.actus_terms import contract_of
from tests.conformance.fineract import NotMappedError
from tests.conformance.mapping import mapped
from tests.conformance.outcome import Outcome
from tests.conformance.printed_terms import table_of
from tests.conformance.printed_words import UnknownWordsError, kind_of
from tests.conformance.products import can_recalculate, product, recalculated
from tests.conformance.runner import CASES, read
from tests.conformance.vocabulary import COMMON, FREE, STEPS, TERMS, refuse_unknown

Case = dict[str, Any]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return read(CASES)


@pytest.fixture(scope="module")
def lives(cases: list[Case]) -> list[Case]:
    return [c for c in cases if "terms" in c or "loans" in c if "steps" in c or "schedule" in c]


def _terms(lives: list[Case]) -> list[Case]:
    return [t for c in lives for t in (c.get("loans") or [c["terms"]])]


def _asked(terms: Case) -> str | None:
    """The product of terms is made, or the reason that there is none."""
    try:
        refuse_unknown({"terms": terms})
        if recalculated(terms):
            can_recalculate(terms)
        assert product(terms, [], 0)
    except NotMappedError as gap:
        return str(gap)
    return None


def test_every_combination_of_terms_is_a_product_or_is_named(lives: list[Case]) -> None:
    chosen = [n for n, known in TERMS.items() if known is not FREE]
    kinds: dict[str, Case] = {}
    for terms in _terms(lives):
        kinds.setdefault(json.dumps([terms.get(n) for n in chosen], sort_keys=True), terms)
    found = [_asked(terms) for terms in kinds.values()]
    assert len(kinds) > 100
    assert all(why is None or why for why in found)
    assert found.count(None) > len(found) * 0.9


def test_every_value_that_occurs_goes_with_every_kind_of_loan(lives: list[Case]) -> None:
    values: dict[str, dict[str, Any]] = defaultdict(dict)
    bases: dict[tuple[Any, ...], Case] = {}
    for terms in _terms(lives):
        for name, known in TERMS.items():
            if known is not FREE and name in terms:
                values[name][json.dumps(terms[name], sort_keys=True)] = terms[name]
        shape = (terms["schedule_type"], terms["interest_type"], recalculated(terms))
        bases.setdefault(shape, terms)
    for base in bases.values():
        for name, known in values.items():
            for value in known.values():
                why = _asked(base | {name: value})
                assert why is None or why, (name, value)


@pytest.mark.parametrize("name", sorted(n for n, known in TERMS.items() if known is not FREE))
def test_a_value_that_means_nothing_is_refused(lives: list[Case], name: str) -> None:
    base = _terms(lives)[0]
    odd = (
        "MOON" if not isinstance(TERMS[name], dict) else [{next(iter(TERMS[name])): "x", "moon": 1}]
    )
    why = _asked(base | {name: odd})
    assert why is not None
    assert name in why or "moon" in why


def test_a_field_that_means_nothing_is_refused(lives: list[Case]) -> None:
    base = _terms(lives)[0]
    assert _asked(base | {"phase_of_the_moon": "full"}) == "terms: field phase_of_the_moon"
    assert _asked(base | {"phase_of_the_moon": None}) is None


def test_every_step_is_an_event_or_is_named(lives: list[Case]) -> None:
    seen, named = set(), set()
    for case in (c for c in lives if "steps" in c):
        try:
            refuse_unknown(case)
            mapped(case)
            seen |= {s["type"] for s in case["steps"]}
        except NotMappedError as gap:
            named.add(str(gap))
    assert len(seen) > 40
    assert "" not in named


@pytest.mark.parametrize("kind", sorted(STEPS))
def test_a_field_of_a_step_that_means_nothing_is_refused(lives: list[Case], kind: str) -> None:
    terms = _terms(lives)[0]
    step = {"i": 0, "type": kind, "moon": "full"}
    with pytest.raises(NotMappedError, match=f"step {kind}: field moon"):
        refuse_unknown({"loans": [], "terms": terms, "steps": [step]})
    for name, known in STEPS[kind].items():
        if isinstance(known, frozenset):
            odd = {"i": 0, "type": kind, name: "MOON"}
            with pytest.raises(NotMappedError, match=name):
                refuse_unknown({"loans": [], "terms": terms, "steps": [odd]})
    assert "expect" in COMMON


def test_contracts_are_mapped_or_named(cases: list[Case]) -> None:
    named = set()
    for n, case in enumerate(c for c in cases if c["category"].startswith("actus_")):
        try:
            contract_of(case, n)
        except ContractGapError as gap:
            named.add(str(gap))
    assert len(named) <= 8
    assert "" not in named


# --- printed tables --------------------------------------------------------------------


def test_printed_tables_are_mapped_by_fields_and_words(cases: list[Case]) -> None:
    tables = [c["inputs"] for c in cases if c["category"] == "schedules"]
    tables = [t for t in tables if not {"finance_charge", "months_elapsed"} & set(t)]
    gaps = []
    for given in tables:
        try:
            table_of(given)
        except UnknownWordsError as gap:
            gaps.append(str(gap))
        with pytest.raises(UnknownWordsError, match="field moon"):
            table_of({"moon": "full"} | given)
        if "type" in given:
            with pytest.raises(UnknownWordsError, match="'moonlit'"):
                table_of(given | {"type": f"moonlit {given['type']}"})
    assert gaps == ["field commitment"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("annuity, first period 17/365 + 1/12 of a year", {"parts": ((17, 365), (1, 12))}),
        ("short first period 1/12 - 5/365", {"parts": ((1, 12), (-5, 365))}),
        ("first instalment after 14 days, annuity", {"first_days": 14}),
        ("instalments rising by 2.5 % every 6 months", {"step": Decimal("2.5"), "step_every": (6, "month")}),
        ("payment falls 1 % a quarter", {"step": Decimal(-1), "step_every": (1, "quarter")}),
        ("step-down annuity, 3 % each year", {"step": Decimal(-3)}),
        ("balloon: instalment of a 25-year loan, balance 1,234.50 + last instalment at month 60",
         {"instalment_of": (25, "year")}),
        ("balloon 20 % of the principal", {"balloon_percent": Decimal(20)}),
        ("annuity with a balloon of 50,000.00", {"balloon": Decimal(50000)}),
        ("interest only for the first two years, then annuity", {"grace_principal": (2, "year")}),
        ("level payments with 3 months of principal grace", {"grace_principal": (3, "month")}),
        ("equal principal of 900, last smaller",
         {"share": Decimal(900), "amortisation": Amortisation.equal_principal}),
        ("bullet, principal and interest at maturity", {"bullet": True}),
        ("add-on interest", {"amortisation": Amortisation.flat}),
        ("teaser: 2 % for 6 months, then 5 %",
         {"rates": [((6, "month"), Decimal(2), None), (None, Decimal(5), None)]}),
        ("fixed instalment of 1500 until it is paid", {"instalment": Decimal(1500)}),
        ("interest on opening balance, rounded down to yen", {"opening_only": True}),
        ("first year at 3 %, then 6 %, instalment recomputed",
         {"rates": [((1, "year"), Decimal(3), None), (None, Decimal(6), None)]}),
        ("teaser: 12 months at 2 %, instalment 1011.77; then 6 % and 1400.00",
         {"rates": [((12, "month"), Decimal(2), Decimal("1011.77")), (None, Decimal(6), Decimal(1400))]}),
        ("first 6 months without payments, interest capitalised; then annuity",
         {"grace_interest": (6, "month"), "capitalises": True}),
        ("bullet, interest quarterly", {"bullet": False, "amortisation": Amortisation.interest_only}),
        ("annuity due", {"in_advance": True}),
        ("level payments at the beginning of each month", {"in_advance": True}),
    ],
)  # fmt: skip
def test_words_for_a_kind_of_loan_say_what_they_mean(words: str, told: dict[str, Any]) -> None:
    kind = kind_of(words)
    assert {name: getattr(kind, name) for name in told} == told


GIVEN = {"principal": "1000.00", "n": 12, "frequency": "monthly"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"monthly_rate_percent": "2"}, {"rate": Decimal(24), "basis": RateBasis.period}),
        ({"weekly_rate_percent": "1", "frequency": "weekly"}, {"rate": Decimal(52)}),
        ({"daily_rate_percent": "0.8", "start": "2024-1-5"}, {"basis": RateBasis.daily}),
        ({"annual_effective_rate_percent": "7"}, {"basis": RateBasis.effective}),
        ({"nominal_rate": "0.12"}, {"rate": Decimal(12)}),
        ({"rate_percent": "6", "day_count": "Actual/360", "loan_date": "2024-01-31"},
         {"basis": RateBasis.act_360}),
        ({"rate_percent": "6", "rate_basis": "nominal, quarterly = annual/4", "frequency": "every 3 months"},
         {"every": 3, "basis": RateBasis.period}),
        ({"rate_percent": "6", "currency": "KWD", "principal": "1000.125"}, {"principal": 1000125}),
        ({"rate_percent": "6", "currency": "JPY", "principal": "1000", "interest_rounding": "floor to yen",
          "payment_rounding": "rounded up to 100 yen"},
         {"interest_rounding": Rounding.down, "instalment_rounding": Rounding.up, "multiple": 100}),
        ({"rate_percent": "6", "rounding": "interest half-up to cent; final payment not adjusted"},
         {"level_last": True, "interest_rounding": Rounding.half_up}),
        ({"rate_percent": "6", "type": "annuity, first period 9/366 + 1/12"}, {"stub": Stub.plus_days_actual}),
        ({"rate_percent": "6", "interest_only": "first 6 payments"}, {"grace": (6, 0, 0)}),
        ({"rate_percent": "6", "balloon": "500.00 with payment 12"}, {"balloon": 50_000}),
        ({"rate_percent": "6", "rate_basis": "annual/6", "frequency": "bimonthly"}, {"basis": RateBasis.period}),
        ({"rate_percent": "6", "rounding": "half-up cent; last payment adjusted"}, {"level_last": False}),
        ({"rate_percent": "6", "accrual": "unit period; odd days actual/365"}, {"stub": Stub.plus_days_365}),
        ({"monthly_rate_percent": "2", "taxes_on_interest_percent": {"KKDF": 15, "BSMV": 5}},
         {"rate": Decimal("28.8")}),
    ],
)  # fmt: skip
def test_fields_of_a_printed_table_say_what_they_mean(given: Case, told: dict[str, Any]) -> None:
    table = table_of(GIVEN | given)
    assert {name: getattr(table, name) for name in told} == told


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"rate_percent": "6", "day_count": "MOON/13"}, "day count"),
        ({"rate_percent": "6", "frequency": "at full moon"}, "frequency"),
        ({"rate_percent": "6", "day_count": "ACT/365"}, "no date is told"),
        ({"rate_percent": "6", "principal": "1000.001"}, "more than 2 decimals"),
        ({"rate_percent": "6", "type": "instalment grows 10 a year"}, "by an amount"),
        ({"rate_percent": "6", "type": "annuity, first period 3/365 + 5/12"}, "a first period of"),
        ({"rate_percent": "6", "balloon": "500.00 with payment 11"}, "payment 11 of 12"),
        ({}, "no rate"),
    ],
)
def test_what_a_printed_table_can_not_say_is_named(given: Case, why: str) -> None:
    with pytest.raises(UnknownWordsError, match=why):
        table_of(GIVEN | given)


def _one(given: Case, expected: Case) -> Outcome:
    case = {
        "id": "x",
        "category": "schedules",
        "tier": "printed",
        "inputs": given,
        "expected": expected,
    }
    return printed_tables.schedule_tables([case])[0]


def test_printed_figures_that_other_words_ask_for_come_out() -> None:
    unrounded = {
        "arithmetic": "carried unrounded; every printed figure rounded half-up to the cent"
    }
    loan = {
        "principal": "200000.00",
        "annual_rate_percent": "6",
        "n": 240,
        "frequency": "monthly",
    } | unrounded
    # P = 200 000, 0.5 % a month: 200 000 x 0.005 / (1 - 1.005^-240) = 1432.86
    assert _one(loan, {"payment": "1432.86"}).outcome == "passed"
    # each paid a month earlier: 1432.862 / 1.005
    early = loan | {"type": "annuity, payments in advance"}
    assert _one(early, {"payment": "1425.73"}).outcome == "passed"
    # 200 000 x 1.005^120, all at the end
    grows = loan | {"n": 120, "type": "bullet, interest capitalised"}
    assert _one(grows, {"final_payment": "363879.35"}).outcome == "passed"
    # 200 000 x 6 % x 14/365 borne by the first of 240 payments
    assert (
        _one(loan | {"type": "annuity, first period 14/365"}, {"payment": "1429.01"}).outcome
        == "passed"
    )
    # 1500 a month: 220 of them and 407.70
    fixed = {k: v for k, v in loan.items() if k != "n"} | {
        "type": "fixed instalment of 1500, last smaller"
    }
    assert _one(fixed, {"n": 221, "final_payment": "407.70"}).outcome == "passed"
    # 9 % effective over half a year: 3000 x 1.09^0.5 = 3132.09
    half = {
        "principal": "3000.00",
        "effective_annual_rate_percent": "9",
        "n": 6,
        "frequency": "monthly",
    }
    bullet = half | unrounded | {"type": "bullet: principal and interest at the end"}
    assert _one(bullet, {"payment": "3132.09"}).outcome == "passed"
    assert _one(bullet, {"payment": "3132.10"}).outcome == "failed"


def test_the_rule_of_78_is_read_in_all_its_forms() -> None:
    # 24 months, 18 left: 18 x 19 / (24 x 25) = 0.57 of the charge is given back
    term = {"finance_charge": "1800", "term_months": 24}
    told = {"earned": "774.00", "rebate": "1026.00", "rebate_percent": "57"}
    assert _one(term | {"months_elapsed": 6}, told).outcome == "passed"
    assert _one(term | {"remaining_months": 18}, told).outcome == "passed"
    assert _one(term | {"elapsed_months": 6}, told).outcome == "passed"
    assert (
        _one({"term_months": 12, "months_elapsed": 2}, {"earned_percent": "29.49"}).outcome
        == "passed"
    )
    assert _one({"term_months": 12, "months_elapsed": 2}, {"moon": "1"}).outcome == "not attempted"


def test_money_told_after_a_waiver_finds_the_charge_waived() -> None:
    """Told on the 20th; before it money of the 15th met the charge, after it money of the 10th came: the
    charge is waived from the 15th on, and the row shows the 20th."""
    day = "2024-01-{:02}".format
    charge = {"time": "SPECIFIED_DUE_DATE", "calculation": "FLAT", "amount": "9", "penalty": False}
    told: list[Case] = [
        {"type": "charge_add", "charge": charge, "due_date": day(31), "business_date": day(2)},
        {"type": "repayment", "amount": "5", "date": day(15), "business_date": day(15)},
        {"type": "charge_waive", "target": "last_added_charge", "business_date": day(20)},
        {"type": "repayment", "amount": "5", "date": day(10), "business_date": day(20)},
    ]
    steps = [step | {"i": n, "loan": 1} for n, step in enumerate(told)]
    terms = {"schedule_type": "CUMULATIVE", "currency_decimals": 2, "submitted_on": day(1),
             "down_payment": {}, "interest_recalculation": {"enabled": False}}  # fmt: skip
    waiver = mapped({"steps": steps, "loans": [terms]}).steps[2]
    assert (waiver.date.day, waiver.listed and waiver.listed.day) == (15, 20)


def _rows(*rows: tuple[str, str, str, str, str]) -> Case:
    """A schedule as a case tells it, by due date, principal, interest, fees and sum."""
    names = ("due_date", "principal_due", "interest", "fees", "due")
    table = [dict(zip(names, row, strict=True)) | {"kind": "installment"} for row in rows]
    return {"periods": len(table), "complete": False, "rows": table}


def test_terms_given_with_a_payout_and_charges_in_per_cent(lives: list[Case]) -> None:
    """1000 at 12 % ACT/360, 410 a month from 15 February. 45 days: 15.00; 605 x 29 days: 5.85; 200.85 x 31
    days: 2.08. 1 % of 1000 is 10.00, 10 % of 22.93 is 2.29. On 10 March 410 are 24 days past due, 21 after 3 of
    grace."""
    shape = {"schedule_type": "PROGRESSIVE", "interest_type": "DECLINING_BALANCE"}
    base = next(t for t in _terms(lives) if shape.items() <= t.items() and not recalculated(t)
                and not t["down_payment"].get("enabled"))  # fmt: skip
    terms = base | {
        "principal": "1000", "interest_rate": "12", "annual_interest_rate": "12",
        "interest_rate_frequency": "YEAR", "interest_calculation_period": "DAILY", "days_in_year": "360",
        "days_in_month": "ACTUAL", "number_of_repayments": 3, "term_frequency": 3, "repayment_every": 1,
        "repayment_frequency_type": "MONTHS", "installment_amount_multiple_of": None,
        "repayment_start_date_type": "DISBURSEMENT_DATE", "grace_on_arrears_ageing": 3,
        "interest_recognition_on_disbursement_date": False,
    }  # fmt: skip
    charge = {"code": "x", "time": "SPECIFIED_DUE_DATE", "penalty": False}
    of_amount = charge | {"calculation": "PERCENT_OF_AMOUNT", "amount": "1"}
    of_interest = charge | {"calculation": "PERCENT_OF_INTEREST", "amount": "10"}
    told: list[Case] = [
        {"type": "disburse", "date": "2024-01-01", "amount": "1000", "fixed_emi": "410",
         "first_repayment_date": "2024-02-15"},
        {"type": "charge_add", "charge": of_amount, "due_date": "2024-02-20"},
        {"type": "charge_add", "charge": of_interest, "due_date": "2024-04-01"},
        {"type": "cob_loan", "business_date": "2024-03-10"},
    ]  # fmt: skip
    steps = [{"business_date": "2024-01-01"} | s | {"i": n, "loan": 1} for n, s in enumerate(told)]
    schedule = _rows(
        ("2024-02-15", "395", "15", "0", "410"),
        ("2024-03-15", "404.15", "5.85", "10", "420"),
        ("2024-04-15", "200.85", "2.08", "2.29", "205.22"),
    )
    late = {"classification": "RANGE_3", "delinquent_amount": "410.00", "delinquent_days": 21,
            "past_due_days": 24, "delinquent_date": "2024-02-18"}  # fmt: skip
    look = {"loan": 1, "after_step": 3, "as_of": "2024-03-10"}
    case = {"id": "right", "category": "charges", "tier": "core", "loans": [terms], "steps": steps,
            "checks": [look | {"schedule": schedule, "delinquency_loan": late}]}  # fmt: skip
    wrong = {"id": "wrong", "checks": [look | {"delinquency_loan": late | {"delinquent_days": 24}}]}
    empty = {"id": "empty", "checks": [look | {"active_terms": 3}]}
    found = {o.id: o for o in life.run([case, case | wrong, case | empty])}
    assert (found["right"].outcome, found["right"].why) == ("passed", "")
    assert found["wrong"].why.endswith("delinquent_days 21, expected 24")
    assert found["empty"].why == "no check but active_terms"
