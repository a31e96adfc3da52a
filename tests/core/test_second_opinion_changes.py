"""What the second reckoning of `tests/oracle` found wrong of changed contracts, and of money and tax beside them:
loans of one story, a figure each."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from tests.core.loans import Life, Story, _event, terms, with_more

ACT, WHOLE = {"rate_basis": "ACT/365F"}, {"rate_basis": "period"}
HALVES = {"unit": Unit.semi_monthly, "first_due": "2024-01-16"}
ANEW = {"instalments": 4, "due_date": "2024-03-15"}
FIXED = {"instalments": 4, "due_date": "2024-03-01", "interest": "payable"}
Happened = tuple[Kind, str, dict | int | None]  # type: ignore[type-arg]


@dataclass(frozen=True)
class Case:
    """1,200.00 at 12 % from 1 January 2024 in six months unless `terms` differ; `column` on a day, right."""

    what: str
    rules: dict  # type: ignore[type-arg]
    happened: tuple[Happened, ...]
    right: tuple[tuple[str, str, object], ...]
    terms: dict | None = None  # type: ignore[type-arg]
    balloon: int = 0


def paid(amount: int, on: str) -> Happened:
    return (Kind.payment_received, on, amount)


CASES = [
    # 24.00 for two months; the second one's due date is past, and nothing more is earned
    Case("flat interest ends with the term", WHOLE | {"amortisation": "flat", "accrual": "scheduled"},
         (), (("2024-03-01", "interest_due", 2_400), ("2024-04-01", "interest_due", 2_400)), {"n": 2}),
    # 1,000.10 for 40 nights in a period of 31 are 12.904516, the fraction goes on; 10.001 and 0.004516 are 10.01
    Case("the fraction of an odd period goes on as it is", WHOLE | {"residue": "carry"}, (),
         (("2024-02-10", "interest_due", 1_290), ("2024-03-10", "interest_due", 1_290 + 1_001)),
         {"principal": 100_010, "first_due": "2024-02-10"}),
    # (1,200.00 x 1.01^4 - 360.00) / 4.060401 = 218.876: the balloon is no difference to be smoothed
    Case("a balloon is not smoothed", WHOLE | {"smooth_last_instalment": True}, (),
         (("2024-01-01", "emi", 21_888),), {"n": 4}, balloon=36_000),
    # 31 March is a Sunday; of one part in March and two in April 1,224.12 / 3.01 = 406.68, less 12.00
    Case("a season goes by the date before a calendar moves it",
         WHOLE | {"season": [*["1"] * 3, "2", *["1"] * 8], "business_day": "following", "calendar": "us-federal",
                  "adjust_accrual": True, "interest_rounding": "half_up"}, (),
         (("2024-03-01", "emi", 40_668), ("2024-04-01", "principal_due", 39_468)),
         {"n": 2, "start": "2024-02-29", "first_due": "2024-03-31"}),
    # 12.23 of the first instalment wait: five instalments pay 1,200.00 with 29, 31, 30, 31 and 30 nights, and them
    Case("interest that waits bears none", ACT, ((Kind.reamortised, "2024-02-15", {}),),
         (("2024-02-15", "emi", 24_966),)),
    # 1,200.00 in four parts
    Case("a re-age shares equal parts anew", ACT | {"amortisation": "equal_principal"},
         ((Kind.reaged, "2024-02-15", ANEW),), (("2024-03-15", "principal_due", 30_000),)),
    # 14 nights of 31 to 29 February, 30 days of 30E/360, of which 16 are gone, then 30 days each; 12.00 and 5.60 wait
    Case("a re-age counts days as the day count does", {"rate_basis": "30E/360"},
         ((Kind.reaged, "2024-02-15", ANEW | {"due_date": "2024-02-29"}),), (("2024-02-15", "emi", 31_038),)),
    # 14 nights of 29 are 5.054483, and so are the 14 to come, a share of a month as the rate was agreed: 10.11, beside 10.47
    Case("a fraction goes on over a re-age", WHOLE | {"residue": "carry"},
         ((Kind.reaged, "2024-02-15", ANEW | {"due_date": "2024-02-29", "every": 2, "unit": 1}),),
         (("2024-02-29", "interest_due", 1_047 + 1_011),), {"principal": 104_700}),
    # 16 nights of 31 are 6.19; the fortnight to 14 February is 14 nights of the 29 from 31 January, and 28 nights, the odd
    # first period, bear twice as much: 11.59
    Case("an odd first period in weeks is a share of the fortnight that ends with it", WHOLE,
         ((Kind.reaged, "2024-01-17", ANEW | {"due_date": "2024-02-14", "every": 2, "unit": 1}),),
         (("2024-02-14", "interest_due", 619 + 1_159),)),
    # two times 12.43 are three parts of 8.29, 24.87; five nights of 31 are 2.005: 26.875, to the even cent
    Case("half a cent is rounded with the interest in parts", WHOLE,
         ((Kind.reamortised, "2024-03-05", {"interest": "split"}),), (("2024-03-06", "interest_accrued", 2_688),),
         {"n": 5, "principal": 124_310}),
    # 1,217.75 in four parts are 304.44, 4.44 of it interest: below half of 1,000.00 the sum stays as it is
    Case("a fixed claim below half its multiple", ACT | {"instalment_multiple": 100_000},
         ((Kind.reaged, "2024-02-15", FIXED),), (("2024-03-01", "principal_due", 30_000),)),
    # and so it does with 400.00 more
    Case("and what joins it", ACT | {"instalment_multiple": 100_000},
         ((Kind.reaged, "2024-02-15", FIXED), (Kind.fee_capitalised, "2024-02-20", 40_000)),
         (("2024-03-01", "principal_due", 40_000),)),
    # 0.20 and 1.20 of a fee are 1.00 to the multiple: nothing is left for the principal, which the last one asks
    Case("a part of fees above the even sum", ACT | {"instalment_multiple": 100, "fee": 480},
         ((Kind.reaged, "2024-02-15", FIXED),), (("2024-03-01", "principal_due", 0),),
         {"principal": 80}),
    Case("half months: a later due date", WHOLE,
         ((Kind.due_date_moved, "2024-01-20", {"due_date": "2024-02-16"}),),
         (("2024-01-25", "next_due_date", dt.date(2024, 2, 16)), ("2024-02-16", "next_due_date", dt.date(2024, 3, 1))),
         HALVES),
    Case("half months: a moratorium", WHOLE,
         ((Kind.moratorium_granted, "2024-01-20", {"instalments": 1, "interest": "simple"}),),
         (("2024-02-15", "next_due_date", dt.date(2024, 2, 16)), ("2024-02-16", "next_due_date", dt.date(2024, 3, 1))),
         HALVES),
    Case("half months: a re-age", WHOLE,
         ((Kind.reaged, "2024-01-20", {"instalments": 3, "due_date": "2024-03-01"}),),
         (("2024-01-25", "next_due_date", dt.date(2024, 3, 1)), ("2024-03-01", "next_due_date", dt.date(2024, 3, 16))),
         HALVES),
    # the half month to 16 January bears 6.00; from the 20th on, where the periods go on, 6.00 a half month
    Case("half months: a termination", WHOLE, ((Kind.contract_accelerated, "2024-02-01", {}),),
         (("2024-02-01", "principal_due", 120_000), ("2024-02-16", "interest_due", 1_800)), HALVES),
    # 31 nights, 12.23, wait and bear none: six instalments pay 1,200.00 with 29, 31, 30, 31, 30 and 31 nights, and them
    Case("a moratorium's interest bears none", ACT,
         ((Kind.moratorium_granted, "2024-01-05", {"instalments": 1, "interest": "simple"}),),
         (("2024-02-01", "emi", 20_908),)),
    # 99.21 stand with the first of them: 29 nights of 1,100.79, 10.49, wait, and the next 29 bear as much
    Case("a moratorium counts money ahead", ACT,
         (paid(10_000, "2024-01-03"), (Kind.moratorium_granted, "2024-01-05", {"instalments": 1, "interest": "simple"})),
         (("2024-02-01", "emi", 20_862),)),
    # (1,200.00 x 1.01^3 - 300.00) / 1.01^2 = 917.91 in February, 12.00 of it interest; March asks nothing, April the rest
    Case("where only skipped months are left the last one asks all", WHOLE | {"season": ["1", "1", "0", "0", *["1"] * 8]},
         ((Kind.rate_changed, "2024-02-10", {"rate_ppb": 240_000_000, "keep": "term"}),),
         (("2024-02-10", "emi", 0), ("2024-03-01", "principal_due", 90_591), ("2024-04-01", "principal_due", 120_000)),
         {"n": 3}, balloon=30_000),
    # ten nights are 3.95, their tax at 16 % 0.63
    Case("a termination asks its tax", ACT | {"tax": "vat-16"}, ((Kind.contract_accelerated, "2024-01-11", {}),),
         (("2024-01-11", "interest_due", 395), ("2024-01-11", "taxes_due", 63))),
    # of a claim of 1,203.95 1,202.00 come: all principal, and 2.00 of the interest
    Case("more than the principal, less than the claim", ACT | {"excess": "last_instalment"},
         (paid(120_200, "2024-01-11"),), (("2024-01-11", "principal", 0), ("2024-01-11", "interest_accrued", 195))),
    # 803.97 are left; four nights bore a share of 29, the 55 to 31 March bear shares of 31: 1.01 / 2.01 of 819.34
    Case("a later due date leaves the nights before it what they bore", WHOLE,
         (paid(40_803, "2024-02-01"), (Kind.due_date_moved, "2024-02-05", {"due_date": "2024-03-31"})),
         (("2024-02-05", "emi", 41_171),), {"n": 3}),
    # six instalments of 200.00, to the multiple, leave 72.00 of 1,272.00; of 1,201.00 they take 1,200.00
    Case("money that no instalment asks is credit", WHOLE | {"amortisation": "flat", "accrual": "scheduled",
         "last_instalment": "level", "instalment_multiple": 10_000}, (paid(120_100, "2024-01-11"),),
         (("2024-01-11", "prepaid_dues", 120_000), ("2024-01-11", "credit", 100))),
    # 12.23 were taxed, 1.96; March asks 11.44 and half of them, 17.56, and April 12.23 and the other half, 18.35: tax on
    # 5.33, 0.85, and on 18.35, 2.94
    Case("interest in parts is taxed once, and that beside it too", ACT | {"tax": "vat-16"},
         ((Kind.reamortised, "2024-02-15", {"interest": "split"}),),
         (("2024-03-01", "taxes_due", 196 + 85), ("2024-04-01", "taxes_due", 196 + 85 + 294)), {"n": 3}),
    # the night to 31 January is none of the 30 days: 1,200.00 in seven instalments at 1 %
    Case("a pause lacks what the day count makes of its nights", {"rate_basis": "30E/360"},
         ((Kind.interest_paused, "2024-01-05", {"start": "2024-01-31", "end": "2024-01-31"}),
          (Kind.term_extended, "2024-01-11", {"instalments": 1, "keep": "term"})), (("2024-01-11", "emi", 17_835),)),
    # 99.9 % are 1,198.80, to the multiple of 700.00 it would be 1,400.00
    Case("no more is due at once than is lent", WHOLE | {"down_payment_ppb": 999_000_000, "instalment_multiple": 70_000},
         (), (("2024-01-01", "principal_due", 120_000),)),
    # a fee of 80.00, 50.00 of it paid before its day: what is given up is no due any more, and money beyond it credit
    Case("what was given up is asked no more", ACT | {"fee": 8_000},
         (paid(5_000, "2024-01-11"), (Kind.write_off, "2024-01-20", None), paid(300_000, "2024-01-25")),
         (("2024-01-25", "fees_due", 0), ("2024-01-25", "status", Status.overpaid))),
]  # fmt: skip


def product(name: str, rules: dict) -> tuple[str, Product]:  # type: ignore[type-arg]
    own = dict(rules)
    own.pop("fee", None)
    interest = {"accrual": own.pop("accrual", "daily"), "residue": own.pop("residue", "drop")}
    told = {"name": name, "version": 1, "effective_from": dt.date(2000, 1, 1), "currency": "USD",
            "entity": "us-consumer", "tax": own.pop("tax", None), "interest": interest,
            "payments": {"excess": own.pop("excess", "next_instalment")},
            "schedule": {"amortisation": "equal_instalment"} | own}  # fmt: skip
    return "products", Product.model_validate(told)


@pytest.fixture(scope="module")
def life(policies: PolicyBook) -> Life:
    named = {n: f"case-{n}" for n in range(1, len(CASES) + 1)}
    book = with_more(policies, *(product(named[n], c.rules) for n, c in enumerate(CASES, start=1)))
    story = Story(book)
    for n, case in enumerate(CASES, start=1):
        loan = terms(book, named[n], loan_id=n, **({"n": 6} | (case.terms or {})))
        story = story.lent(loan.with_columns(balloon=pl.lit(case.balloon, dtype=pl.Int64)))
        rows = [
            _event(kind, n, on, about if isinstance(about, int) else None, f"{k}",
                   json.dumps(about) if isinstance(about, dict) else None)
            for k, (kind, on, about) in enumerate(case.happened)
        ]  # fmt: skip
        if fee := case.rules.get("fee"):
            body = json.dumps({"component": Component.fee.value, "due_date": "2024-02-01"})
            rows.append(_event(Kind.charge_assessed, n, "2024-01-05", fee, "f", body))
        story = replace(story, rows=(*story.rows, *rows))
    return story.live("2024-04-01")


@pytest.mark.parametrize("number", range(1, len(CASES) + 1), ids=lambda n: CASES[n - 1].what)
def test_a_figure_that_was_wrong(life: Life, number: int) -> None:
    for day, column, right in CASES[number - 1].right:
        done = next(d for d in life.days if d.date == dt.date.fromisoformat(day))
        row = done.book.wide().row(by_predicate=pl.col("loan_id") == number, named=True)
        assert row[column] == right, (day, column)
