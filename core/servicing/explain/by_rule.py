"""What no event moved: billing, charges by rule, interest at once, another accounting; told by its rule."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.accounts import ROLE, ROLES
from loanbook.core.catalogue.components import PART_OF_ROLE
from loanbook.core.contract.money import to_major
from loanbook.core.policy.base import Policy
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.charge_tables import BECOMES
from loanbook.core.policy.models import FOLDER_OF, Fee, LateFee, Tax
from loanbook.core.policy.product import Product
from loanbook.core.servicing.charges.penal_interest import penal_of
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.explain.lines import MEMORANDUM, Line
from loanbook.core.servicing.loan.dues import OWN_DATE

_PART_OF = {ROLE[role]: part for role, part in PART_OF_ROLE.items()} | {
    ROLE["borrower_credit"]: "credit",
    ROLE["memo_interest"]: "interest",
    ROLE["memo_claim"]: MEMORANDUM,
    ROLE["memo_charges"]: MEMORANDUM,
}
_CHARGED = {"memo_charges", "memo_claim"}
_INCOME = {"interest_income", "interest_suspense", "interest_accrued", "interest_due",
           "memo_interest", "memo_contra"}  # fmt: skip
"""Accounts between which interest moves where a loan goes into non-accrual, or returns."""
_EARNED = {("interest_accrued", "interest_income"), ("memo_interest", "memo_contra"),
           ("interest_accrued", "interest_suspense")}  # fmt: skip


@dataclass(frozen=True)
class Evening:
    """A loan at the end of a day, and the evening before: what its rules are told by."""

    closed: DayClose
    policies: PolicyBook
    product: Product
    row: dict[str, int]
    """Position of the day."""
    held: dict[str, int] | None
    """Position of the evening before; none: it enters today."""

    def line(self, what: str, rule: str, **moves: int) -> Line:
        """A line of the day."""
        return Line(self.closed.date, what, rule, moves=moves)

    def version(self, model: type[Policy], name: str | None) -> str:
        """The version of a product's policy that binds on the day, as folder/name@version."""
        return _version(self.policies, model, name, self.product, self.closed.date)


def named(product: Product) -> str:
    """A product as policies are named."""
    return f"products/{product.name}@{product.version}"


def demanded_by(number: int) -> str:
    """What asked for money, by its instalment number."""
    if number >= OWN_DATE:
        return "a date of its own"
    if number < 0:
        return "the down payment"
    return f"instalment {number}" if number else "the balance"


def claim_moves(moved: pl.DataFrame) -> dict[str, int]:
    """What transfers did to the parts of the claim; `MEMORANDUM`: what memorandum holds as one sum."""
    moves: dict[str, int] = {}
    for m in moved.to_dicts():
        for side, sign in (("debit", 1), ("credit", -1)):
            part = _PART_OF.get(m[side])
            if part:
                sign_ = -sign if part == "credit" else sign
                moves[part] = moves.get(part, 0) + sign_ * m["amount"]
    return {k: v for k, v in moves.items() if v}


def by_rule(day: Evening, transfers: pl.DataFrame) -> list[Line]:
    """Movements of a day that no event made, a line each."""
    penal, lines = _penal_charged(day), []
    for move in transfers.to_dicts():
        if penal is not None and move["amount"] == penal and _is_penalty(move):
            lines.append(_penal_line(day, move))
            penal = None  # it is asked once a day
        else:
            lines.append(_line(day, move))
    return lines


def payoff_charges(
    date: dt.date, policies: PolicyBook, product: Product, moved: pl.DataFrame, event_id: int,
    *, rebates: bool,
) -> list[Line]:  # fmt: skip
    """What a payoff asks beside the claim, among the transfers of its money: a fee, and the tax on it; and what it
    gives back of interest, if such money `rebates` any."""
    lines, rebate = [], f"{named(product)} interest.rebate {product.interest.rebate}"
    for move in moved.to_dicts():
        debit, amount = ROLES[move["debit"]], to_major(move["amount"], product.currency)
        credit, many = ROLES[move["credit"]], move["amount"]
        back = credit == "borrower_credit" and debit in {"interest_accrued", "interest_income"}
        if back and rebates:
            told = f"interest that was paid and not earned is given back: {amount}"
            lines.append(
                Line(date, told, rebate, event_id, moves={"interest": many, "credit": many})
            )
        elif (debit, credit) == ("borrower_credit", "loan_principal"):
            told = f"what was given back pays principal: {amount}"
            lines.append(
                Line(date, told, rebate, event_id, moves={"principal": -many, "credit": -many})
            )
        if debit == "tax_receivable":
            rule = _version(policies, Tax, product.tax, product, date)
            lines.append(Line(date, f"tax on what was asked: {amount}", rule, event_id,
                              moves={"taxes": move["amount"]}))  # fmt: skip
        elif debit in {"fees_receivable", *_CHARGED}:
            rule = _version(policies, Fee, product.prepayment_fee, product, date)
            lines.append(Line(date, f"the fee of an early payoff: {amount}", rule, event_id,
                              moves={"fees": move["amount"]}))  # fmt: skip
    return lines


def charges_in_memorandum(day: Evening, lines: list[Line], left: dict[str, int]) -> list[Line]:
    """Lines in which charges by rule that memorandum holds are told by the rule that asked them.

    `left`: what the day changed of each part of the claim and no transfer names.
    """
    done, left = [], dict(left)
    for line in lines:
        told, amount = line, line.moves.get(MEMORANDUM, 0)
        if line.event_id is None and amount > 0:
            if day.product.annual_fee and left["fees"] == amount:
                told = _annual_fee(day, amount)
            elif day.product.late_fee and left["penalties"] >= amount:
                told = _late_fee(day, amount)
        for part in told.moves.keys() - line.moves.keys():
            left[part] -= told.moves[part]
        done.append(told)
    return done


def _annual_fee(day: Evening, amount: int) -> Line:
    told = f"the fee of another year: {to_major(amount, day.product.currency)}"
    return day.line(told, day.version(Fee, day.product.annual_fee), fees=amount)


def _late_fee(day: Evening, amount: int) -> Line:
    name = day.product.late_fee
    fee = day.policies.version_on(LateFee, name, day.product, day.closed.date) if name else None
    grace = f" after {fee.grace_days} days of grace" if fee else ""
    return day.line(f"late fee{grace}", day.version(LateFee, name), penalties=amount)


def _line(day: Evening, move: dict[str, int]) -> Line:
    """A movement that no event made, but for penal interest."""
    debit, credit = ROLES[move["debit"]], ROLES[move["credit"]]
    product, amount = day.product, to_major(move["amount"], day.product.currency)
    moves = claim_moves(pl.DataFrame([move]))
    if debit == "interest_due":
        return day.line(_billed(day, amount), f"{named(product)} schedule")
    if credit == "tax_payable":
        rule = day.version(Tax, product.tax)
        return day.line(f"tax on what was asked: {amount}", rule, taxes=move["amount"])
    if debit == "fees_receivable" and product.annual_fee:
        return _annual_fee(day, move["amount"])
    if credit == "penalty_income" and product.late_fee:
        return _late_fee(day, move["amount"])
    if debit == "borrower_credit" and credit in BECOMES.values():
        small = product.small_credit
        outcome = f"{small.becomes} {_after(small.after_months)}" if small else "let go"
        told = f"a small credit is {outcome}: {amount}"
        return day.line(told, f"{named(product)} small_credit", **moves)
    if debit == "borrower_credit":
        rule = f"{named(product)} payments.credit_use {product.payments.credit_use}"
        return day.line(f"the borrower's credit meets {credit}", rule, **moves)
    said = f"{debit} → {credit} {amount}"
    if (
        day.held
        and day.held["non_accrual"] != day.row["non_accrual"]
        and {debit, credit} <= _INCOME
    ):
        turns = "is income no more" if day.row["non_accrual"] else "is income again"
        told = f"interest that did not come {turns}: {said}"
        return day.line(told, f"{named(product)} non_accrual", **moves)
    if (debit, credit) in _EARNED:
        return day.line(
            f"interest is earned at once: {said}", f"{named(product)} interest", **moves
        )
    if (credit, debit) in _EARNED:
        return day.line(
            f"interest is not earned after all: {said}", f"{named(product)} interest", **moves
        )
    return day.line(said, named(product), **moves)


def _billed(day: Evening, amount: str) -> str:
    """Interest that is asked: with an instalment on its date, or by money that came after it."""
    number = day.row["instalment_no"] - 1
    if day.held and day.held["instalment_no"] == day.row["instalment_no"]:
        return f"interest to the day is asked with instalment {number}: {amount}"
    return f"instalment {number} falls due: interest {amount}"


def _after(months: int) -> str:
    return {0: "at once", 1: "after a month"}.get(months, f"after {months} months")


def _version(
    policies: PolicyBook, model: type[Policy], name: str | None, product: Product, on: dt.date
) -> str:
    """The version of a product's policy that binds on a date, as folder/name@version."""
    found = policies.version_on(model, name, product, on) if name else None
    folder = FOLDER_OF[model]
    return f"{folder}/{found.name}@{found.version}" if found else f"{named(product)} {folder}"


def _penal_charged(day: Evening) -> int | None:
    """Penal interest that the day charged, by the rule that charges it; None: none was.

    It was where what bore it the evening before no longer bears from the same date: the charge begins
    anew when it is asked.
    """
    held = day.held
    if (
        day.product.penal is None
        or held is None
        or not held["penal_base"]
        or held["penal_from"] == day.row["penal_from"]
    ):
        return None
    evening = pl.DataFrame([{name: held[name] for name in ("product", "penal_base", "penal_from")}])
    rules = evening.with_columns(
        pl.col("product").cast(pl.Int16), business_date=pl.lit(day.closed.date)
    ).join(day.policies.penal, on="product")
    return int(rules.select(penal_of(rules)).item()) if rules.height else None


def _is_penalty(move: dict[str, int]) -> bool:
    """Whether a transfer is income of a penalty, or its claim in memorandum."""
    return ROLES[move["credit"]] == "penalty_income" or ROLES[move["debit"]] in _CHARGED


def _penal_line(day: Evening, move: dict[str, int]) -> Line:
    """Penal interest that a day asked."""
    assert day.held is not None
    rule, since = day.product.penal, day.held["penal_from"]
    assert rule is not None
    assert isinstance(since, dt.date)
    base = to_major(day.held["penal_base"], day.product.currency)
    nights = (day.closed.date - since).days
    told = f"penal {rule.mode} on what was overdue: {base} × {rule.rate_percent} % × {nights}/365"
    return day.line(told, f"{named(day.product)} penal", penalties=move["amount"])
