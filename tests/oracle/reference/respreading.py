"""What is owed is spread anew, passed over, or due at once: after the money of the day."""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import replace
from fractions import Fraction

from tests.oracle.reference import billing, charges
from tests.oracle.reference.dates import DAY
from tests.oracle.reference.loan import Loan
from tests.oracle.reference.model import Due, Event
from tests.oracle.reference.numbers import rounded, to_multiple
from tests.oracle.reference.schedule import Row, anchored

CHARGES = ("fee", "penalty", "tax")
BY_ITSELF = 2**14  # from this number on a charge is of no instalment


def spread(loan: Loan, event: Event, day: dt.date) -> None:
    """One such order."""
    about = event.about
    match event.kind:
        case "reamortised":
            reamortise(loan, about, day)
        case "reaged":
            reage(loan, about, day)
        case "moratorium_granted":
            loan.waits = about["interest"]
            loan.plan.pass_over(loan.next, about["instalments"])
        case "contract_accelerated":
            accelerate(loan, day)
        case "interest_capitalised":
            capitalise(loan)
            billing.spread_anew(loan, day)


def _taken_back(loan: Loan) -> list[Due]:
    """Principal and interest that were asked and are unpaid are asked no more: the dues as they stood.
    Charges stay due."""
    back = [
        d for d in loan.dues if d.component in ("principal", "interest") and d.open and not d.early
    ]
    stood = [replace(due) for due in back]
    for due in back:
        due.amount = due.paid
    return stood


def _wait(loan: Loan, back: list[Due]) -> None:
    """Interest that is asked anew comes with the next instalment; it was taxed when it was asked first."""
    interest = sum(d.open for d in back if d.component == "interest")
    loan.carried += interest
    loan.taxed_before += interest


def _to_plan(loan: Loan) -> None:
    """The instalments to come are reckoned from what is owed."""
    loan.planned = loan.unbilled + loan.stands(1)
    loan.planned_earned, loan.planned_carried = loan.earned, loan.carried


def reamortise(loan: Loan, about: dict, day: dt.date) -> None:  # type: ignore[type-arg]
    """Principal of arrears is to come again; their interest comes with the next instalment, or in equal
    parts with all of them."""
    back = _taken_back(loan)
    if about.get("interest") == "split":
        _in_parts(loan, back)
    else:
        _wait(loan, back)
    _to_plan(loan)
    billing.spread_anew(loan, day)


def _in_parts(loan: Loan, back: list[Due]) -> None:
    """Interest that is asked anew stands in equal parts, each rounded, with the instalments to come."""
    to_come = range(loan.next, loan.plan.last + 1)
    interest = sum(d.open for d in back if d.component == "interest")
    loan.taxed_before += interest
    part = rounded(Fraction(interest, len(to_come)))
    for k in to_come if part else ():
        loan.dues.append(Due(k, "interest", loan.plan.due_date(k), part, early=True))


def reage(loan: Loan, about: dict, day: dt.date) -> None:  # type: ignore[type-arg]
    """The running instalment ends, with nothing in it; principal and interest make a new schedule."""
    to_come = _interest_to_come(loan, day) if about["interest"] == "full" else 0
    back = _taken_back(loan)
    if loan.rules.product.interest.residue == "drop" or about["interest"] != "level":
        loan.carried += _period_ends(loan)
    loan.carried -= loan.stands(0)
    loan.ahead.clear()  # it was paid: the balance is lower by it
    if day > loan.plan.end(loan.next - 1):
        loan.next += 1
    _wait(loan, back)
    first = dt.date.fromisoformat(about["due_date"])
    its = {name: about[name] for name in ("instalments", "every", "unit") if name in about}
    terms = anchored(replace(loan.terms, **its), first)
    loan.plan.begin_anew(loan.next, day, terms)
    _with_new_instalments(loan, first, day)
    if about["interest"] == "level":
        _to_plan(loan)
        billing.spread_anew(loan, day)
    else:
        _fix(loan, to_come)


def _with_new_instalments(loan: Loan, first: dt.date, day: dt.date) -> None:
    """Charges of instalments to come, which the new ones take the place of, stand with the first that falls due no
    earlier; after the last one each is due by itself on its date, told by its days since the payout."""
    plan = loan.plan
    for due in (d for d in loan.dues if d.component in CHARGES and d.due_date > day):
        on = max(due.due_date, first)
        falls = [k for k in range(loan.next, plan.last + 1) if plan.due_date(k) >= on]
        by_itself = BY_ITSELF + (on - loan.terms.disbursed_on).days
        due.no, due.due_date = (falls[0], plan.due_date(falls[0])) if falls else (by_itself, on)


def _fix(loan: Loan, to_come: int) -> None:
    """The interest is fixed, and spread evenly with the principal, fees and penalties: the sum of each instalment is
    rounded, and the part of each in it but principal, which is the rest, never below zero; the last one asks what
    is left."""
    numbers = range(loan.next, loan.plan.last + 1)
    loan.fixed, loan.earned = True, Fraction(0)
    parts = {"interest": _even(loan.carried + to_come, len(numbers))}
    for component in ("fee", "penalty"):
        back = [d for d in loan.dues if d.component == component and d.open]
        parts[component] = _even(sum(d.open for d in back), len(numbers))
        loan.dues = [d for d in loan.dues if d not in back]
    left = loan.unbilled
    whole = left + sum(sum(each) for each in parts.values())
    even = rounded(Fraction(whole, len(numbers)))
    even = to_multiple(even, loan.rules.product.schedule.instalment_multiple, "half_even") or even
    loan.rows, waits = (
        {},
        loan.carried,
    )  # what was earned to the day is asked first; the rest is earned period by period
    falls = [loan.plan.due_date(k) for k in numbers]
    for n, k in enumerate(numbers):
        interest = parts["interest"][n]
        of_the_day = sum(
            part for part, on in zip(parts["interest"], falls, strict=True) if on == falls[n]
        )
        bears = max(0, of_the_day - waits) if falls.index(falls[n]) == n else 0
        principal = max(0, min(even - sum(each[n] for each in parts.values()), left))
        principal = left if k == numbers[-1] else principal
        loan.rows[k], left = Row(interest, principal, bears), left - principal
        waits = max(0, waits - interest)
        for component in ("fee", "penalty"):
            loan.ask(k, component, loan.plan.due_date(k), parts[component][n])


def _even(amount: int, count: int) -> list[int]:
    """An amount in so many parts, each rounded, as long as it lasts; the last one is the rest."""
    part = rounded(Fraction(amount, count))
    parts = [max(0, min(part, amount - k * part)) for k in range(count - 1)]
    return [*parts, amount - sum(parts)]


def _interest_to_come(loan: Loan, day: dt.date) -> int:
    """Interest beyond the day, had what is due been paid on it, and each instalment to come on its day."""
    told, asked = copy.deepcopy(loan), -loan.fresh - loan.carried
    while told.next <= told.plan.last:
        for due in (d for d in told.dues if d.open and not d.early):
            told.principal -= due.open if due.component == "principal" else 0
            asked += due.open if due.component == "interest" and due.no >= loan.next else 0
            due.paid = due.amount
        day += DAY
        told.pass_night(day)
        billing.bill(told, day)
    last = [d.open for d in told.dues if d.component == "interest"]
    return asked + sum(last)


def pass_over(loan: Loan, day: dt.date) -> None:
    """Instalments of a moratorium whose day came; after the last one the rest is spread anew."""
    plan = loan.plan
    while plan.passes and plan.passes[0] <= day:
        if loan.waits == "capitalised":
            capitalise(loan)
        else:
            loan.carried += _period_ends(loan)
            # what arrears bore waits with it: all of it is asked with the next instalment
            loan.planned_earned, loan.planned_carried = loan.earned, loan.carried
        plan.ends[loan.next - 1] = plan.passes.pop(0)
        if not plan.passes:
            loan.waits = None
            billing.spread_anew(loan, day)


def _period_ends(loan: Loan) -> int:
    """Interest of a period that ends and is not billed, rounded there."""
    fresh = loan.fresh
    carries = loan.rules.product.interest.residue == "carry"
    loan.earned = loan.earned - fresh if carries else Fraction(0)
    return fresh


def _planned_interest(loan: Loan) -> None:
    fresh = rounded(loan.planned_earned, loan.rules.product.schedule.interest_rounding)
    carries = loan.rules.product.interest.residue == "carry"
    loan.planned_earned = loan.planned_earned - fresh if carries else Fraction(0)
    loan.planned_carried += fresh


def capitalise(loan: Loan) -> None:
    """Interest that was earned, and neither asked nor paid, joins the principal."""
    loan.carried += _period_ends(loan)
    part = max(0, loan.accrued)
    loan.carried -= part
    loan.principal += part
    _planned_interest(loan)
    loan.planned += part  # what arrears bore too: it is principal to come now
    loan.planned_carried = 0


def accelerate(loan: Loan, day: dt.date) -> None:
    """The contract ends: all principal, the interest to the day and the charges to come are due on it."""
    accrued, unbilled = loan.accrued, loan.unbilled
    interest, principal = loan.stands(0), loan.stands(1)
    loan.earned, loan.carried = Fraction(0), 0
    for due in loan.dues:  # what was billed and a calendar moves, too
        due.due_date = min(due.due_date, day)
    loan.dues = [d for d in loan.dues if not d.early]
    running = day > loan.plan.end(loan.next - 1)
    no = loan.next if running else loan.next - 1
    taxed = sum(loan.taxed.values()) + loan.taxed_before
    billing.nothing_to_come(loan)
    loan.taxed.clear()
    loan.ask(no, "interest", day, accrued + interest, interest)
    loan.ask(no, "tax", day, charges.tax_on(loan, "interest", accrued + interest - taxed))
    loan.ask(no, "principal", day, unbilled + principal, principal)
    loan.plan.end_with(no, day)
    loan.next = no + 1
