"""Facts of a loan that a case tells one by one: its charges, whether and when it ended, new accruals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from loanbook.core.catalogue.codes import Kind, Status
from loanbook.core.catalogue.components import Component
from tests.conformance.accruals import END_OF_DAY, rows_of
from tests.conformance.fineract import minor
from tests.conformance.mapping import fees_at_disbursement
from tests.conformance.steps import Step
from tests.conformance.transactions import Transactions

Found = list[str]
ACCRUED = ("Accrual", "Accrual Adjustment")


def differences(shown: Transactions, check: dict[str, Any]) -> Found:
    """Differences of the facts that a check tells."""
    return [
        line
        for name, of in FACTS.items()
        if name in check
        for line in of(shown, check[name], check)
    ]


def _met(shown: Transactions, theirs: Any, check: dict[str, Any]) -> Found:
    """Whether nothing is left of any instalment."""
    ours = not any(r.get("outstanding") for r in shown.rows() if r["kind"] == "installment")
    return [] if ours == theirs else [f"all instalments met {ours}, expected {theirs}"]


def _charged_off(shown: Transactions, theirs: Any, check: dict[str, Any]) -> Found:
    ours = bool(shown.position and shown.position["charged_off_on"])
    return [] if ours == theirs else [f"charged off {ours}, expected {theirs}"]


def _charged_off_on(shown: Transactions, theirs: Any, check: dict[str, Any]) -> Found:
    days = [s.date.isoformat() for s, _ in shown.events if s.kind is Kind.charge_off]
    ours = max(days, default=None)
    return [] if ours == theirs else [f"charged off on {ours}, expected {theirs}"]


def _closed_on(shown: Transactions, theirs: Any, check: dict[str, Any]) -> Found:
    ended = shown.position and shown.position["status"] in (Status.closed, Status.written_off)
    days = [day.isoformat() for day in shown.ended_on()]
    ours = days[-1] if ended and days else None
    return [] if ours == theirs else [f"closed on {ours}, expected {theirs}"]


def _new_accruals(shown: Transactions, theirs: Any, check: dict[str, Any]) -> Found:
    """Rows of accruals that were made since a check told of them last."""
    told_by = [c["after_step"] for c in shown.life.case["checks"] if c["loan"] == check["loan"]
               and "new_accruals" in c and c["after_step"] < check["after_step"]]  # fmt: skip
    last = max(told_by, default=-1)
    rows = [r for r in rows_of(shown) if r["type"] in ACCRUED and r["i"] > last]
    mine = sorted(rows, key=lambda r: (r["date"], r["type"]))
    told = sorted(theirs, key=lambda r: (r["date"], r["type"]))
    if len(mine) != len(told):
        return [f"{len(mine)} new accruals, expected {len(told)}"]
    return shown.compared(mine, told)


def _reverted(shown: Transactions, theirs: Any, check: dict[str, Any]) -> Found:
    """Whether transactions of a type, on a date where one is told, were taken back."""
    rows = shown._all(accruals=True, gone={each["type"] for each in theirs})
    found = []
    for each in theirs:
        date, taken = each.get("date"), each["reverted"]
        same = (r["type"] == each["type"] and r["reverted"] == taken
                and date in (None, r["date"].isoformat()) for r in rows)  # fmt: skip
        if not any(same):
            found.append(f"no {each['type']} {date} that is {'' if taken else 'not '}taken back")
    return found


# --- charges ---------------------------------------------------------------------------


def _charges(shown: Transactions, theirs: Any, check: dict[str, Any]) -> Found:
    """Every charge with what was asked, paid, waived and is left of it."""
    mine = sorted((_told(shown, each) for each in _own(shown)), key=str)
    told = sorted((_of_case(shown, each) for each in theirs), key=str)
    return [] if mine == told else [f"charges {mine}, expected {told}"]


def _present(shown: Transactions, theirs: Any, check: dict[str, Any]) -> Found:
    """Some of the charges."""
    mine = [_told(shown, each) for each in _own(shown)]
    told = [_of_case(shown, each) for each in theirs]
    return [f"no charge {each}, of {mine}" for each in told if each not in mine]


Charge = dict[str, Any]


def _told(shown: Transactions, each: Charge) -> tuple[Any, ...]:
    amounts = (
        each["due"],
        each["paid"],
        each["waived"],
        each["due"] - each["paid"] - each["waived"],
    )
    return (each["penalty"], each["on"], *(str(shown.major(a)) for a in amounts))


def _of_case(shown: Transactions, each: dict[str, Any]) -> tuple[Any, ...]:
    names = ("due", "paid", "waived", "outstanding")
    amounts = [minor(each[name] or "0", shown.decimals) for name in names]
    return (each["is_penalty"], each.get("due_as_of"), *(str(shown.major(a)) for a in amounts))


def _own(shown: Transactions) -> list[Charge]:
    """Charges of a loan: money for an instalment's charges meets those of it one after the other."""
    found: list[Charge] = []
    asked = [s for s, _ in shown.events if s.kind is Kind.charge_assessed]
    for component in (Component.fee, Component.penalty):
        own = [s for s in asked if s.body["component"] == component.value]
        found += _met_in_turn(
            shown, component, sorted(own, key=lambda s: (s.body["due_date"], s.i))
        )
    return _with_instalments(found) + _at_payout(shown)


def _met_in_turn(shown: Transactions, component: Component, charges: list[Step]) -> list[Charge]:
    nights = {s["i"] for s in shown.life.case["steps"] if s["type"] in END_OF_DAY}
    waived = {s.target: shown_amount(shown, event) for s, event in shown.events
              if s.kind is Kind.charge_waived}  # fmt: skip
    made = [
        {"of": (s.i, s.of, s.percent, None if s.of else s.amount), "each": s.nth > 0 and s.i not in nights,
         "penalty": component is Component.penalty, "due": s.amount or 0, "paid": 0,
         "waived": waived.get(s.i, 0), "on": s.body["due_date"]} for s in charges
    ]  # fmt: skip
    rows = sorted(
        (r for r in shown.dues.to_dicts() if r["component"] == component.value),
        key=lambda r: r["due"],
    )
    waiting = list(made)
    for row in rows:
        room, left, here = row["amount"], row["paid"], []
        while waiting and room >= waiting[0]["due"] > 0:
            here.append(waiting.pop(0))
            room -= here[-1]["due"]
        left -= sum(each["waived"] for each in here)
        for each in here:
            each["paid"] = max(min(each["due"] - each["waived"], left), 0)
            left -= each["paid"]
    return made


def shown_amount(shown: Transactions, event: int) -> int:
    """What the movements of an event come to."""
    return int(shown.moved.filter(shown.moved["event_id"] == event)["amount"].sum())


def _with_instalments(charges: list[Charge]) -> list[Charge]:
    """A charge on every instalment as one."""
    found: list[Charge] = []
    as_one: dict[tuple[Any, ...], Charge] = {}
    for each in charges:
        key = (each["of"], each["penalty"])
        if not each["each"]:
            found.append(each)
        elif key in as_one:
            for name in ("due", "paid", "waived"):
                as_one[key][name] += each[name]
        else:
            as_one[key] = each | {"on": None}
    return [*found, *as_one.values()]


def _at_payout(shown: Transactions) -> list[Charge]:
    """Charges that payouts bear; of those that are planned the first one's alone is listed."""
    fees = fees_at_disbursement(shown.life.case, shown.life.loan)
    found = []
    for step, event in shown.events:
        cost = shown._fee(event) if fees and step.kind is Kind.disbursed else 0
        if cost and not (found and shown.life.planned):
            each = fees[0]["time"] == "TRANCHE_DISBURSEMENT"
            paid = 0 if shown.life.planned else cost
            found.append({"penalty": False, "on": step.date.isoformat() if each else None, "due": cost,
                          "paid": paid, "waived": 0})  # fmt: skip
    return found


FACTS: dict[str, Callable[[Transactions, Any, dict[str, Any]], Found]] = {
    "all_installments_met": _met, "charged_off": _charged_off, "charged_off_on": _charged_off_on,
    "closed_on": _closed_on, "charges": _charges, "charge_present": _present,
    "new_accruals": _new_accruals, "reverted_flag": _reverted,
}  # fmt: skip
"""Facts by the name of the check that tells them."""
