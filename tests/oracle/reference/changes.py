"""What the parties change: payouts, rate, term, pauses, and what is spread anew."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

from tests.oracle.reference import billing
from tests.oracle.reference.loan import Loan
from tests.oracle.reference.model import Event
from tests.oracle.reference.numbers import PPB, rounded, to_multiple


def pay_out(loan: Loan, amount: int, day: dt.date) -> None:
    """The first payout makes the schedule, a later one makes what is to come anew. Of each a share may
    be due at once, which the instalments do not finance."""
    schedule = loan.rules.product.schedule
    loan.principal += amount
    at_once = rounded(Fraction(amount * schedule.down_payment_ppb, PPB))
    at_once = min(to_multiple(at_once, schedule.instalment_multiple, "half_even"), amount)
    loan.planned += amount - at_once
    loan.ask(_number(loan, day), "principal", day, at_once)
    if loan.paid_out:
        billing.spread_anew(loan, day)
        return
    loan.paid_out = True
    financed = loan.unbilled
    if schedule.amortisation == "flat":
        loan.rows = dict(enumerate(loan.plan.flat_rows(financed), start=1))
        return
    billing.spread_anew(loan, day)
    if loan.terms.emi:
        loan.emi = loan.terms.emi


def _number(loan: Loan, day: dt.date) -> int:
    """A down payment's number: below zero, by its day and its place among those of the day."""
    before = sum(d.no < 0 and d.due_date == day for d in loan.dues)
    return -1 - (day - loan.terms.disbursed_on).days * 8 - before


def _first_that_moves(loan: Loan, since: str | None) -> int:
    """The next instalment, or the first that falls due from a date on; the last one, if none does."""
    if since is None:
        return loan.next
    plan, start = loan.plan, dt.date.fromisoformat(since)
    falls = (k for k in range(loan.next, plan.last) if max(plan.end(k), plan.due_date(k)) >= start)
    return next(falls, plan.last)


def change(loan: Loan, event: Event) -> None:
    """Another rate from the day on, more instalments, or nights without interest."""
    about, plan = event.about, loan.plan
    if event.kind == "interest_paused":
        start, end = (dt.date.fromisoformat(about[side]) for side in ("start", "end"))
        plan.pauses.append((start, end))
        return
    if event.kind == "due_date_moved":
        moves = _first_that_moves(loan, about.get("from_date"))
        plan.move(moves, dt.date.fromisoformat(about["due_date"]))
        if moves > loan.next:
            billing.spread_later(loan, moves, solves=about["keep"] == "term")
            return
    elif event.kind == "rate_changed":
        plan.change_rate(event.value_date, Fraction(about["rate_ppb"], PPB))
    else:
        plan.extend(about["instalments"])
    if about["keep"] == "term":
        billing.spread_anew(loan, event.value_date)
