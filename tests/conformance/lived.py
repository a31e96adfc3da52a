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
from loanbook.core.contract.dates.day_count import RateBasis
from loanbook.core.contract.figures import Amortisation
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
from tests.conformance.fineract import minor
from tests.conformance.outcome import Outcome, judged, of
from tests.conformance.printed_shown import Line, differences
from tests.conformance.printed_terms import Table, after, date_of
from tests.conformance.printed_words import UnknownWordsError

SINCE = dt.date(2000, 1, 1)
Told = list[tuple[dt.date, Kind, int | None]]
"""Events of a loan: what they are of, or the new rate of a change, in parts per billion."""
BASES = {
    RateBasis.period: "period", RateBasis.thirty_360: "30/360", RateBasis.act_365f: "ACT/365F",
    RateBasis.act_360: "ACT/360", RateBasis.act_act: "ACT/ACT", RateBasis.daily: "daily",
    RateBasis.effective: "effective",
}  # fmt: skip
LEVEL = -1
"""A payment of the level instalment, also where less is due."""
KINDS = {
    "second_disbursement",
    "third_disbursement",
    "disbursements",
    "tranches",
    "further_disbursements",
    "payoff_date",
    "rates",
    "rate_change",
    "skipped_months",
}
"""Terms of a table that has more than one payout, rate or end, or whose interest waits unrounded."""


def run(cases: list[tuple[dict[str, Any], Table]]) -> list[Outcome]:
    """Outcomes of tables whose terms have one of `KINDS`: loans of one book, a product of each."""
    outcomes, known, stories = [], [], []
    for case, table in cases:
        try:
            stories.append(_story(table))
            known.append((case, table))
        except UnknownWordsError as gap:
            outcomes.append(of(case, "not attempted", str(gap)))
    if not known:
        return outcomes
    products = [_product(table, n) for n, (_, table) in enumerate(known, start=1)]
    lived, policies = _lived(products, stories)
    for n, ((case, table), (_, told)) in enumerate(zip(known, stories, strict=True), start=1):
        outcomes.append(judged(case, _differences(case, table, (lived, policies), n, told)))
    return outcomes


def _differences(
    case: dict[str, Any], table: Table, lived: tuple[History, PolicyBook], loan_id: int, told: Told
) -> list[str]:
    history, policies = lived
    due = [on for on, kind, _ in told if kind is Kind.payment_received]
    found = differences(case, table, _paid(history, loan_id, told[0][0], due))
    if "payoff" in table.given:
        last = max(on for on, _, _ in told)
        quoted = quote(history.book(last), policies, date_of(table.given["payoff"]))
        asked = quoted.row(by_predicate=pl.col("loan_id") == loan_id, named=True)
        names = {"payoff": "payoff", "payoff_interest": "interest", "payoff_principal": "principal"}
        for theirs, ours in names.items():
            if theirs in case["expected"]:
                found += _differs(theirs, asked[ours], case["expected"][theirs])
    return found


def _product(table: Table, number: int) -> Product:
    """Tranches are spread over the instalments to come; a payoff takes interest by the day."""
    by_day, flat = "payoff" in table.given, table.kind.amortisation is Amortisation.flat
    schedule: dict[str, Any] = {
        "amortisation": table.kind.amortisation.name, "rate_basis": BASES[table.basis],
        "interest_rounding": table.interest_rounding.name,
        "instalment_rounding": table.instalment_rounding.name, "stub": table.stub.name,
    }  # fmt: skip
    skipped = table.given.get("skipped", ())
    if skipped:
        season = ["0" if month in skipped else "1" for month in range(1, 13)]
        schedule |= {"season": season, "smooth_last_instalment": True, "last_instalment": "level"}
    rated = "rates" in table.given
    if rated:  # the last instalment is as high as the others, whatever it leaves
        schedule |= {"last_instalment": "level"}
    return Product(
        name=f"printed-{number}", version=1, effective_from=SINCE, entity="us-consumer", currency="USD",
        bounds={"rate_percent": ["0", "100"]},
        schedule=schedule,
        interest={"accrual": "scheduled" if flat or rated else "daily",
                  "interest_due_at": "payment_date" if by_day else "due_date"},
        payments={"waterfall": "standard",
                  "excess": "next_then_principal" if by_day else "next_instalment"},
    )  # fmt: skip


def _story(table: Table) -> tuple[dict[str, Any], Told]:
    """Terms and events of a table's loan."""
    if table.basis not in BASES or table.decimals != 2 or table.scale > 1:
        raise UnknownWordsError("a table that changes on the way, unrounded or of another basis")
    if "payoff" in table.given:
        return _settled(table)
    return _rated(table)


def _rated(table: Table) -> tuple[dict[str, Any], Told]:
    """A loan that is paid on its due dates, with further payouts and rates.

    A rate is in force from the due date before the first instalment that it is of.
    """
    assert table.start is not None
    assert table.first is not None
    assert table.n is not None
    due = [table.first] + [after(table, table.first, k) for k in range(1, table.n)]
    rate, changes = _changes(table, due)
    told: Told = [(table.start, Kind.disbursed, table.principal)]
    told += [(on, Kind.rate_changed, int(percent * 10**7)) for on, percent in changes]
    skipped = table.given.get("skipped", ())
    told += [(on, Kind.payment_received, LEVEL if skipped and on.month not in skipped else None)
             for on in due]  # fmt: skip
    further = [table.given[name] for name in ("second", "third") if name in table.given]
    further += [t for t in table.given.get("tranches", ()) if date_of(t["date"]) > table.start]
    told += [(date_of(t["date"]), Kind.disbursed, table.minor(t["amount"])) for t in further]
    return _terms(table, rate, table.n, table.emi), told


def _changes(table: Table, due: list[dt.date]) -> tuple[Decimal, list[tuple[dt.date, Decimal]]]:
    """The first rate, and each later one from a date: told by an instalment's number or date."""
    if "rates" in table.given:
        (_, rate), *later = [
            (step["from"], Decimal(step["rate_percent"])) for step in table.given["rates"]
        ]
    elif "rate_change" in table.given:
        rate, change = table.rate, dict(table.given["rate_change"])
        percent = next((Decimal(change.pop(k)) for k in [*change] if "rate" in k), None)
        if percent is None or len(change) != 1:
            raise UnknownWordsError(f"rate_change with {', '.join(sorted(change))}")
        later = [(next(iter(change.values())), percent)]
    else:
        return table.rate, []
    numbers = [n if isinstance(n, int) else due.index(date_of(n)) + 1 for n, _ in later]
    return rate, [(due[n - 2], percent) for n, (_, percent) in zip(numbers, later, strict=True)]


def _settled(table: Table) -> tuple[dict[str, Any], Told]:
    """Payments on days of their own, and what a payoff would ask."""
    assert table.start is not None
    told: Told = [(table.start, Kind.disbursed, table.principal)]
    told += [(date_of(p["date"]), Kind.payment_received, table.minor(p["amount"]))
             for p in table.given.get("payments", ())]  # fmt: skip
    if len(told) == 1:
        raise UnknownWordsError("a payoff before any payment")
    table.first, level = told[1][0], told[1][2]
    return _terms(table, table.rate, len(told), level), told


def _terms(table: Table, rate: Decimal, n: int, emi: int | None) -> dict[str, Any]:
    assert table.first is not None
    return {
        "loan_id": 1, "currency": CURRENCY_CODES["USD"], "principal_agreed": table.principal,
        "balloon": table.balloon, "rate_ppb": int(rate * 10**7), "instalments": n, "every": table.every,
        "unit": table.unit.value, "disbursed_on": table.start, "first_due_date": table.first,
        "anchor_day": table.first.day, "second_anchor_day": 1, "end_of_month": False, "emi": emi,
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


def _paid(lived: History, loan_id: int, start: dt.date, days: list[dt.date]) -> list[Line]:
    """What each payment paid, and the balance that its day left: below zero, the borrower's credit."""
    one = pl.col("loan_id") == loan_id
    paid = (
        lived.all("allocations").filter(one).select("business_date", "component", "amount").rows()
    )
    stood = lived.stay.stood.filter(one).select(
        "business_date", left=pl.col("principal") - pl.col("credit")
    )
    left, found = dict(stood.rows()), []  # a day on which money comes is one of a visit
    for since, on in zip([start, *days], days, strict=False):
        own = [(part, amount) for day, part, amount in paid if day == on]
        interest = sum(amount for part, amount in own if part == Component.interest.value)
        principal = sum(amount for _, amount in own) - interest
        closing = left.get(on, 0)
        found.append(
            {"period_start": since, "period_end": on, "payment": interest + principal,
             "interest": interest, "principal": principal, "opening": closing + principal,
             "closing": closing}
        )  # fmt: skip
    return found


def _differs(name: str, ours: int, theirs: str) -> list[str]:
    if ours == minor(theirs, 2):
        return []
    return [f"{name} {Decimal(ours).scaleb(-2)}, expected {theirs}"]
