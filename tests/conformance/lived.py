"""Printed tables of loans to which something happens on the way, lived by the one engine.

A second payout on a due date, rates that change on the way, months skipped, and a payoff after payments on the due
dates: each is a loan of a product of its own, each payment made on its day. Compared are what the
payments paid and left, and the quote of the payoff.
"""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.due_dates import Unit
from loanbook.core.contract.money import CURRENCY_CODES
from loanbook.core.contract.terms import Terms
from loanbook.core.frames import empty
from loanbook.core.ledger.events import Events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.product import Product
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.servicing.replay.fast_forward import History, fast_forward
from loanbook.core.servicing.replay.payoff_quote import quote
from loanbook.pipelines.resources import read_policies
from tests.conformance.events import TOLD, filled, what_is_due
from tests.conformance.fineract import _first_due, minor
from tests.conformance.mapping import date_of
from tests.conformance.outcome import Outcome, judged

SINCE = dt.date(2000, 1, 1)
Told = list[tuple[dt.date, Kind, int | None]]
"""Events of a loan: what they are of, or the new rate of a change, in parts per billion."""
BASES = {"period": "period", "30/360": "30/360", "ACT/365": "ACT/365F"}
LEVEL = -1
"""A payment of the level instalment, also where less is due."""
KINDS = {"second_disbursement", "payoff_date", "rates", "rate_change", "skipped_months"}
"""Terms of a table that has more than one payout, rate or end, or whose interest waits unrounded."""


def run(cases: list[dict[str, Any]]) -> list[Outcome]:
    """Outcomes of tables whose terms have one of `KINDS`: loans of one book, a product of each."""
    products = [_product(c["inputs"], n) for n, c in enumerate(cases, start=1)]
    stories = [_story(case["inputs"]) for case in cases]
    lived, policies = _lived(products, stories)
    return [
        judged(case, _differences(case, lived, policies, n, told))
        for n, (case, (_, told)) in enumerate(zip(cases, stories, strict=True), start=1)
    ]


def _differences(
    case: dict[str, Any], lived: History, policies: PolicyBook, loan_id: int, told: Told
) -> list[str]:
    given = case["inputs"]
    due = [on for on, kind, _ in told if kind is Kind.payment_received]
    paid = _paid(lived, loan_id, due)
    found = _rows(case["expected"], paid) + _sums(case["expected"], paid)
    if "payoff" in case["expected"]:
        last = max(on for on, _, _ in told)
        quoted = quote(lived.book(last), policies, date_of(given["payoff_date"]))
        asked = quoted.row(by_predicate=pl.col("loan_id") == loan_id, named=True)
        names = {"payoff": "payoff", "payoff_interest": "interest", "payoff_principal": "principal"}
        for theirs, ours in names.items():
            found += _differs(theirs, asked[ours], case["expected"][theirs])
    return found


def _product(given: dict[str, Any], number: int) -> Product:
    """Tranches are spread over the instalments to come; a payoff takes interest by the day."""
    by_day, flat = "daily_rate_percent" in given, given.get("interest_type") == "flat"
    basis = "daily" if by_day else BASES.get(given.get("day_count", "period"))
    rounding = "half_up" if "half-up" in given.get("rounding", "") else "half_even"
    schedule = {"amortisation": "flat" if flat else "equal_instalment", "rate_basis": basis,
                "interest_rounding": "down" if by_day else rounding, "instalment_rounding": rounding}  # fmt: skip
    skipped = given.get("skipped_months", ())
    if skipped:
        season = ["0" if month in skipped else "1" for month in range(1, 13)]
        schedule |= {"season": season, "smooth_last_instalment": True, "last_instalment": "level"}
    if "rates" in given:  # the last instalment is as high as the others, whatever it leaves
        schedule |= {"stub": "days_365", "last_instalment": "level"}
    return Product(
        name=f"printed-{number}", version=1, effective_from=SINCE, entity="us-consumer", currency="USD",
        bounds={"rate_percent": ["0", "100"]},
        schedule=schedule,
        interest={"accrual": "scheduled" if flat or "rates" in given else "daily",
                  "interest_due_at": "payment_date" if by_day else "due_date"},
        payments={"waterfall": "standard",
                  "excess": "reduce_principal" if by_day else "next_instalment"},
    )  # fmt: skip


def _story(given: dict[str, Any]) -> tuple[dict[str, Any], Told]:
    """Terms and events of a table's loan."""
    if "payoff_date" in given:
        return _settled(given)
    if "second_disbursement" in given:
        return _tranched(given)
    return _rated(given)


def _rated(given: dict[str, Any]) -> tuple[dict[str, Any], Told]:
    """A loan whose rate changes, each time from the due date before the first instalment that it is of."""
    start, n = date_of(given.get("loan_date") or given["disbursed"]), int(given["n"])
    first = date_of(given["first_payment"]) if "first_payment" in given else (
        _first_due(start, Unit.months, 1)
    )  # fmt: skip
    due = [first if k == 0 else _first_due(first, Unit.months, k) for k in range(n)]
    changes: list[tuple[dt.date, str]] = []
    if "skipped_months" in given:
        rate = given["rate_percent"]
    elif "rates" in given:
        (_, rate), *later = [(step["from"], step["rate_percent"]) for step in given["rates"]]
        changes = [(due[number - 2], percent) for number, percent in later]
    else:
        rate, change = given["annual_rate_percent"], given["rate_change"]
        at = due.index(date_of(change["from_installment_due"]))
        changes = [(due[at - 1], change["new_rate_percent"])]
    principal = _cents(given["principal"])
    told: Told = [(start, Kind.disbursed, principal)]
    told += [(on, Kind.rate_changed, int(Decimal(percent) * 10**7)) for on, percent in changes]
    skipped = given.get("skipped_months", ())
    told += [(on, Kind.payment_received, LEVEL if skipped and on.month not in skipped else None)
             for on in due]  # fmt: skip
    return _terms(rate, start, first, n, principal, None), told


def _tranched(given: dict[str, Any]) -> tuple[dict[str, Any], Told]:
    start, first, n = date_of(given["disbursed"]), date_of(given["first_due"]), int(given["n"])
    second = given["second_disbursement"]
    told: Told = [(start, Kind.disbursed, _cents(given["principal"]))]
    due = [_first_due(start, Unit.months, k + 1) for k in range(n)]
    told += [(on, Kind.payment_received, None) for on in due]
    told.append((date_of(second["date"]), Kind.disbursed, _cents(second["amount"])))
    principal = _cents(given["principal"])
    return _terms(given["annual_rate_percent"], start, first, n, principal, None), told


def _settled(given: dict[str, Any]) -> tuple[dict[str, Any], Told]:
    start = date_of(given["start"])
    told: Told = [(start, Kind.disbursed, _cents(given["principal"]))]
    told += [
        (date_of(p["date"]), Kind.payment_received, _cents(p["amount"])) for p in given["payments"]
    ]
    first, _, level = told[1]
    principal = _cents(given["principal"])
    terms = _terms(given["daily_rate_percent"], start, first, len(told), principal, level)
    return terms, told


def _terms(
    rate: str, start: dt.date, first: dt.date, n: int, principal: int, emi: int | None
) -> dict[str, Any]:
    return {
        "loan_id": 1, "currency": CURRENCY_CODES["USD"], "principal_agreed": principal,
        "balloon": 0, "rate_ppb": int(Decimal(rate) * 10**7), "instalments": n, "every": 1,
        "unit": Unit.months.value, "disbursed_on": start, "first_due_date": first,
        "anchor_day": first.day, "second_anchor_day": 1, "end_of_month": False, "emi": emi,
        "first_interest_adjustment": 0,
    }  # fmt: skip


def _lived(
    products: list[Product], stories: list[tuple[dict[str, Any], Told]]
) -> tuple[History, PolicyBook]:
    """Each loan to its last payment; a payment of nothing told pays the instalment due."""
    kept = [(f, p) for f, p in read_policies().policies if f != "products"]
    both = sorted([*kept, *(("products", p) for p in products)], key=lambda e: (e[0], e[1].name))
    policies = PolicyBook(tuple(both)).with_registry(())
    rows = []
    for loan_id, (made, (loan, _)) in enumerate(zip(products, stories, strict=True), start=1):
        code = policies.registry.index(f"{made.name}@1")
        pin = policies.pins.row(by_predicate=pl.col("product") == code, named=True)
        rows.append(loan | {"loan_id": loan_id, "product": code, "entity": pin["entity"]})
    boarded = pl.DataFrame(rows, schema=empty(Terms).schema)
    levels = dict(agreed_terms(boarded, policies.pins).select("loan_id", "emi").rows())
    events = filled(boarded, _events([told for _, told in stories], levels))
    lasts = [max(on for on, _, _ in told) for _, told in stories]
    ends = pl.DataFrame({"loan_id": range(1, len(lasts) + 1), "through": lasts})
    book = Book.empty(policies.pins, empty(Events))
    return fast_forward(book, events, policies, ends, what_is_due(policies)), policies


def _events(stories: list[Told], levels: dict[int, int]) -> pl.DataFrame:
    """Events of all loans; `LEVEL` is the loan's level instalment, in minor units."""
    rows: list[dict[str, Any]] = []
    for loan_id, told in enumerate(stories, start=1):
        for n, (on, kind, figure) in enumerate(told, start=1):
            rate = kind is Kind.rate_changed
            amount = int(levels[loan_id]) if figure == LEVEL else figure
            rows.append(
                {"event_id": len(rows) + 1, "kind": kind.value, "loan_id": loan_id,
                 "value_date": on, "amount": None if rate else amount, "source_ref": f"{n:03d}",
                 "payload": json.dumps({"rate_ppb": figure}) if rate else None}
            )  # fmt: skip
    return pl.DataFrame(rows, schema=TOLD)


def _paid(lived: History, loan_id: int, days: list[dt.date]) -> list[dict[str, Any]]:
    """What each payment paid, and the balance that its day left: below zero, the borrower's credit."""
    one = pl.col("loan_id") == loan_id
    paid, found = lived.all("allocations").filter(one), []
    for on in days:
        own = paid.filter(pl.col("business_date") == on)
        interest = int(own.filter(pl.col("component") == Component.interest)["amount"].sum())
        principal = int(own["amount"].sum()) - interest
        stood = lived.stay.wide(on, on).filter(one)
        left = stood.select(pl.col("principal") - pl.col("credit")).to_series()
        closing = int(left.item()) if left.len() else 0
        found.append(
            {"on": on, "payment": interest + principal, "interest": interest, "principal": principal,
             "opening": closing + principal, "closing": closing, "balance": closing}
        )  # fmt: skip
    return found


def _rows(expected: dict[str, Any], paid: list[dict[str, Any]]) -> list[str]:
    """Differences of the rows that the table prints, all of them or some."""
    rows = expected.get("rows", [])
    rows = {int(n): row for n, row in rows.items()} if isinstance(rows, dict) else (
        dict(enumerate(rows, start=1))
    )  # fmt: skip
    some = {int(k[3:]): v for k, v in expected.items() if k.startswith("row") and k != "rows"}
    found = []
    for n, theirs in (rows or some).items():
        for name in paid[n - 1].keys() & theirs.keys():
            found += _differs(f"row {n} {name}", paid[n - 1][name], theirs[name])
    return found


def _sums(expected: dict[str, Any], paid: list[dict[str, Any]]) -> list[str]:
    """Differences of runs of equal payments, and of interest in all and by year."""
    found, before = [], 0
    for run in expected.get("payments", []):
        for row in paid[before : before + run["count"]]:
            found += _differs(f"payment of {row['on']}", row["payment"], run["amount"])
        before += run["count"]
    if "interest_total" in expected:
        whole = sum(row["interest"] for row in paid)
        found += _differs("interest_total", whole, expected["interest_total"])
    if "principal_total" in expected:
        whole = sum(row["principal"] for row in paid)
        found += _differs("principal_total", whole, expected["principal_total"])
    years = {n.split("_")[1]: told for n, told in expected.items() if n.startswith("year_2")}
    for year, theirs in (years | expected.get("year_interest", {})).items():
        own = sum(row["interest"] for row in paid if row["on"].year == int(year))
        found += _differs(f"interest of {year}", own, theirs)
    return found


def _differs(name: str, ours: int, theirs: str) -> list[str]:
    if ours == _cents(theirs):
        return []
    return [f"{name} {Decimal(ours).scaleb(-2)}, expected {theirs}"]


def _cents(text: str) -> int:
    return minor(text, 2)
