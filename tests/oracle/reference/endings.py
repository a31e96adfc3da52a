"""Off the books, given up, charged back; and when a loan owes nothing."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

from tests.oracle.reference import billing, money
from tests.oracle.reference.loan import Loan
from tests.oracle.reference.model import Due


def charge_back(loan: Loan, amount: int, day: dt.date) -> None:
    """The borrower's credit first; the rest is principal of the first instalment due after the day, or,
    of a claim that was given up, given up anew."""
    used = min(amount, loan.credit)
    loan.credit -= used
    amount -= used
    if loan.written_off:
        loan.recoverable += amount
        return
    loan.principal += amount
    k = loan.next
    while k < loan.plan.last and loan.plan.due_date(k) <= day:
        k += 1
    if amount:
        held = loan.ahead.get(k, [0, 0])[1]
        on = loan.plan.due_date(k)
        loan.dues.append(Due(k, "principal", on, amount + held, held, early=True, held=held))


def charge_off(loan: Loan, day: dt.date) -> None:
    """Off the books; the claim lives on, its contract as the product says."""
    loan.status, loan.charged_off = "charged_off", True
    after = loan.rules.product.interest.after_charge_off
    if after == "regular":
        return
    loan.interest_stopped = True
    if after == "accelerate_maturity":
        accrued, unbilled = loan.accrued, loan.unbilled
        interest, principal = loan.stands(0), loan.stands(1)
        loan.earned, loan.carried = Fraction(0), 0
        billing.nothing_to_come(loan)
        for due in loan.dues:  # the tax on what was paid ahead, too: nothing falls due later
            due.due_date = min(due.due_date, day)
        loan.ask(loan.next, "interest", day, accrued + interest, interest)
        loan.ask(loan.next, "principal", day, unbilled + principal, principal)
        loan.next = loan.plan.last + 1


def end(loan: Loan) -> None:
    """A loan that owes nothing closes, or stays written off; with the borrower's money left it is overpaid."""
    if loan.written_off:
        loan.status = "overpaid" if loan.credit else "written_off"
    elif loan.status in ("active", "overpaid", "closed", "charged_off"):
        owes = loan.principal or any(d.open for d in loan.dues) or money.payoff(loan)
        if owes:
            loan.status = "charged_off" if loan.charged_off else "active"
        else:
            loan.status = "overpaid" if loan.credit else "closed"
            if loan.fixed:  # all interest was paid, and so it is earned
                money.settle(loan)
            loan.earned = Fraction(loan.fresh)  # what rounding leaves goes with the claim
            loan.planned_earned = Fraction(0)
