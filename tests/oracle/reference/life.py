"""The order of the day, and every day of a life."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from fractions import Fraction

from tests.oracle.reference import money
from tests.oracle.reference.dates import DAY
from tests.oracle.reference.loan import Loan
from tests.oracle.reference.model import COMPONENTS, Day, Due, Event, Rules, Terms
from tests.oracle.reference.numbers import PPB, rounded
from tests.oracle.reference.schedule import Plan, Row

MONEY_IN = ("payment_received", "goodwill_credit", "merchant_refund", "payout_refund")
MAY = {
    "charge_off": ("active",),
    "rate_changed": ("active",),
    "term_extended": ("active",),
    "write_off": ("active", "charged_off"),
}
"""Orders, and the states of a loan in which they enter."""
STEP = {"disbursed": 4, "charge_off": 9, "write_off": 9, "credit_refunded": 7, "chargeback": 7}
STEP |= {"charge_assessed": 2, "rate_changed": 3, "term_extended": 3} | dict.fromkeys(MONEY_IN, 6)


def live(rules: Rules, terms: Terms, events: Sequence[Event], through: dt.date) -> list[Day]:
    """The state of a loan on every day from its first event to `through`, as if all had been known in time."""
    undone = {e.about["reverses"] for e in events if e.kind == "reversal"}
    stands = [e for e in events if e.kind != "reversal" and e.ref not in undone]
    loan = Loan(rules, terms, Plan(rules, terms))
    day, days = min(e.value_date for e in stands), []
    while day <= through:
        close(loan, day, [e for e in stands if e.value_date == day])
        days.append(state(loan, day))
        day += DAY
    return days


def close(loan: Loan, day: dt.date, events: list[Event]) -> None:
    """One day, in order."""
    events = sorted(events, key=lambda e: (STEP[e.kind], e.ref))
    if not loan.written_off and loan.status not in ("closed", "settled"):
        loan.pass_night(day)
        loan.bill(day)
    _steps(loan, day, events, (2, 3, 4))
    _use_credit(loan, day)
    _steps(loan, day, events, (6, 7))
    _late_fees(loan, day)
    _steps(loan, day, events, (9,))
    _end(loan)


def _steps(loan: Loan, day: dt.date, events: list[Event], steps: tuple[int, ...]) -> None:
    for event in events:
        if STEP[event.kind] in steps:
            _take(loan, event, day)


def _take(loan: Loan, event: Event, day: dt.date) -> None:
    if event.kind in MAY and (loan.status not in MAY[event.kind] or not loan.claim):
        return  # the order is refused
    if event.kind in MONEY_IN:
        money.pay(loan, event.amount, day, event.kind)
    elif event.kind == "disbursed":
        _disburse(loan, event.amount)
    elif event.kind == "credit_refunded":
        loan.credit -= event.amount
    elif event.kind in ("rate_changed", "term_extended"):
        _change(loan, event)
    elif event.kind == "chargeback":
        _charge_back(loan, event.amount, day)
    elif event.kind == "charge_assessed":
        _charge(loan, event)
    elif event.kind == "charge_off":
        _charge_off(loan, day)
    elif event.kind == "write_off":
        money.give_up(loan)
    else:
        raise NotImplementedError(event.kind)


def _change(loan: Loan, event: Event) -> None:
    """Another rate from the day on, or more instalments; what is to come is solved anew."""
    if event.kind == "rate_changed":
        loan.plan.change_rate(event.value_date, Fraction(event.about["rate_ppb"], PPB))
    else:
        n = loan.plan.last
        more = range(n + 1, n + 1 + event.about["instalments"])
        loan.plan.ends += [loan.plan.end(k) for k in more]
    if event.about["keep"] == "term":
        loan.emi = loan.plan.level(loan.unbilled, loan.next, loan.terms.balloon)


def _charge_back(loan: Loan, amount: int, day: dt.date) -> None:
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


def _charge(loan: Loan, event: Event) -> None:
    """A fee or penalty, of the instalment within whose period it falls due."""
    on = dt.date.fromisoformat(event.about["due_date"])
    k = 1
    while k < loan.plan.last and loan.plan.end(k) < on:
        k += 1
    component = COMPONENTS[event.about["component"]]
    loan.ask(k, component, loan.plan.due_date(k), event.amount)


def _charge_off(loan: Loan, day: dt.date) -> None:
    """Off the books; the claim lives on, its contract as the product says."""
    loan.status, loan.charged_off = "charged_off", True
    after = loan.rules.product.interest.after_charge_off
    if after == "regular":
        return
    loan.interest_stopped = True
    if after == "accelerate_maturity":
        accrued, unbilled = loan.accrued, loan.unbilled
        loan.earned, loan.carried = Fraction(0), 0
        loan.ahead.clear()
        loan.rows = dict.fromkeys(loan.rows, Row(0, 0))
        loan.ask(loan.next, "interest", day, accrued)
        loan.ask(loan.next, "principal", day, unbilled)
        loan.next = loan.plan.last + 1


def _disburse(loan: Loan, amount: int) -> None:
    """The first payout makes the schedule."""
    schedule, terms = loan.rules.product.schedule, loan.terms
    loan.principal += amount
    parts = loan.plan.last - schedule.grace_principal
    if schedule.amortisation == "equal_instalment":
        loan.emi = terms.emi or loan.plan.level(amount, 1, terms.balloon)
    elif schedule.amortisation == "equal_principal":
        loan.emi = rounded(Fraction(amount - terms.balloon, parts), schedule.instalment_rounding)
    if schedule.amortisation == "flat":
        made = loan.plan.flat_rows(amount)
    else:
        made = loan.plan.rows(amount, 1, terms.balloon, loan.emi)
    if not loan.daily:
        loan.rows = dict(enumerate(made, start=1))


def _use_credit(loan: Loan, day: dt.date) -> None:
    """The borrower's credit meets what is due."""
    payments = loan.rules.product.payments
    if loan.credit and payments.credit_use != "hold":
        waterfall = loan.rules.waterfalls[payments.waterfall]
        loan.credit = money.meet(
            loan, loan.credit, day, waterfall.order, waterfall.direction, ("past_due", "due")
        )


def _late_fees(loan: Loan, day: dt.date) -> None:
    """Once for each instalment that is unpaid beyond its grace, on its principal and interest."""
    rule = loan.rules.late_fee
    if rule is None or loan.status != "active":
        return
    base = [d for d in loan.dues if d.component in ("principal", "interest")]
    for no in sorted({d.no for d in base if d.open and not d.fee_assessed}):
        its = [d for d in base if d.no == no]
        if (day - its[0].due_date).days <= rule.grace_days:
            continue
        fee = rounded(Fraction(sum(d.open for d in its) * rule.percent_ppb, PPB), rule.rounding)
        fee = max(fee + rule.flat_minor, rule.minimum_minor)
        fee = fee if rule.maximum_minor is None else min(fee, rule.maximum_minor)
        for due in its:
            due.fee_assessed = True
        if fee:
            loan.ask(no, "penalty", its[0].due_date, fee)


def _end(loan: Loan) -> None:
    """A loan that owes nothing closes, or stays written off; with the borrower's money left it is overpaid."""
    if loan.written_off:
        loan.status = "overpaid" if loan.credit else "written_off"
    elif loan.status in ("active", "overpaid", "closed", "charged_off"):
        owes = loan.principal or any(d.open for d in loan.dues) or money.payoff(loan)
        if owes:
            loan.status = "charged_off" if loan.charged_off else "active"
        else:
            loan.status = "overpaid" if loan.credit else "closed"


def state(loan: Loan, day: dt.date) -> Day:
    """What is told of the day."""
    return Day(
        date=day,
        status=loan.status,
        principal=loan.principal,
        principal_due=loan.open("principal"),
        interest_accrued=loan.accrued,
        interest_due=loan.open("interest"),
        fees_due=loan.open("fee"),
        penalties_due=loan.open("penalty"),
        taxes_due=loan.open("tax"),
        credit=loan.credit,
        prepaid=loan.prepaid,
        days_past_due=loan.days_past_due(day),
        oldest_due_date=loan.late_since(day),
        instalment_no=loan.next,
        dues=tuple((d.no, d.component, d.due_date, d.amount, d.paid) for d in loan.dues if d.open),
    )
