"""ACTUS contract reference tests, lived by the one engine and read back as lists of events.

Each instalment is paid on its day. Rate resets are the floating rate's own events; a
capitalisation that ends is an order. Figures agree to the cent.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.terms import Terms
from loanbook.core.frames import empty
from loanbook.core.ledger.events import Events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import HolidayCalendar
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.replay.fast_forward import History, fast_forward
from loanbook.pipelines.resources import read_policies
from tests.conformance.actus_terms import (
    ONE_DAY,
    SCALE,
    Contract,
    NotMappedError,
    called_on,
    contract_of,
    date_in,
    day_of,
    minor,
)
from tests.conformance.events import TOLD, filled, what_is_due
from tests.conformance.outcome import Outcome, judged, of

WITHIN = Decimal("0.005")


@dataclass
class Seen:
    """What the engine showed of one contract: positions by day, allocations, transfers."""

    days: pl.DataFrame
    paid: pl.DataFrame
    moved: pl.DataFrame

    @cached_property
    def on(self) -> dict[dt.date, dict[str, Any]]:
        """Positions of each day."""
        return {row["business_date"]: row for row in self.days.to_dicts()}


def run(cases: list[dict[str, Any]]) -> list[Outcome]:
    """Outcomes of contracts; all that can be mapped are one batch of loans."""
    outcomes, contracts = [], []
    for number, case in enumerate(cases):
        try:
            contracts.append(contract_of(case, number))
        except NotMappedError as gap:
            outcomes.append(of(case, "not attempted", str(gap)))
    if not contracts:
        return outcomes
    kept = [(f, p) for f, p in read_policies().policies if f != "products"]
    products: list[tuple[str, Any]] = [("products", c.product) for c in contracts]
    free = HolidayCalendar(
        name="weekends", version=1, effective_from=dt.date(2000, 1, 1), source="none"
    )
    kept.append(("calendars", free))
    both = sorted([*kept, *products], key=lambda e: (e[0], e[1].name))
    policies = PolicyBook(tuple(both)).with_registry(())
    lived = _lived(contracts, policies)
    first = min(c.start for c in contracts)
    last = max(max(c.due[-1], c.until) for c in contracts)
    frames = [lived.stay.wide(first, last), lived.all("allocations"), lived.all("transfers")]
    by_loan = [frame.partition_by("loan_id", as_dict=True) for frame in frames]
    for number, contract in enumerate(contracts, start=1):
        own = [by.get((number,), f.clear()) for by, f in zip(by_loan, frames, strict=True)]
        seen = Seen(*own)
        outcomes.append(judged(contract.case, _differences(contract, seen)))
    return outcomes


# --- life ----------------------------------------------------------------------------


def _lived(contracts: list[Contract], policies: PolicyBook) -> History:
    """All contracts, each instalment paid on its day in full."""
    rows, boarded = [], []
    for number, c in enumerate(contracts, start=1):
        code = policies.registry.index(f"{c.product.name}@1")
        pin = policies.pins.filter(pl.col("product") == code).row(0, named=True)
        boarded.append(c.terms | {"loan_id": number, "product": code, "entity": pin["entity"],
                                  "currency": pin["currency"]})  # fmt: skip
        told: list[tuple[dt.date, Kind, int | None, dict[str, Any] | None]] = [
            (c.start, Kind.disbursed, c.terms["principal_agreed"], None)
        ]
        told += [(on, Kind.interest_capitalised, None, {"keep": "instalment" if c.kind != "ANN" else
                  "term"}) for on in c.joins if on > c.start]  # fmt: skip
        for on, kind, value in c.resets:
            body = {"index_ppb": value} if kind == "RR" else {
                "rate_ppb": value, "keep": "term" if c.kind == "ANN" else "instalment"}  # fmt: skip
            event = Kind.rate_reset if kind == "RR" else Kind.rate_changed
            told.append((on, event, None, body))
        called = called_on(c.case)
        if called and called != c.due[-1]:  # no interest follows the day of the call
            body = {"start": (called + ONE_DAY).isoformat(), "end": c.due[-1].isoformat()}
            told.append((called, Kind.interest_paused, None, body))
        told += [(on, Kind.payment_received, None, None) for on in c.due]
        for place, (on, kind_, amount, body) in enumerate(told):
            # money before changes on a day: a reset is of the nights to come
            order = 0 if kind_ in (Kind.disbursed, Kind.payment_received) else 1
            rows.append({"kind": kind_.value, "loan_id": number, "value_date": on, "amount": amount,
                         "source_ref": f"{order}{place:05d}",
                         "payload": json.dumps(body) if body else None})  # fmt: skip
    told_of = pl.DataFrame(rows, schema=TOLD).with_columns(
        event_id=pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    )
    events = filled(pl.DataFrame(boarded, schema=empty(Terms).schema), told_of)

    ends = pl.DataFrame(
        [(n, max(c.due[-1], c.until))
         for n, c in enumerate(contracts, start=1)],
        schema={"loan_id": pl.Int64, "through": pl.Date}, orient="row",
    )  # fmt: skip
    return fast_forward(
        Book.empty(policies.pins, empty(Events)), events, policies, ends, what_is_due(policies)
    )


# --- events that must come out ---------------------------------------------------------


def _differences(contract: Contract, seen: Seen) -> list[str]:
    case = contract.case
    ours = _as_held(contract, seen, list(_rows(contract, seen)))
    theirs = list(case["results"])
    if [(r["on"], r["type"]) for r in ours] != [
        (day_of(r["eventDate"]).isoformat(), r["eventType"]) for r in theirs
    ]:
        mine = [f"{r['type']} {r['on']}" for r in ours]
        told = [f"{r['eventType']} {r['eventDate'][:10]}" for r in theirs]
        first = next((n for n, (a, b) in enumerate(zip(mine, told, strict=False)) if a != b),
                     min(len(mine), len(told)))  # fmt: skip
        return [f"event {first} is {(mine[first:] or ['none'])[0]}, expected "
                f"{(told[first:] or ['none'])[0]}"]  # fmt: skip
    found = []
    names = {"payoff": "payoff", "notionalPrincipal": "principal", "accruedInterest": "accrued"}
    for a, b in zip(ours, theirs, strict=True):
        for theirs_name, name in names.items():
            told = b.get(theirs_name)
            if told is None:
                continue
            mine = Decimal(a[name]).scaleb(-SCALE) * contract.sign
            if abs(mine - Decimal(str(told))) > WITHIN:
                found.append(f"{a['type']} {a['on']} {name} {mine:.4f}, expected {told}")
        rate = b.get("nominalInterestRate")
        if rate is not None and abs(Decimal(a["rate"]) / 10**9 - Decimal(str(rate))) > Decimal(
            "1e-8"
        ):
            found.append(f"{a['type']} {a['on']} rate {a['rate'] / 10**9}, expected {rate}")
    return found


def _as_held(contract: Contract, seen: Seen, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of who held the contract: from its purchase on, and until it was ended early.

    Price and what had accrued change hands with it; a borrower's price is told before the interest that
    it owes, which is taken off.
    """
    terms = contract.case["terms"]
    on = seen.on
    bought, ended = date_in(terms, "purchaseDate"), date_in(terms, "terminationDate")
    if ended is not None:
        stood = on[ended]
        price = minor(terms["priceAtTerminationDate"])
        rows = [r for r in rows if r["on"] <= ended.isoformat()]
        rows.append(
            _row(
                ended,
                "TD",
                price + stood["interest_accrued"] * contract.sign,
                0,
                stood["rate_ppb"],
                0,
            )
        )
    if bought is not None:
        stood, day = on[bought], bought.isoformat()
        price, accrued = (
            minor(terms["priceAtPurchaseDate"]),
            stood["interest_accrued"],
        )
        own = [r for r in rows if r["on"] > day or (r["on"] == day and r["type"] in ("RR", "RRF"))]
        paid = _row(
            bought,
            "PRD",
            -(price + accrued * contract.sign),
            stood["principal"],
            _before(on, bought),
            accrued,
        )
        rows = [paid, *own]
    return rows


def _rows(contract: Contract, seen: Seen) -> Iterator[dict[str, Any]]:
    """The contract's list of events, read off its life."""
    terms = contract.case["terms"]
    on = seen.on
    sums = {
        (day, part): amount
        for day, part, amount in seen.paid.group_by("business_date", "component")
        .agg(pl.col("amount").sum())
        .rows()
    }
    start, until = contract.start, contract.until
    rate0 = contract.terms["rate_ppb"]
    if contract.start == date_in(terms, "initialExchangeDate") and contract.start > (
        date_in(terms, "statusDate") or contract.start
    ):
        premium = minor(terms.get("premiumDiscountAtIED", 0) or 0)
        whole = contract.terms["principal_agreed"] + contract.at_once
        yield _row(start, "IED", -(whole + premium), whole, rate0, 0)
        anchor = date_in(terms, "cycleAnchorDateOfInterestPayment")
        left = whole - contract.at_once
        if contract.at_once:
            yield _row(start, "PR", contract.at_once, left, rate0, 0)
        # who names no anchor has interest join the principal from the payout on
        if anchor == start or (
            contract.kind == "CLM" and not anchor and terms.get("cycleOfInterestPayment")
        ):
            joins = contract.kind == "CLM" or start in contract.joins
            kind = "IPCI" if joins or terms.get("capitalizationEndDate") else "IP"
            yield _row(start, kind, 0, left, rate0, 0)
    resets = {d: (kind, value) for d, kind, value in contract.resets}
    sets = set()
    if contract.kind == "ANN" and contract.solved:
        sets = {contract.first_redemption - dt.timedelta(days=1)}
    last = contract.due[-1]
    called = called_on(contract.case)
    for day in sorted(
        {*contract.due, *resets, *contract.joins, *sets, *([called] if called else [])}
    ):
        if not start < day <= until or day not in on:
            continue
        row = on[day]
        if called == day != last:  # what accrued is asked with the call, and shown no more
            yield _row(day, "XD", 0, row["principal"], row["rate_ppb"], 0)
        if day in contract.joins:
            yield _row(day, "IPCI", 0, row["principal"], _before(on, day), 0)
        if day in contract.due:
            interest, principal = sums.get((day, 1), 0), sums.get((day, 0), 0)
            rate = _before(on, day)
            if day == last:
                yield from _last_rows(day, row["principal"], (interest, principal), rate, called)
            else:
                if contract.kind not in ("PAM", "CLM", "UMP") and day >= contract.first_redemption:
                    grown = seen.moved.filter(
                        (pl.col("value_date") == day) & (pl.col("debit") == 0)
                        & (pl.col("event_id") == 0)
                    )["amount"].sum()  # fmt: skip
                    yield _row(
                        day, "PR", principal - grown, row["principal"], rate, interest + grown
                    )
                    interest += grown
                yield _row(day, "IP", interest, row["principal"], rate, 0)
        if day in resets and day < last:
            yield _row(
                day, resets[day][0], 0, row["principal"], row["rate_ppb"], row["interest_accrued"]
            )
            if contract.kind == "ANN" and contract.solved:
                yield _row(
                    day, "PRF", 0, row["principal"], row["rate_ppb"], row["interest_accrued"]
                )
        elif day in sets:
            yield _row(day, "PRF", 0, row["principal"], row["rate_ppb"], row["interest_accrued"])


def _last_rows(
    day: dt.date, left: int, paid: tuple[int, int], rate: int, called: dt.date | None
) -> Iterator[dict[str, Any]]:
    """The events of the last day, on which interest and principal are `paid`."""
    interest, principal = paid
    if called == day:
        yield _row(day, "XD", 0, left + principal, rate, interest)
    yield _row(day, "IP", interest, left + principal, rate, 0)
    yield _row(day, "STD" if called else "MD", principal, 0, rate, 0)


def _before(on: dict[dt.date, dict[str, Any]], day: dt.date) -> int:
    """The rate in force before what the day changes."""
    eve = on.get(day - dt.timedelta(days=1)) or on[day]
    return int(eve["rate_ppb"])


def _row(
    on: dt.date, kind: str, payoff: int, principal: int, rate: int, accrued: int
) -> dict[str, Any]:
    return {"on": on.isoformat(), "type": kind, "payoff": payoff, "principal": principal,
            "rate": rate, "accrued": accrued}  # fmt: skip
