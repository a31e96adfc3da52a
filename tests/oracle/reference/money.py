"""Where money goes: through the waterfall, then by the rule for what is left."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from itertools import groupby

from tests.oracle.reference import charges
from tests.oracle.reference.loan import Loan
from tests.oracle.reference.model import Due
from tests.oracle.reference.numbers import rounded
from tests.oracle.reference.schedule import Row


def timing(loan: Loan, due: Due, day: dt.date) -> str:
    """Where a due stands against the value date of the money. What an instalment asked when it was billed
    is owed, also where a calendar has it fall due later: money meets it as what is due."""
    if due.due_date < day:
        return "past_due"
    billed = 0 < due.no < loan.next and due.component in ("principal", "interest", "tax")
    return "due" if due.due_date == day or billed else "in_advance"


def pay(loan: Loan, amount: int, day: dt.date, kind: str = "payment_received") -> None:
    """Money in meets what is owed; what nothing is owed for is the borrower's credit."""
    amount = recover(loan, amount)
    payments = loan.rules.product.payments
    rule = payments.by_kind.get(kind)  # type: ignore[call-overload]
    waterfall = loan.rules.waterfalls[rule.waterfall if rule else payments.waterfall]
    excess = rule.excess if rule else payments.excess
    if not (loan.daily or loan.fixed) and amount >= payoff(loan):  # fixed interest is owed in full
        loan.credit += amount - payoff(loan)
        settle(loan)
        return
    if loan.daily and amount >= payoff(loan):
        charges.tax_at_payoff(loan, charges.untaxed(loan), day)
    left = meet(loan, amount, day, waterfall.order, waterfall.direction, ("past_due", "due"))
    order = [s.split(".")[1] for s in waterfall.order if s.startswith("in_advance.")]
    if loan.daily:
        left = _advance_daily(loan, left, excess, order)
    else:
        vertical = loan.fixed and waterfall.direction == "vertical"  # a component at a time
        for components in [[c] for c in order] if vertical else [order]:
            left = _advance_scheduled(loan, left, excess, components)
    # what else stands with instalments to come
    left = meet(loan, left, day, waterfall.order, waterfall.direction, ("in_advance",))
    charges.tax_ahead(loan)
    loan.credit += left


def recover(loan: Loan, amount: int) -> int:
    """Money for a claim that was given up, up to the claim, meets no component; what is left."""
    part = min(amount, loan.recoverable)
    loan.recoverable -= part
    return amount - part


def give_up(loan: Loan) -> None:
    """The whole claim is extinguished: what a charge-off would claim, with interest earned to the day.

    Interest that was paid before it was earned is not given back: it takes nothing off the rest.
    """
    loan.written_off, loan.recoverable = True, loan.claim - min(loan.accrued, 0)
    settle(loan)


def payoff(loan: Loan) -> int:
    """What settles the claim on the day, before the borrower's credit."""
    claim = loan.claim
    if not loan.daily and (loan.fixed or loan.rules.product.interest.rebate == "none"):
        to_come = sum(r.interest for k, r in loan.rows.items() if k >= loan.next)
        early = loan.stands(0)
        claim += to_come - early - loan.accrued
        return claim + charges.tax_on(loan, "interest", to_come - early)
    return claim + charges.tax_on(loan, "interest", charges.untaxed(loan))


def settle(loan: Loan) -> None:
    """Everything is paid."""
    loan.principal = loan.carried = 0
    loan.earned *= 0
    loan.ahead.clear()
    loan.rows = dict.fromkeys(loan.rows, Row(0, 0))
    for due in loan.dues:
        due.paid = due.amount


def meet(
    loan: Loan, amount: int, day: dt.date, order: list[str], direction: str, when: tuple[str, ...]
) -> int:
    """Money through the dues that stand, by an order over timing and component; what is left."""
    steps = [s.split(".") for s in order if s.split(".")[0] in when]
    runs = [(t, [c for _, c in run]) for t, run in groupby(steps, key=lambda s: s[0])]
    if direction == "vertical":
        runs = [(t, [c]) for t, components in runs for c in components]
    for which, components in runs:
        there = sorted(
            (d for d in loan.dues if d.open and not d.early and timing(loan, d, day) == which and d.component in components),
            key=lambda d: (d.due_date, d.no < 0, abs(d.no), components.index(d.component)),
        )  # fmt: skip
        for due in there:
            part = min(amount, due.open)
            due.paid += part
            amount -= part
            if due.component == "principal":
                loan.principal -= part
    return amount


def _stand(loan: Loan, k: int, interest: int, principal: int) -> None:
    """Money that stands with instalment k."""
    held = loan.ahead.setdefault(k, [0, 0])
    held[0] += interest
    held[1] += principal
    loan.principal -= principal


def _off_the_balance(loan: Loan, amount: int) -> None:
    """Principal that no instalment asked: the balance is lower from the day on."""
    loan.principal -= amount
    loan.planned -= min(amount, loan.planned)


def _fill(loan: Loan, k: int, amount: int, excess: str) -> int:
    """Principal of instalment k, up to the level instalment, or of the last one, which asks all that is left;
    what is left."""
    held, room = loan.ahead.get(k, [0, 0]), loan.unbilled
    schedule = loan.rules.product.schedule
    if k <= schedule.grace_principal and k < loan.plan.last:
        room = 0  # interest alone is asked
    elif schedule.amortisation == "equal_principal":
        room = min(room, loan.emi - held[1])
    elif schedule.amortisation == "equal_instalment" and (
        k < loan.plan.last or excess != "next_instalment"
    ):
        room = min(room, loan.plan.asked(k, loan.level(k)) - sum(held))
    room = max(0, room)
    part = min(amount, room)
    _stand(loan, k, 0, part)
    return amount - part


def _meet_early(loan: Loan, k: int, amount: int) -> int:
    """What instalment k asks already, before it is billed; what is left."""
    for due in (d for d in loan.dues if d.early and d.no == k):
        part = min(amount, due.open)
        due.paid += part
        loan.principal -= part if due.component == "principal" else 0
        amount -= part
    return amount


def _charges(loan: Loan, k: int, amount: int, order: list[str], before: str) -> int:
    """What was charged and stands with instalment k, as far as the waterfall has it before a component;
    what is left."""
    for component in order[: order.index(before)]:
        if component not in ("interest", "principal"):
            amount = _charge(loan, k, amount, component)
    return amount


def _charge(loan: Loan, k: int, amount: int, component: str) -> int:
    for due in loan.dues:
        if (due.no, due.component) == (k, component):
            part = min(amount, due.open)
            due.paid += part
            amount -= part
    return amount


def _advance_daily(loan: Loan, amount: int, excess: str, order: list[str]) -> int:
    """To instalments to come: the interest accrued to the day, then principal; before either the charges
    that stand with them, where the waterfall says so."""
    last = loan.plan.last
    if excess in ("last_instalment", "spread") and not loan.matured:
        count = last - loan.next + 1
        each = rounded(Fraction(amount, count)) if excess == "spread" else 0
        for k in (
            range(loan.next, last + 1) if excess == "spread" else range(last, loan.next - 1, -1)
        ):
            part = min(loan.unbilled, amount, each if k < last else amount)
            if excess == "spread":
                _stand(loan, k, 0, part)
                amount -= part
            else:
                amount = _fill(loan, k, _charges(loan, k, amount, order, "principal"), excess)
        level = loan.rules.product.schedule.amortisation == "equal_instalment"
        part = min(loan.unbilled, amount) if loan.emi or level else 0
        if level:
            _stand(loan, last, 0, part)  # beyond what each asks: the last one asks all that is left
        else:
            _off_the_balance(loan, part)
        amount -= part
    if loan.rules.product.interest.interest_due_at == "payment_date":
        loan.earned = Fraction(loan.fresh)
    k = loan.next
    amount = _charges(loan, k, amount, order, "interest") if not loan.matured else amount
    interest = min(amount, max(0, loan.accrued - loan.in_parts))
    _stand(loan, k, interest, 0)
    amount -= interest
    while amount and k <= last:
        amount = _charges(loan, k, amount, order, "principal")
        amount = _fill(loan, k, _meet_early(loan, k, amount), excess)
        k += 1
        if excess == "next_then_principal":
            part = min(amount, loan.unbilled)
            _off_the_balance(loan, part)
            amount -= part
        elif excess == "next_then_last":
            k = last
    part = min(amount, loan.unbilled)  # beyond what instalments to come ask
    _off_the_balance(loan, part)
    return amount - part


def _advance_scheduled(loan: Loan, amount: int, excess: str, order: list[str]) -> int:
    """To instalments to come, the next first or the last first: component by component as the waterfall
    has them."""
    to_come = sorted((k for k in loan.rows if k >= loan.next), reverse=excess == "last_instalment")
    for k in to_come:
        for component in order:
            if component not in ("interest", "principal"):
                amount = _charge(loan, k, amount, component)
                continue
            held = loan.ahead.setdefault(k, [0, 0])
            place = 0 if component == "interest" else 1
            asks = loan.rows[k].interest if place == 0 else loan.rows[k].principal
            part = min(amount, asks - held[place])
            _stand(loan, k, *((part, 0) if place == 0 else (0, part)))
            amount -= part
    return amount
