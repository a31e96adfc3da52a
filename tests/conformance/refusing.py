"""Orders that a case says must be refused, judged by the table that intake judges orders by."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import MONEY_IN, REVERSIBLE, InterestMode, Kind
from loanbook.core.contract.figures import Amortisation
from loanbook.core.servicing.orders.allowed import COLUMNS, broken_rule
from loanbook.core.servicing.orders.beside import OTHERS, with_others
from loanbook.core.servicing.orders.what_is_left import beyond_what_is_left
from tests.conformance.batch import Life, Seen
from tests.conformance.fineract import UNITS, _first_due, minor
from tests.conformance.mapping import date_of
from tests.conformance.products import bound_to_plan, plan_of, rate_of, recalculated
from tests.conformance.steps import Step


def rule_of(order: Step, life: Life, seen: Seen) -> str | None:
    """The rule that an order breaks on the loan as it stood before it."""
    if order.kind is Kind.limit_changed:
        least = _lent(life) + sum(_planned(life.case, life.loan, life.after))
        if order.body.get("beside"):  # beside what is lent: no more than was applied for
            most = applied_for(life.case["loans"][life.loan - 1])
            return "more_than_may_be_lent" if least + (order.amount or 0) > most else None
        return "below_what_was_lent" if (order.amount or 0) < least else None
    if order.kind is Kind.interest_refunded:
        return _unasked(order, life)
    if order.kind is Kind.payment_received and order.date > order.submitted:
        return "payment_in_the_future"  # a rule of payment files, not of orders
    if order.kind is Kind.reversal:
        if not order.body["of"]:
            return "unknown_target"
        kind = Kind[order.body["of"]]
        if any(s.kind is Kind.chargeback and s.target == order.target for s in life.steps):
            return "payment_was_charged_back"
        if kind in _FAMILY and _net(kind, life) < order.body["amount"]:
            return "fee_was_adjusted_since"
        return None if kind in REVERSIBLE else "unknown_target"
    terms = life.case["loans"][life.loan - 1]
    position = seen.positions.get(life.loan_id, {})
    due = order.body.get("due_date") or order.body.get("end")
    money = [
        s.date
        for s in life.steps
        if s.kind in (*MONEY_IN, Kind.charge_assessed, Kind.charge_waived)
    ]
    kind = Amortisation.flat if terms["interest_type"] == "FLAT" else Amortisation.equal_instalment
    mode = InterestMode.daily if recalculated(terms) else InterestMode.scheduled
    row = {
        "kind": order.kind.value, "value_date": order.date, "amount": order.amount,
        "rate_ppb": order.body.get("rate_ppb"), "due_date": date_of(due) if due else None,
        "status": None if life.planned else position.get("status"),
        "credit": position.get("credit", 0),
        "disbursed_on": min(s.date for s in life.steps if s.kind is Kind.disbursed),
        "last_money": max(money, default=None), "amortisation": kind.value,
        "materialised": mode is InterestMode.scheduled, "interest_mode": mode.value, "highest_ppb": 10**12,
        "starts": date_of(order.body["start"]) if "start" in order.body else None,
        "rate_now": int(Decimal(rate_of(terms)) * 10**7),
        "moratorium_left": None,
        "accelerated_on": max((s.date for s in life.steps if s.kind is Kind.contract_accelerated), default=None), "instalment_no": _next_on(date_of(order.body.get("from_date") or order.date.isoformat()), life),
        "instalments_agreed": int(terms["number_of_repayments"]),
    }  # fmt: skip
    row |= {
        "lent": _lent(life),
        "limit": _limit(life),
        "capitalised": _net(Kind.fee_capitalised, life),
        "bought_down": _net(Kind.rate_bought_down, life),
    }
    broken = broken_rule(_beside(pl.DataFrame([row], schema=COLUMNS), life)).item()
    return broken or _beyond_what_is_left(order, life)


def _beyond_what_is_left(order: Step, life: Life) -> str | None:
    """The rule of an order that takes more of a charge, a payment or what was paid out than is left of it."""
    charges = {s.i: _charge_of(s, life) for s in (*life.steps, order)}
    told: list[dict[str, Any]] = [
        {"line": None if s is not order else 0, "idempotency_key": str(s.i), "loan_id": 1, "kind": s.kind.value,
         "amount": s.amount, "charge": charges.get(s.target if s.kind is Kind.charge_waived else s.i),
         "charged_back": str(s.target) if s.kind is Kind.chargeback and s.target is not None else None,
         "reverses": None}
        for s in (*life.steps, order)
    ]  # fmt: skip
    both = pl.DataFrame(told, schema=_LEFT)
    found = beyond_what_is_left(both.tail(1), both.head(-1).drop("line"))
    return found["rule"].item() if found.height else None


_LEFT = {"line": pl.Int64, "idempotency_key": pl.String, "loan_id": pl.Int64, "kind": pl.Int8, "amount": pl.Int64,
         "charge": pl.String, "charged_back": pl.String, "reverses": pl.String}  # fmt: skip


def _charge_of(step: Step, life: Life) -> str | None:
    """The charge that a step asks or gives back, as the suite names it: its code and date."""
    told = next((s for s in life.case["steps"] if s["i"] == step.i), {})
    charge = told.get("charge")
    if step.kind is Kind.charge_adjusted:
        return f"{charge}/{told.get('charge_due_date')}"
    return f"{charge['code']}/{told.get('due_date')}" if isinstance(charge, dict) else None


def _beside(order: pl.DataFrame, life: Life) -> pl.DataFrame:
    """The order with what the events that its loan knows by then change of what the rules read."""
    none = {"amount": None, "start": None, "end": None}
    others = [none | _span(s) | {"loan_id": 1, "kind": s.kind.value, "value_date": s.date,
              "source_ref": str(s.i), "waits": False, "place": -1} for s in life.steps]  # fmt: skip
    one = order.drop("rival", "pause_beside", "withdrawn", "paid_out").with_columns(
        line=pl.lit(0, pl.Int64), loan_id=pl.lit(1, pl.Int64), command_ref=pl.lit(""),
        agreed=pl.lit(None, pl.Int64),
    )  # fmt: skip
    return with_others(one, pl.DataFrame(others, schema=OTHERS))


def _span(step: Step) -> dict[str, dt.date]:
    """Days of a pause of interest."""
    rests = step.kind is Kind.interest_paused
    return {name: date_of(step.body[name]) for name in ("start", "end")} if rests else {}


def _next_on(date: dt.date, life: Life) -> int | None:
    """Number of the instalment that is billed next on a date, as the contract was agreed."""
    if life.planned:
        return None
    terms = life.case["loans"][life.loan - 1]
    first = min(s.date for s in life.steps if s.kind is Kind.disbursed)
    unit, every = UNITS[terms["repayment_frequency_type"]], int(terms["repayment_every"])
    number = 1
    while _first_due(first, unit, every * number) <= date:
        number += 1
    return number


def _unasked(order: Step, life: Life) -> str | None:
    """Interest is refunded once, on a refund."""
    kinds = {"MERCHANT_ISSUED_REFUND": Kind.merchant_refund, "PAYOUT_REFUND": Kind.payout_refund}
    on = [s.kind for s in life.steps if s.date == order.date]
    if kinds.get(order.body["of"]) not in on:
        return "unknown_target"
    return "interest_is_refunded" if Kind.interest_refunded in on else None


def _lent(life: Life) -> int:
    """What was lent, with fees that joined the principal."""
    lent = (Kind.disbursed, Kind.fee_capitalised)
    return sum(s.amount or 0 for s in life.steps if s.kind in lent and not life.planned)


_FAMILY = {Kind.fee_capitalised: Kind.capitalised_fee_adjusted,
           Kind.rate_bought_down: Kind.buy_down_adjusted}  # fmt: skip


def _net(kind: Kind, life: Life) -> int:
    """Fees of a kind, less what was given back of them."""
    signs = {kind: 1, _FAMILY[kind]: -1}
    return sum((s.amount or 0) * signs.get(s.kind, 0) for s in life.steps)


def _limit(life: Life) -> int:
    """How much may be lent: what was approved or applied for, and where payouts are bound to a
    plan, no more than it leaves: a payout takes the place of the next planned one."""
    most = at_most(life.case, life.loan, life.after)
    if not bound_to_plan(life.case["loans"][life.loan - 1]):
        return most
    plan = [amount for _, amount in plan_of(life.case, life.loan, life.after)]
    out = [] if life.planned else [s.amount or 0 for s in life.steps if s.kind is Kind.disbursed]
    return most - sum(plan[len(out) + 1 :]) if len(out) < len(plan) else sum(out)


def applied_for(terms: dict[str, Any]) -> int:
    """What was applied for and what may be over it."""
    over, decimals = terms.get("over_applied"), int(terms["currency_decimals"])
    applied = minor(terms["principal"], decimals)
    if not over:
        return applied
    more = Decimal(str(over["number"]))
    return applied + (
        minor(more, decimals) if over["type"] == "FLAT" else int(applied * more / 100)
    )


def at_most(case: dict[str, Any], loan: int, after: int) -> int:
    """What was approved, or what was applied for and what may be over it."""
    terms = case["loans"][loan - 1]
    decimals, most = int(terms["currency_decimals"]), applied_for(case["loans"][loan - 1])
    if terms.get("over_applied"):
        return most
    for s in case["steps"]:
        if s.get("loan") != loan or s["i"] > after or s.get("expect") == "rejected":
            continue
        if s["type"] in ("approve", "update_approved_amount"):
            most = minor(s["amount"], decimals)
        if s["type"] == "update_available_disbursement_amount":  # beside what is lent and planned
            out = [e["amount"] for e in case["steps"]
                   if e["type"] == "disburse" and e["loan"] == loan and e["i"] < s["i"]
                   and e.get("expect") != "rejected"]  # fmt: skip
            most = sum(minor(x, decimals) for x in (*out, s["amount"]))
            most += sum(_planned(case, loan, s["i"]))
    return most


def _planned(case: dict[str, Any], loan: int, after: int) -> list[int]:
    """Tranches that are still to come of a loan that is paid out by a plan alone."""
    if not bound_to_plan(case["loans"][loan - 1]):
        return []
    out = sum(s["type"] == "disburse" and s["loan"] == loan and s["i"] <= after
              and s.get("expect") != "rejected" for s in case["steps"])  # fmt: skip
    return [amount for _, amount in plan_of(case, loan, after)][out:]
