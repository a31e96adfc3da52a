"""The order of the day, and every day of a life."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from tests.oracle.reference import billing, changes, charges, endings, money, respreading
from tests.oracle.reference.dates import DAY
from tests.oracle.reference.loan import Loan
from tests.oracle.reference.model import Day, Event, Rules, Terms
from tests.oracle.reference.schedule import Plan

MONEY_IN = (
    "payment_received",
    "goodwill_credit",
    "merchant_refund",
    "payout_refund",
    "down_payment",
)
CHANGES = ("rate_changed", "term_extended", "interest_paused", "due_date_moved")
SPREADS = (
    "reamortised",
    "reaged",
    "moratorium_granted",
    "contract_accelerated",
    "interest_capitalised",
)
MAY = {
    "charge_off": ("active",),
    "write_off": ("active", "charged_off"),
} | dict.fromkeys((*CHANGES, *SPREADS), ("active",))
"""Orders, and the states of a loan in which they enter."""
STEP = {"disbursed": 4, "charge_off": 9, "write_off": 9, "credit_refunded": 7, "chargeback": 7}
STEP |= {"charge_assessed": 2} | dict.fromkeys(CHANGES, 3) | dict.fromkeys(MONEY_IN, 6)
STEP |= dict.fromkeys(SPREADS, 8)


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
        charges.penal_night(loan)
        if events or loan.bills_on <= day:
            charges.ask_penal(loan, day)
        respreading.pass_over(loan, day)
        billing.bill(loan, day)
    _steps(loan, day, events, (2, 3, 4))
    _use_credit(loan, day)
    _steps(loan, day, events, (6, 7))
    _steps(loan, day, events, (8,))
    charges.late_fees(loan, day)
    _steps(loan, day, events, (9,))
    charges.penal_base(loan, day)
    endings.end(loan)
    for due in loan.dues:
        due.gone = loan.leaves(due, day)


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
        changes.pay_out(loan, event.amount, day)
    elif event.kind == "credit_refunded":
        loan.credit -= event.amount
    elif event.kind in CHANGES:
        changes.change(loan, event)
    elif event.kind in SPREADS:
        respreading.spread(loan, event, day)
    elif event.kind == "chargeback":
        endings.charge_back(loan, event.amount, day)
    elif event.kind == "charge_assessed":
        charges.by_order(loan, event)
    elif event.kind == "charge_off":
        endings.charge_off(loan, day)
    elif event.kind == "write_off":
        money.give_up(loan)
    else:
        raise NotImplementedError(event.kind)


def _use_credit(loan: Loan, day: dt.date) -> None:
    """The borrower's credit meets what is due."""
    payments = loan.rules.product.payments
    if loan.credit and payments.credit_use != "hold":
        waterfall = loan.rules.waterfalls[payments.waterfall]
        loan.credit = money.meet(
            loan, loan.credit, day, waterfall.order, waterfall.direction, ("past_due", "due")
        )


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
        dues=(*_open(loan), *_to_come(loan)),
    )


def _open(loan: Loan) -> list[tuple[int, str, dt.date, int, int]]:
    return [(d.no, d.component, d.due_date, d.amount, d.paid) for d in loan.dues if d.open]


def _to_come(loan: Loan) -> list[tuple[int, str, dt.date, int, int]]:
    """What instalments to come ask, of a schedule that stands whole."""
    asked = []
    for k, row in loan.rows.items() if loan.fixed else ():
        parts = zip(
            ("interest", "principal"),
            (row.interest, row.principal),
            loan.ahead.get(k, (0, 0)),
            strict=True,
        )
        asked += [
            (k, c, loan.plan.due_date(k), amount, paid)
            for c, amount, paid in parts
            if k >= loan.next and amount != paid
        ]
    return asked
