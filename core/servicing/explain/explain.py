"""Explain: every cent of a loan, and every day past due, from its events by the same close.

A line names what happened, by which rule of which policy version, and what it moved. The
moves of all lines sum to the position.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from string import Formatter

import polars as pl

from loanbook.core.catalogue.accounts import ROLES
from loanbook.core.catalogue.codes import ENDED, EVENT_KINDS, InterestMode, Kind, Timing
from loanbook.core.catalogue.components import BY_CODE
from loanbook.core.catalogue.events import ROW
from loanbook.core.catalogue.kinds import EventKind, Family
from loanbook.core.contract.dates.day_count import ACTUAL, BASES
from loanbook.core.contract.money import EXPONENT, PPB, percent, to_major
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import Delinquency, Waterfall
from loanbook.core.policy.product import Product
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.explain.by_rule import (
    Evening,
    by_rule,
    charges_in_memorandum,
    claim_moves,
    demanded_by,
    named,
    payoff_charges,
)
from loanbook.core.servicing.explain.lines import (
    PARTS,
    Held,
    Line,
    parts_of,
    shared_out,
    untold,
)
from loanbook.core.servicing.interest.accrual import accrue, last_night
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.payments.receipts import DESIGNATIONS
from loanbook.core.words import counted

_TIMING = {Timing.past_due: "past due", Timing.due: "due", Timing.in_advance: "in advance"}


@dataclass(frozen=True)
class Explanation:
    """The lines of a loan to a date, its parts on it, and whether the lines account for them."""

    loan_id: int
    as_of: dt.date
    lines: list[Line]
    stands: dict[str, int]
    days_past_due: int
    accounted: bool
    held: Held | None = None
    """Of a loan that is held on the date: the lines go to its last good position."""


def explain(
    lived: Iterable[tuple[Book, DayClose]], policies: PolicyBook, loan_id: int, as_of: dt.date
) -> Explanation:
    """Follow a loan through its closes (`loanbook.core.servicing.replay.replay.replay` of its events alone)."""
    closes = list(lived)
    evenings = _evenings(closes, loan_id)
    bears, grown = _borne(evenings), _earned(evenings)
    lines: list[Line] = []
    nights = _Night(policies)
    stands, days, late = dict.fromkeys(PARTS, 0), 0, None
    for before, closed in closes:
        row = _position(closed.book, loan_id)
        if row is None:
            continue
        over = row["status"] in ENDED  # nothing is owed, so nothing is late
        since, past_due = (None, 0) if over else (row["oldest_due_date"], row["days_past_due"])
        held = _position(before, loan_id)
        earned = grown.get(closed.date, 0)
        happened = _happened(closed, policies, row, held)
        left = untold(parts_of(row), parts_of(held), earned, happened)
        day = Evening(closed, policies, policies.product(row["product"]), row, held)
        happened = shared_out(charges_in_memorandum(day, happened, left), left)
        nights.add(closed.date, earned, held or row, bears.get(closed.date))
        if happened or past_due == 1 or (late and not past_due):
            lines += nights.flush()
        lines += happened
        if since != late:
            lines.append(_arrears(closed, policies, row, since))
            late = since
        stands = parts_of(row)
        days = past_due
    lines += nights.flush()
    sums = {part: sum(line.moves.get(part, 0) for line in lines) for part in PARTS}
    return Explanation(loan_id, as_of, lines, stands, days, sums == stands)


def waiting(events: pl.DataFrame, currency: str) -> list[Line]:
    """Events of a held loan that its last good position does not count, as lines that move nothing."""
    return [
        Line(
            event["value_date"],
            EVENT_KINDS[Kind(event["kind"])]
            + ("" if event["amount"] is None else f" {to_major(event['amount'], currency)}"),
            "not counted: the loan is held",
            event["event_id"],
            _source(event),
        )
        for event in events.to_dicts()
    ]


def _evenings(closes: list[tuple[Book, DayClose]], loan_id: int) -> pl.DataFrame | None:
    """Terms and positions before each night of the loan, with `business_date`, the day after it."""
    evenings = [
        before.wide()
        .filter(pl.col("loan_id") == loan_id)
        .with_columns(business_date=pl.lit(done.date))
        for before, done in closes
    ]
    lived = [each for each in evenings if each.height]
    return pl.concat(lived) if lived else None


def _borne(evenings: pl.DataFrame | None) -> dict[dt.date, dict[str, int]]:
    """By date, what the night before it bears, factor by factor (`last_night`)."""
    if evenings is None:
        return {}
    return {row["business_date"]: row for row in last_night(evenings).to_dicts()}


def _earned(evenings: pl.DataFrame | None) -> dict[dt.date, int]:
    """By date, what the night before it earned (minor units)."""
    if evenings is None:
        return {}
    return dict(accrue(evenings).select("business_date", "accrued_today").rows())


def _position(book: Book, loan_id: int) -> dict[str, int] | None:
    rows = book.wide().filter(pl.col("loan_id") == loan_id)
    return rows.row(0, named=True) if rows.height else None


_SAME = ("balance", "factor", "denominator", "period_days", "advance_balance", "adjustment")
"""What nights must have in common to be told as one line."""


class _Night:
    """Nights of interest that bear the same, told as one line with its formula."""

    def __init__(self, policies: PolicyBook) -> None:
        self._policies = policies
        self._lines: list[Line] = []
        self._first: dt.date | None = None
        self._last: dt.date | None = None
        self._sum, self._nights = 0, 0
        self._terms: dict[str, int] = {}
        self._bears: dict[str, int] | None = None

    def add(
        self, date: dt.date, earned: int, held: dict[str, int], bears: dict[str, int] | None
    ) -> None:
        """A night before a date: what it earned, the position and what it bears."""
        if self._first is not None and not self._alike(bears):
            self._lines = self.flush()  # with what stood there
        if self._first is None:
            self._first, self._terms = date - dt.timedelta(days=1), held
            self._bears, self._nights = bears, 0
        self._last, self._sum = date, self._sum + earned
        self._nights += bears["nights"] if bears else 0

    def _alike(self, bears: dict[str, int] | None) -> bool:
        if bears is None or self._bears is None:
            return bears is self._bears
        return all(bears[name] == self._bears[name] for name in _SAME)

    def flush(self) -> list[Line]:
        """The lines so far, and the one that runs."""
        done, self._lines = self._lines, []
        if self._first is not None and self._last is not None and self._sum:
            nights = (self._last - self._first).days
            product = self._policies.product(self._terms["product"])
            how = self._how(product.currency)
            done.append(
                Line(
                    self._last,
                    f"interest of {counted(nights, 'night')} from {self._first}{how}",
                    f"{named(product)} schedule.rate_basis {product.schedule.rate_basis}, the running "
                    f"total rounded {product.schedule.interest_rounding}",
                    moves={"interest": self._sum},
                )
            )
        self._first, self._sum = None, 0
        return done

    def _how(self, currency: str) -> str:
        """The formula of the nights; that it is not the whole of it, where it is not."""
        if self._bears is None:
            return ""
        formula, exact = interest_formula(self._terms, self._bears, self._nights, currency)
        if abs(exact - self._sum) >= 1:
            return f": {formula}; what was agreed anew or shown later is in it"
        return f": {formula} = {_to_four(exact, currency)}"


def interest_formula(
    terms: dict[str, int], bears: dict[str, int], nights: int, currency: str
) -> tuple[str, Fraction]:
    """Interest of `nights` in words of arithmetic, and its exact value in minor units.

    `terms`: terms and position; `bears`: a row of `last_night`.
    """
    balance, under = to_major(bears["balance"], currency), bears["denominator"]
    exact = Fraction(bears["balance"] * bears["factor"] * nights, under)
    adjusted = bears["adjustment"]
    told = f"{'+' if adjusted > 0 else '−'} {to_major(abs(adjusted), currency)}"
    if terms["interest_mode"] == InterestMode.scheduled:
        of = f", {told} of the tape's first_interest_adjustment in it" if adjusted else ""
        return f"{balance}, the period's interest{of}, × {nights}/{under} nights", exact
    rate = f"{percent(terms['rate_ppb'])} %"
    if BASES[terms["basis"]] in ACTUAL:
        year = under // PPB
        counted = f"{nights}/{year}" if year in (360, 365, 366) else f"{Fraction(nights, year)}"
        formula = f"{balance} × {rate} × {counted}"
    else:
        share = Fraction(
            bears["factor"] * bears["period_days"] * PPB, under * (terms["rate_ppb"] or 1)
        )
        year_part = share if share.denominator < SIMPLE else f"{float(share):.12f}"
        formula = f"{balance} × {rate} × {year_part} × {nights}/{bears['period_days']} nights"
        if adjusted:
            formula += (
                f" {told} × {nights}/{bears['period_days']} of the tape's first_interest_adjustment"
            )
            exact += Fraction(adjusted * nights, bears["period_days"])
    if bears["advance_balance"]:
        margin = terms["cash_advance_margin"]
        formula += f", {percent(margin)} % more on {to_major(bears['advance_balance'], currency)} of cash advances"
        exact += Fraction(bears["advance_balance"] * margin * nights, under)
    return formula, exact


SIMPLE = 1000
"""A part of a year is written as a fraction below this denominator."""


def _to_four(minor: Fraction, currency: str) -> str:
    """Major units with two decimals more than the currency has."""
    places = EXPONENT[currency] + 2
    return f"{Decimal(round(minor * 100)).scaleb(-places):.{places}f}"


def _happened(
    closed: DayClose,
    policies: PolicyBook,
    row: dict[str, int],
    held: dict[str, int] | None,
) -> list[Line]:
    product = policies.product(row["product"])
    lines = []
    mine = pl.col("loan_id") == row["loan_id"]
    moved = closed.transfers.filter(mine)
    events = {e["event_id"]: e for e in closed.applied.filter(mine).to_dicts()}
    for event in events.values():
        if event["kind"] == Kind.loan_boarded:
            lines.append(
                Line(closed.date, "boarded", f"{named(product)} is pinned", event["event_id"],
                     _source(event))
            )  # fmt: skip
    for number in moved["event_id"].unique(maintain_order=True).to_list():
        transfers = moved.filter(pl.col("event_id") == number)
        if number in events:
            lines += _of_event(closed, policies, product, events[number], transfers)
        else:
            lines += by_rule(Evening(closed, policies, product, row, held), transfers)
    for number, event in events.items():
        fact = ROW[Kind(int(str(event["kind"])))]
        if fact.family in _TOLD:
            said = _said(event, fact)
            what = f"{fact.words}: {said}" if said else fact.words
            rule = f"{named(product)}{_TOLD[fact.family]}"
            lines.append(Line(closed.date, what, rule, number, _source(event)))
    return lines


_TOLD = {Family.change: " schedule", Family.notice: ""}
"""Events that no amount tells of, or not all, and what of the product decides of them."""


def _said(event: dict[str, object], row: EventKind) -> str:
    """What an event says beside its kind, in the phrases of its row; empty fields are left out."""
    body = json.loads(str(event["payload"])) if event["payload"] is not None else {}
    values = {"amount": event["amount"], **body}
    shown = {name: _shown(name, value) for name, value in values.items() if value not in (None, "")}
    phrases = []
    for phrase in row.says:
        fields = {name for _, name, _, _ in Formatter().parse(phrase) if name}
        if fields <= shown.keys():
            phrases.append(phrase.format(**shown))
    return ", ".join(phrases)


def _shown(name: str, value: object) -> str:
    """A value for people: rates in percent, the words of a code apart."""
    if name.endswith("_ppb"):
        return percent(int(str(value)))
    return str(value).replace("_", " ") if name == "flag" else str(value)


def _of_event(
    closed: DayClose, policies: PolicyBook, product: Product, event: dict[str, object],
    moved: pl.DataFrame,
) -> list[Line]:  # fmt: skip
    kind = Kind(int(str(event["kind"])))
    number = int(str(event["event_id"]))
    placed = closed.allocations.filter(pl.col("event_id") == number)
    if placed.is_empty() or kind is Kind.disbursed:
        what = EVENT_KINDS[kind]
        how = "; ".join(
            f"{ROLES[m['debit']]} → {ROLES[m['credit']]} {to_major(m['amount'], product.currency)}"
            for m in moved.to_dicts()
        )
        return [Line(closed.date, f"{what}: {how}", f"{named(product)} postings of {kind.name}",
                     number, _source(event), claim_moves(moved), _about(event))]  # fmt: skip
    by_kind = product.payments.by_kind.get(kind.name)
    name = by_kind.waterfall if by_kind else product.payments.waterfall
    fall = policies.in_force(Waterfall, name, product.effective_from)
    lines = []
    for part in placed.to_dicts():
        if part["timing"] == Timing.given_up:
            what, rule, moves = (
                "recovered of what was written off",
                f"{named(product)} postings",
                {},
            )
        elif part["component"] is None:
            what, rule = "nothing was owed: the borrower's credit", f"{named(product)} payments"
            moves = {"credit": part["amount"]}
        else:
            component = BY_CODE[part["component"]]
            timing = Timing(part["timing"])
            to = demanded_by(part["instalment_no"])
            what = f"{component.name} of {to}, {_TIMING[timing]}"
            step = fall.order.index(f"{timing.name}.{component.name}") + 1
            rule = f"waterfalls/{fall.name}@{fall.version} step {step}"
            if timing is Timing.in_advance:
                rule += f", {_placed_by(product, kind, event)}"
            moves = {component.part: -part["amount"]}
        lines.append(Line(closed.date, f"{kind.name.replace('_', ' ')}: {what}", rule, number,
                          _source(event), moves))  # fmt: skip
    return (
        payoff_charges(
            closed.date,
            policies,
            product,
            moved,
            number,
            rebates=kind is not Kind.interest_refunded,
        )
        + lines
    )


def _about(event: dict[str, object]) -> str:
    """The part of the claim that an event is about, where it says so."""
    component = json.loads(str(event["payload"] or "{}")).get("component")
    return BY_CODE[component].part if component is not None else ""


def _placed_by(product: Product, kind: Kind, event: dict[str, object]) -> str:
    """What placed money beyond what was due: its sender, the rule of its kind, or that of all money."""
    told = json.loads(str(event["payload"] or "{}")).get("designation")
    if told:
        return f"the payment's designation {told} ({DESIGNATIONS[told].name})"
    by_kind = product.payments.by_kind.get(kind.name)
    if by_kind:
        return f"{named(product)} payments.by_kind.{kind.name}.excess {by_kind.excess}"
    return f"{named(product)} payments.excess {product.payments.excess}"


def _arrears(
    closed: DayClose, policies: PolicyBook, row: dict[str, int], since: dt.date | int | None
) -> Line:
    product = policies.product(row["product"])
    rule = policies.in_force(Delinquency, product.delinquency, product.effective_from)
    named = f"delinquency/{rule.name}@{rule.version} {rule.convention}"
    if since is None:
        return Line(closed.date, "no arrears count any more: 0 days past due", named)
    owed = closed.book.dues.filter(pl.col("due_date") == since)
    unpaid = to_major(int((owed["amount"] - owed["paid"]).sum()), product.currency)
    asked_by = ", ".join(demanded_by(n) for n in owed["instalment_no"].unique().sort())
    return Line(
        closed.date,
        f"{counted(row['days_past_due'], 'day')} past due, counted from {since}: {unpaid} of "
        f"{asked_by} is unpaid",
        named,
    )


def _source(event: dict[str, object]) -> str:
    who = f"{event['actor']}"
    if event["checker"]:
        who += f", checked by {event['checker']}, {event['reason']}"
    if event["booking_date"] > event["value_date"]:  # type: ignore[operator]
        who += f"; came late: valued {event['value_date']}, booked {event['booking_date']}"
    return f"{event['source_system']}/{event['source_ref']} line {event['line']} by {who}"
