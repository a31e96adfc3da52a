"""What an instalment asks when its period ends."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

from tests.oracle.reference import charges
from tests.oracle.reference.loan import Loan
from tests.oracle.reference.model import Due
from tests.oracle.reference.numbers import rounded
from tests.oracle.reference.schedule import Row


def bill(loan: Loan, day: dt.date) -> None:
    """Ask for every instalment whose period ends on the day."""
    while loan.bills_on <= day:
        if loan.matured:
            _after_maturity(loan)
        elif loan.daily:
            _daily(loan)
        else:
            _scheduled(loan)
        loan.next += 1


def _interest(loan: Loan, k: int, interest: int, paid: int) -> None:
    """Interest of an instalment and the tax on what of it was not taxed before."""
    on, before = loan.plan.due_date(k), loan.taxed.pop(k, 0)
    for part in _early(loan, k, "interest"):
        interest, paid = interest + part.amount, paid + part.paid
    tax = charges.tax_on(loan, "interest", charges.for_the_first_time(loan, interest - before))
    loan.ask(k, "interest", on, interest, paid)
    loan.ask(k, "tax", on, tax)


def _early(loan: Loan, k: int, component: str) -> list[Due]:
    """What was asked of instalment k before it is billed: part of what it asks now."""
    back = [d for d in loan.dues if d.early and (d.no, d.component) == (k, component)]
    for due in back:
        loan.dues.remove(due)
    return back


def _scheduled(loan: Loan) -> None:
    k, row = loan.next, loan.rows[loan.next]
    interest, principal = loan.ahead.pop(k, [0, 0])
    loan.earned = Fraction(0)
    loan.carried += row.bears - row.interest
    _interest(loan, k, row.interest, interest)
    back = sum(d.open for d in _early(loan, k, "principal"))
    loan.ask(k, "principal", loan.plan.due_date(k), row.principal + back, principal)


def _after_maturity(loan: Loan) -> None:
    """Interest goes on being asked, a period at a time."""
    interest = whole_interest(loan) + loan.carried
    loan.carried = 0
    paid, _ = loan.ahead.pop(loan.next, [0, 0])
    _interest(loan, loan.next, interest, paid)


def whole_interest(loan: Loan) -> int:
    """Interest of the period that ends, rounded once; the fraction is dropped or carried. Of a period that
    is skipped it is carried: what nothing is asked of is not rounded yet."""
    fresh = loan.fresh
    skipped = not loan.matured and loan.next <= loan.plan.last and _asks(loan, loan.next) == 0
    carries = loan.rules.product.interest.residue == "carry" or skipped
    loan.earned = loan.earned - fresh if carries else Fraction(0)
    return fresh


def _asks(loan: Loan, k: int) -> int | None:
    """What instalment k asks in all; None: whatever is left, or its interest and a part."""
    level = loan.rules.product.schedule.amortisation == "equal_instalment"
    if k >= loan.plan.last or not level or k <= loan.rules.product.schedule.grace_principal:
        return None
    return loan.plan.asked(k, loan.level(k))


def _on_schedule(loan: Loan) -> None:
    """The same instalment of a loan on which all was paid on its day."""
    k, schedule = loan.next, loan.rules.product.schedule
    carries = loan.rules.product.interest.residue == "carry"
    fresh = rounded(loan.planned_earned, schedule.interest_rounding)
    loan.planned_earned = loan.planned_earned - fresh if carries else Fraction(0)
    interest, loan.planned_carried = fresh + loan.planned_carried, 0
    asks = _asks(loan, k)
    if asks is not None:
        part = max(asks - interest, 0)
        loan.planned_carried = max(interest - asks, 0)
    elif schedule.amortisation == "equal_principal" and k > schedule.grace_principal:
        part = loan.emi
    else:
        part = 0
    loan.planned -= loan.planned if k >= loan.plan.last else min(part, loan.planned)


def _daily(loan: Loan) -> None:
    _on_schedule(loan)
    k, schedule = loan.next, loan.rules.product.schedule
    fresh = whole_interest(loan)
    paid, met = loan.ahead.pop(k, [0, 0])
    left = loan.unbilled + met
    interest, loan.carried = fresh + loan.carried, 0
    asks = _asks(loan, k)
    if k == loan.plan.last:
        principal = left
    elif asks is None:
        part = loan.emi if schedule.amortisation == "equal_principal" else 0
        principal = 0 if k <= schedule.grace_principal else min(part, left)
    else:
        interest, principal = _shared(loan, asks, interest, paid, met, left)
    principal = min(principal + sum(d.open for d in _early(loan, k, "principal")), left)
    _interest(loan, k, interest, paid)
    loan.ask(k, "principal", loan.plan.due_date(k), principal, min(met, principal))


def _shared(
    loan: Loan, asks: int, interest: int, paid: int, met: int, left: int
) -> tuple[int, int]:
    """A level instalment: its interest, the rest principal; paid in advance, it asks no more."""
    if paid + met >= asks:  # later nights are the next one's
        billed, principal = paid, met
    elif asks - interest < met:
        billed, principal = asks - met, met
    else:
        billed, principal = min(interest, asks), min(max(asks - interest, 0), left)
    if billed < interest:
        if loan.rules.product.schedule.shortfall == "carry" or billed != asks:
            loan.carried = interest - billed
        else:
            loan.principal += interest - billed
    return billed, principal


def spread_anew(loan: Loan, day: dt.date) -> None:
    """The instalments to come follow what is owed: level ones are solved anew, equal parts shared anew."""
    schedule, plan, first = loan.rules.product.schedule, loan.plan, loan.next
    balance = loan.planned
    if loan.matured:
        return
    loan.later = None
    if schedule.amortisation == "equal_instalment":
        running = None
        if day > plan.end(first - 1) or plan.pauses:
            running = (
                loan.planned_earned + balance * plan.rest_of(first, day) + loan.planned_carried
            )
        elif loan.planned_carried or loan.planned_earned:  # it waits, and bears none
            waits = loan.planned_earned + loan.planned_carried
            running = balance * plan.factor(first, counted=True) + waits
        loan.emi = plan.level(balance, first, loan.terms.balloon, running)
    elif schedule.amortisation == "equal_principal":
        loan.emi = plan.even(balance, first, loan.terms.balloon)
    if not loan.daily:
        made = plan.rows(balance, first, loan.terms.balloon, loan.emi)
        loan.rows |= dict(enumerate(made, start=first))
        loan.rows = {k: row for k, row in loan.rows.items() if k <= plan.last}


def spread_later(loan: Loan, first: int, *, solves: bool) -> None:
    """Instalments from `first` on, which is none of the next, follow their new dates; level ones are solved anew on
    demand: they pay off what those before it leave if each is paid on its day."""
    schedule, plan, balloon = loan.rules.product.schedule, loan.plan, loan.terms.balloon
    now = loan.planned if loan.daily else loan.unbilled + loan.stands(1)
    before = plan.rows(now, loan.next, balloon, loan.emi)[: first - loan.next]
    left = now - sum(row.principal for row in before)
    if solves and schedule.amortisation == "equal_instalment":
        loan.later = (first, plan.level(left, first, balloon))
    if not loan.daily:
        made = plan.rows(left, first, balloon, loan.level(first))
        loan.rows |= dict(enumerate(made, start=first))


def nothing_to_come(loan: Loan) -> None:
    """No instalment to come asks anything any more."""
    loan.ahead.clear()
    loan.rows = dict.fromkeys(loan.rows, Row(0, 0))
