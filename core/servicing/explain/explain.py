"""Explain: every cent of a loan, and every day past due, from its events by the same close.

A line names what happened, by which rule of which policy version, and what it moved. The
moves of all lines sum to the position.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from string import Formatter

import polars as pl

from loanbook.core.catalogue.accounts import ROLE, ROLES
from loanbook.core.catalogue.codes import EVENT_KINDS, InterestMode, Kind, Status, Timing
from loanbook.core.catalogue.components import BALANCES, BY_CODE, PART_OF_ROLE
from loanbook.core.catalogue.events import ROW, EventKind, Family
from loanbook.core.contract.money import percent, to_major
from loanbook.core.policy.base import Policy
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.charge_tables import BECOMES
from loanbook.core.policy.models import FOLDER_OF, Delinquency, Fee, LateFee, Tax, Waterfall
from loanbook.core.policy.product import Product
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.dues import OWN_DATE

PARTS = (*BALANCES, "credit")
_PART_OF = {ROLE[role]: part for role, part in PART_OF_ROLE.items()} | {
    ROLE["borrower_credit"]: "credit"
}
_TIMING = {Timing.past_due: "past due", Timing.due: "due", Timing.in_advance: "in advance"}


@dataclass(frozen=True)
class Line:
    """One thing that happened to a loan."""

    date: dt.date
    what: str
    rule: str
    """Policy that decided, as folder/name@version, with the rule in it."""
    event_id: int | None = None
    source: str = ""
    moves: dict[str, int] = field(default_factory=dict)
    """Minor units by part of the claim (`PARTS`); credit counts for the borrower."""


@dataclass(frozen=True)
class Explanation:
    """The lines of a loan to a date, its parts on it, and whether the lines account for them."""

    loan_id: int
    as_of: dt.date
    lines: list[Line]
    stands: dict[str, int]
    days_past_due: int
    accounted: bool


def explain(
    lived: Iterable[tuple[Book, DayClose]], policies: PolicyBook, loan_id: int, as_of: dt.date
) -> Explanation:
    """Follow a loan through its closes (`loanbook.core.servicing.replay.replay.replay` of its events alone)."""
    lines: list[Line] = []
    nights = _Night(policies)
    stands, days, late, off = dict.fromkeys(PARTS, 0), 0, None, False
    for before, closed in lived:
        row = _position(closed, loan_id)
        if row is None:
            continue
        earned = row["accrued_today"] - _earned_early(closed)
        happened = _happened(closed, policies, row, off)
        nights.add(closed.date, earned, _held(before, loan_id) or row)
        if happened or row["days_past_due"] == 1 or (late and not row["days_past_due"]):
            lines += nights.flush()
        lines += happened
        if row["oldest_due_date"] != late:
            lines.append(_arrears(closed, policies, row, late))
            late = row["oldest_due_date"]
        off = row["status"] == Status.charged_off
        sums_of = {part: sum(row[name] for name in names) for part, names in BALANCES.items()}
        stands = sums_of | {"credit": row["credit"]}
        days = row["days_past_due"]
    lines += nights.flush()
    sums = {part: sum(line.moves.get(part, 0) for line in lines) for part in PARTS}
    return Explanation(loan_id, as_of, lines, stands, days, sums == stands)


def _position(closed: DayClose, loan_id: int) -> dict[str, int] | None:
    rows = closed.book.wide().filter(pl.col("loan_id") == loan_id)
    return rows.row(0, named=True) if rows.height else None


def _held(before: Book, loan_id: int) -> dict[str, int] | None:
    rows = before.wide().filter(pl.col("loan_id") == loan_id)
    return rows.row(0, named=True) if rows.height else None


def _earned_early(closed: DayClose) -> int:
    """Interest that counts as earned at payoff: a movement of its own."""
    pair = (pl.col("debit") == ROLE["interest_accrued"]) & (
        pl.col("credit") == ROLE["interest_income"]
    )
    back = (pl.col("credit") == ROLE["interest_accrued"]) & (
        pl.col("debit") == ROLE["interest_income"]
    )
    loan_transfers = closed.transfers.filter(pl.col("loan_id") > 0)
    amount = pl.when(pair).then("amount").when(back).then(-pl.col("amount"))
    return int(loan_transfers.select(amount.sum()).item() or 0)


class _Night:
    """Nights of interest on one balance, told as one line."""

    def __init__(self, policies: PolicyBook) -> None:
        self._policies = policies
        self._lines: list[Line] = []
        self._first: dt.date | None = None
        self._last: dt.date | None = None
        self._sum, self._on = 0, (0, 0)
        self._terms: dict[str, int] = {}

    def add(self, date: dt.date, earned: int, held: dict[str, int]) -> None:
        balances = (held["principal"], held["cash_advances"])
        if self._first is not None and balances != self._on:
            self._lines += self.flush()
        if self._first is None:
            self._first, self._on, self._terms = (
                date - dt.timedelta(days=1),
                balances,
                held,
            )
        self._last, self._sum = date, self._sum + earned

    def flush(self) -> list[Line]:
        done, self._lines = self._lines, []
        if self._first is not None and self._last is not None and self._sum:
            nights = (self._last - self._first).days
            product = self._policies.product(self._terms["product"])
            rate = f"{percent(self._terms['rate_ppb'])} %"
            daily = self._terms["interest_mode"] == InterestMode.daily
            how = (f"on the actual balance at {rate}" if daily
                   else f"as the share of the instalment's interest, {rate}")  # fmt: skip
            if self._terms["cash_advances"]:
                margin = percent(self._terms["cash_advance_margin"])
                how += (
                    f", {margin} % more on {self._terms['cash_advances']} minor units of advances"
                )
            done.append(
                Line(
                    self._last,
                    f"interest of {nights} night{'s' if nights != 1 else ''} from {self._first} {how}",
                    f"{_named(product)} schedule.rate_basis {product.schedule.rate_basis}, "
                    f"rounded {product.schedule.interest_rounding}",
                    moves={"interest": self._sum},
                )
            )
        self._first, self._sum = None, 0
        return done


def _named(product: Product) -> str:
    return f"products/{product.name}@{product.version}"


def _happened(closed: DayClose, policies: PolicyBook, row: dict[str, int], off: bool) -> list[Line]:
    product = policies.product(row["product"])
    lines = []
    moved = closed.transfers.filter(pl.col("loan_id") == row["loan_id"])
    events = {e["event_id"]: e for e in closed.applied.to_dicts()}
    for event in events.values():
        if event["kind"] == Kind.loan_boarded:
            lines.append(
                Line(closed.date, "boarded", f"{_named(product)} is pinned", event["event_id"],
                     _source(event))
            )  # fmt: skip
    for number in moved["event_id"].unique(maintain_order=True).to_list():
        transfers = moved.filter(pl.col("event_id") == number)
        if number in events:
            lines += _of_event(closed, policies, product, events[number], transfers, off)
        else:
            lines += [_by_rule(closed, policies, product, row, m) for m in transfers.to_dicts()]
    for number, event in events.items():
        fact = ROW[Kind(int(str(event["kind"])))]
        if fact.family in _TOLD:
            said = _said(event, fact)
            what = f"{fact.words}: {said}" if said else fact.words
            rule = f"{_named(product)}{_TOLD[fact.family]}"
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
    moved: pl.DataFrame, off: bool,
) -> list[Line]:  # fmt: skip
    kind = Kind(int(str(event["kind"])))
    number = int(str(event["event_id"]))
    placed = closed.allocations.filter(pl.col("event_id") == number)
    if placed.is_empty():
        what = EVENT_KINDS[kind]
        how = "; ".join(
            f"{ROLES[m['debit']]} → {ROLES[m['credit']]} {to_major(m['amount'], product.currency)}"
            for m in moved.to_dicts()
        )
        return [Line(closed.date, f"{what}: {how}", f"{_named(product)} postings of {kind.name}",
                     number, _source(event), _claim_moves(moved, kind))]  # fmt: skip
    by_kind = product.payments.by_kind.get(kind.name)
    name = by_kind.waterfall if by_kind else product.payments.waterfall
    fall = policies.in_force(Waterfall, name, product.effective_from)
    lines = []
    for part in placed.to_dicts():
        if part["timing"] == Timing.given_up:
            what, rule, moves = (
                "recovered of what was written off",
                f"{_named(product)} postings",
                {},
            )
        elif part["component"] is None:
            what, rule = "nothing was owed: the borrower's credit", f"{_named(product)} payments"
            moves = {"credit": part["amount"]}
        else:
            component = BY_CODE[part["component"]]
            timing = Timing(part["timing"])
            to = _demanded_by(part["instalment_no"])
            what = f"{component.name} of {to}, {_TIMING[timing]}"
            step = fall.order.index(f"{timing.name}.{component.name}") + 1
            rule = f"waterfalls/{fall.name}@{fall.version} step {step}"
            if timing is Timing.in_advance:
                rule += f", {_named(product)} payments.excess {product.payments.excess}"
            moves = {component.part: -part["amount"]}
        lines.append(Line(closed.date, f"{kind.name.replace('_', ' ')}: {what}", rule, number,
                          _source(event), moves))  # fmt: skip
    return lines


def _claim_moves(moved: pl.DataFrame, kind: Kind) -> dict[str, int]:
    """What transfers did to the claim; a charge-off moves it off the books, not down."""
    if kind is Kind.charge_off:
        return {}
    moves: dict[str, int] = {}
    for m in moved.to_dicts():
        for side, sign in (("debit", 1), ("credit", -1)):
            part = _PART_OF.get(m[side])
            if part:
                sign_ = -sign if part == "credit" else sign
                moves[part] = moves.get(part, 0) + sign_ * m["amount"]
        if m["debit"] == ROLE["memo_claim"]:
            moves["principal"] = moves.get("principal", 0) + m["amount"]
    return {k: v for k, v in moves.items() if v}


def _by_rule(
    closed: DayClose, policies: PolicyBook, product: Product, row: dict[str, int],
    move: dict[str, int],
) -> Line:  # fmt: skip
    """A movement that no event made: billing, a late fee, credit used, interest at payoff."""
    debit, credit = ROLES[move["debit"]], ROLES[move["credit"]]
    amount = to_major(move["amount"], product.currency)
    frame = pl.DataFrame([move])
    if debit == "interest_due":
        number = row["instalment_no"] - 1
        return Line(closed.date, f"instalment {number} falls due: interest {amount}",
                    f"{_named(product)} schedule")  # fmt: skip
    if credit == "tax_payable":
        return Line(closed.date, f"tax on what was asked: {amount}",
                    _version(policies, Tax, product.tax, product, closed.date),
                    moves={"taxes": move["amount"]})  # fmt: skip
    if debit == "fees_receivable" and product.annual_fee:
        return Line(closed.date, f"the fee of another year: {amount}",
                    _version(policies, Fee, product.annual_fee, product, closed.date),
                    moves={"fees": move["amount"]})  # fmt: skip
    if (
        credit == "penalty_income"
        and product.penal
        and not (product.late_fee and _late_fee_today(closed, row))
    ):
        rule = product.penal
        return Line(closed.date, f"penal {rule.mode} on what was overdue, {rule.rate_percent} % a "
                    f"year: {amount}", f"{_named(product)} penal",
                    moves={"penalties": move["amount"]})  # fmt: skip
    if credit == "penalty_income" and product.late_fee:
        fee = policies.version_on(LateFee, product.late_fee, product, closed.date)
        grace = f" after {fee.grace_days} days of grace" if fee else ""
        return Line(closed.date, f"late fee{grace}",
                    _version(policies, LateFee, product.late_fee, product, closed.date),
                    moves={"penalties": move["amount"]})  # fmt: skip
    if debit == "borrower_credit" and credit in BECOMES.values():
        small = product.small_credit
        outcome = f"{small.becomes} {_after(small.after_months)}" if small else "let go"
        return Line(closed.date, f"a small credit is {outcome}: {amount}",
                    f"{_named(product)} small_credit",
                    moves=_claim_moves(frame, Kind.payment_received))  # fmt: skip
    if debit == "borrower_credit":
        return Line(closed.date, f"the borrower's credit meets {credit}",
                    f"{_named(product)} payments.credit_use {product.payments.credit_use}",
                    moves=_claim_moves(frame, Kind.payment_received))  # fmt: skip
    return Line(closed.date, f"{debit} → {credit} {amount}", _named(product),
                moves=_claim_moves(frame, Kind.payment_received))  # fmt: skip


def _version(
    policies: PolicyBook, model: type[Policy], name: str | None, product: Product, on: dt.date
) -> str:
    """The version of a product's policy that binds on a date, as folder/name@version."""
    found = policies.version_on(model, name, product, on) if name else None
    folder = FOLDER_OF[model]
    return f"{folder}/{found.name}@{found.version}" if found else f"{_named(product)} {folder}"


def _demanded_by(number: int) -> str:
    """What asked for money, by its instalment number."""
    if number >= OWN_DATE:
        return "a date of its own"
    return f"instalment {number}" if number else "the balance"


def _after(months: int) -> str:
    return {0: "at once", 1: "after a month"}.get(months, f"after {months} months")


def _late_fee_today(closed: DayClose, row: dict[str, int]) -> bool:
    """Whether the day may have charged a late fee: then no penal interest was asked alone."""
    return row["penal_from"] != closed.date


def _arrears(closed: DayClose, policies: PolicyBook, row: dict[str, int], was: object) -> Line:
    product = policies.product(row["product"])
    rule = policies.in_force(Delinquency, product.delinquency, product.effective_from)
    named = f"delinquency/{rule.name}@{rule.version} {rule.convention}"
    if row["oldest_due_date"] is None:
        return Line(closed.date, "no arrears count any more: 0 days past due", named)
    owed = closed.book.dues.filter(pl.col("due_date") == row["oldest_due_date"])
    unpaid = to_major(int((owed["amount"] - owed["paid"]).sum()), product.currency)
    numbers = ", ".join(str(n) for n in owed["instalment_no"].unique().sort())
    return Line(
        closed.date,
        f"{row['days_past_due']} days past due, counted from {row['oldest_due_date']}: {unpaid} of "
        f"instalment {numbers} is unpaid",
        named,
    )


def _source(event: dict[str, object]) -> str:
    who = f"{event['actor']}"
    if event["checker"]:
        who += f", checked by {event['checker']}, {event['reason']}"
    return f"{event['source_system']}/{event['source_ref']} line {event['line']} by {who}"
