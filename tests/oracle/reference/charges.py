"""Fees, penalties and taxes: what is asked beside principal and interest."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

from tests.oracle.reference.loan import Loan
from tests.oracle.reference.model import COMPONENTS, Event
from tests.oracle.reference.numbers import PPB, rounded


def tax_on(loan: Loan, base: str, amount: int) -> int:
    """Tax on so much interest, fee or penalty; none where the law names no such base, nor of a claim that
    is off the books."""
    law = loan.rules.tax
    if law is None or base not in law.of or loan.charged_off:
        return 0
    return rounded(Fraction(max(0, amount) * law.rate_ppb, PPB), law.rounding)


def untaxed(loan: Loan) -> int:
    """Interest earned and not billed, less what was asked and taxed before, and taken back since."""
    met = loan.stands(0) + sum(loan.met_of_parts.values())
    taxed = max(0, sum(loan.taxed.values()) - met) + loan.taxed_before
    return max(0, loan.accrued - taxed)


def for_the_first_time(loan: Loan, interest: int) -> int:
    """So much of interest that is asked, or met, as none was taxed for before a change asked it anew."""
    before = min(loan.taxed_before, max(0, interest))
    loan.taxed_before -= before
    return interest - before


def tax_ahead(loan: Loan) -> None:
    """Interest that was met before its billing is taxed, due with its instalment."""
    parts = loan.met_of_parts
    for k in sorted(loan.ahead.keys() | parts.keys()):
        interest = loan.ahead.get(k, [0, 0])[0] + parts.get(k, 0)
        fresh = interest - loan.taxed.get(k, 0)
        if fresh > 0:
            loan.taxed[k] = interest
            fresh = for_the_first_time(loan, fresh)
            loan.ask(k, "tax", loan.plan.due_date(k), tax_on(loan, "interest", fresh))


def tax_at_payoff(loan: Loan, interest: int, day: dt.date) -> None:
    """What pays the whole claim pays the tax on the interest that was not billed."""
    k = loan.next
    loan.taxed[k] = loan.taxed.get(k, 0) + interest
    loan.ask(k, "tax", day, tax_on(loan, "interest", interest))


def by_order(loan: Loan, event: Event) -> None:
    """A fee or penalty, of the instalment within whose period it falls due, and its tax."""
    on = dt.date.fromisoformat(event.about["due_date"])
    k = 1
    while k < loan.plan.last and loan.plan.end(k) < on:
        k += 1
    component = COMPONENTS[event.about["component"]]
    _ask(loan, k, component, loan.plan.due_date(k), event.amount)


def _ask(loan: Loan, no: int, component: str, on: dt.date, amount: int) -> None:
    loan.ask(no, component, on, amount)
    loan.ask(no, "tax", on, tax_on(loan, component, amount))


def late_fees(loan: Loan, day: dt.date) -> None:
    """Once for each instalment that is unpaid beyond its grace, on its principal and interest."""
    rule = loan.rules.late_fee
    if rule is None or loan.status != "active":
        return
    base = [d for d in loan.dues if d.component in ("principal", "interest")]
    for no, on in sorted({(d.no, d.due_date) for d in base if d.open and not d.fee_assessed}):
        its = [d for d in base if (d.no, d.due_date) == (no, on)]
        if (day - on).days <= rule.grace_days:
            continue
        fee = rounded(Fraction(sum(d.open for d in its) * rule.percent_ppb, PPB), rule.rounding)
        fee = max(fee + rule.flat_minor, rule.minimum_minor)
        fee = fee if rule.maximum_minor is None else min(fee, rule.maximum_minor)
        for due in its:
            due.fee_assessed = True
        _ask(loan, no, "penalty", on, fee)


def penal_night(loan: Loan) -> None:
    """A night of what was overdue at the end of the day before: simple, over 365."""
    rule = loan.rules.product.penal
    if rule is not None:
        loan.penal += Fraction(loan.penal_base) * Fraction(rule.rate_percent) / 100 / 365


def ask_penal(loan: Loan, day: dt.date) -> None:
    """Asked with the billing of the day, before any event, and where what is overdue changes."""
    rule = loan.rules.product.penal
    if rule is None or not loan.penal:
        return
    amount = rounded(loan.penal, rule.rounding)
    loan.penal = Fraction(0)
    billed = loan.bills_on <= day
    no = loan.next if billed else max(1, loan.next - 1)  # with a penalty that it has already
    taxed = "interest" if rule.mode == "interest" else "penalty"
    asked = {"penalty": amount, "tax": tax_on(loan, taxed, amount)}
    for component, much in asked.items():  # on the date of what the instalment asks already
        there = (d for d in loan.dues if (d.no, d.component) == (no, component) and not d.gone)
        loan.ask(no, component, next((d.due_date for d in there), day), much)


def penal_base(loan: Loan, day: dt.date) -> None:
    """What bears penal interest from this night on: overdue since the due date, or beyond the grace."""
    rule = loan.rules.product.penal
    if rule is None:
        return
    components = ("principal", "interest") if "interest" in rule.base else ("principal",)
    grace = dt.timedelta(days=rule.grace_days)
    base = sum(
        d.open
        for d in loan.dues
        if d.component in components and not d.early and d.due_date + grace <= day
    )
    base = 0 if loan.charged_off or loan.written_off else base
    if base != loan.penal_base:
        ask_penal(loan, day)
        loan.penal_base = base
