"""Steps of a case as loanbook's events; NotMappedError names what is none."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from loanbook.core.catalogue.codes import MONEY_IN, REFUNDS, Kind
from loanbook.core.catalogue.components import Component
from loanbook.core.contract.dates.due_dates import Unit
from tests.conformance import fineract
from tests.conformance.fineract import NotMappedError
from tests.conformance.names import NAMES
from tests.conformance.steps import (
    CLOCK,
    KINDS,
    PARTS,
    PREVIEWS,
    RESPREADS,
    TYPE,
    UNDOES,
    Mapped,
    Step,
)


def mapped(case: dict[str, Any]) -> Mapped:
    """A case as loanbook has it; NotMappedError if a step of it is no event here."""
    found = Mapped()
    for s in case["steps"]:
        if s["type"] in PREVIEWS and s.get("expect") == "rejected":  # refused as what it previews
            s = s | {"type": PREVIEWS[s["type"]]}  # noqa: PLW2901
        kind = s["type"]
        if kind in ("cob_loan", "cob_all", "cob_catch_up"):
            found.steps += _overdue_charges(s, case, found)
        if kind in CLOCK and s.get("expect") != "rejected":
            continue
        if kind == "charge_add" and s["charge"]["time"].endswith("DISBURSEMENT"):
            continue  # an origination fee
        if kind == "charge_add" and s["charge"]["time"] == "INSTALLMENT":
            made = _instalment_charges(s, case["loans"][s["loan"] - 1], found)
            found.steps += made
            if not made:  # before the payout
                found.waiting.append(s)
            continue
        if s.get("expect") == "rejected":
            found.refused.append(_refused(s, case, found))
        elif kind == "reverse":
            _reverse(s, found)
        elif kind == "adjust":  # a payment taken back, and another in its place
            found.steps += _adjusted(s, case["loans"][s["loan"] - 1], found)
        elif kind in ("undo_last_disbursal", "undo_disbursal"):
            _undo(s, found)
        elif kind == "charge_waive":
            found.steps.append(_waiver(s, found))
        elif kind in ("interest_pause_update", "interest_pause_delete"):
            found.reversals[_last(s, found, Kind.interest_paused)] = s["i"]
            if kind.endswith("update"):
                found.steps += _events(s | {"type": "interest_pause"}, case["loans"][s["loan"] - 1])
        elif kind in UNDOES:
            found.reversals[_last(s, found, UNDOES[kind])] = s["i"]
        else:
            found.steps += _events(s, case["loans"][s["loan"] - 1])
        if kind == "reschedule":
            _by_instalments(s, case["loans"][s["loan"] - 1], found)
        first = kind == "disburse" and sum(
            e.kind is Kind.disbursed and e.loan == s["loan"] for e in found.steps
        ) == 1  # fmt: skip
        if (
            kind == "disburse"
            and not first
            and (s.get("fixed_emi") or s.get("first_repayment_date"))
        ):
            raise NotMappedError("terms given with a later payout")
        if first:
            for each in (s, *(w for w in found.waiting if w["loan"] == s["loan"])):
                found.steps += _instalment_charges(each, case["loans"][s["loan"] - 1], found)
    _waived_before_what_came_since(found)
    for s in case["steps"]:
        if s["type"] == "interest_refund_manual" and s.get("expect") != "rejected":
            _of_its_refund(s, found)
    return found


def _of_its_refund(s: dict[str, Any], found: Mapped) -> None:
    """Name the refund that interest refunded by hand is of, where it is known."""
    kind = KINDS[s["for_type"].lower()]
    refunds = [e for e in found.steps if e.kind is kind and e.loan == s["loan"]
               and e.date == date_of(s["for_date"]) and e.i < s["i"]]  # fmt: skip
    nth = int(s.get("for_nth") or 1)
    for e in found.steps:
        if e.i == s["i"] and nth <= len(refunds):
            e.target = refunds[nth - 1].i


def _waived_before_what_came_since(found: Mapped) -> None:
    """Money that is told of after a waiver finds the charge waived, whatever its own date; what was told
    before it met the charge as it stood."""
    for waiver in found.steps:
        if waiver.kind is not Kind.charge_waived:
            continue
        money = [e for e in found.steps if e.kind in MONEY_IN and e.loan == waiver.loan]
        stood = [e.date for e in money if e.i < waiver.i]
        stood += [e.date for e in found.steps if e.i == waiver.target]
        since = [e.date for e in money if e.i > waiver.i]
        waiver.listed = waiver.date
        waiver.date = min(waiver.date, max([min(since, default=waiver.date), *stood]))


def applied_charges(terms: dict[str, Any]) -> list[dict[str, Any]]:
    """Charges that an application has of its own or of its product."""
    own = list(terms.get("charges") or [])
    return own + [c for c in terms.get("product_charges") or [] if c not in own]


def _instalment_charges(s: dict[str, Any], terms: dict[str, Any], found: Mapped) -> list[Step]:
    """A flat charge on every instalment: as many charges, due when they are."""
    given = [s["charge"] | {"amount": s.get("amount") or s["charge"]["amount"]}] if (
        s["type"] == "charge_add") else applied_charges(terms)  # fmt: skip
    given = [c for c in given if c["time"] == "INSTALLMENT"]
    outs = [e.date for e in found.steps if e.kind is Kind.disbursed and e.loan == s["loan"]]
    if not given or not outs:
        return []
    decimals, today = int(terms["currency_decimals"]), date_of(s["business_date"])
    unit, every = fineract.UNITS[terms["repayment_frequency_type"]], int(terms["repayment_every"])
    made = []
    for charge in given:
        flat = charge["calculation"] == "FLAT"
        if not flat and charge["calculation"] not in PARTS:
            raise NotMappedError(f"charge INSTALLMENT {charge['calculation']}")
        amount = fineract.minor(charge["amount"], decimals) if flat else None
        percent = None if flat else Decimal(charge["amount"])
        component = Component.penalty if charge["penalty"] else Component.fee
        for n in range(1, int(terms["number_of_repayments"]) + 1):
            due = fineract._first_due(min(outs), unit, every * n)
            body = {"component": component.value, "due_date": due.isoformat()}
            made.append(
                Step(
                    s["i"],
                    Kind.charge_assessed,
                    s["loan"],
                    min(outs),
                    amount,
                    today,
                    body,
                    percent=percent,
                    of="" if flat else charge["calculation"],
                    nth=n,
                )  # fmt: skip
            )
    return made


def _overdue_charges(s: dict[str, Any], case: dict[str, Any], found: Mapped) -> list[Step]:
    """Charges that the end of a day asks once on each instalment that is overdue by then."""
    made = []
    for loan, terms in enumerate(case["loans"], start=1):
        asked = [c for c in applied_charges(terms) if c["time"] == "OVERDUE_INSTALLMENT"]
        mine = [e for e in found.steps if e.loan == loan]
        outs = [e.date for e in mine if e.kind is Kind.disbursed]
        if not asked or not outs or s.get("loan", loan) != loan:
            continue
        if len(mine) > len(outs) + sum(e.nth > 0 for e in mine):
            raise NotMappedError("charges on overdue instalments beside other events")
        unit, every = (
            fineract.UNITS[terms["repayment_frequency_type"]],
            int(terms["repayment_every"]),
        )
        today, decimals = date_of(s["business_date"]), int(terms["currency_decimals"])
        for charge in asked:
            flat = charge["calculation"] == "FLAT"
            for n in range(1, int(terms["number_of_repayments"]) + 1):
                due = fineract._first_due(min(outs), unit, every * n)
                if due >= today or any(e.nth == n for e in mine):
                    continue
                component = Component.penalty if charge["penalty"] else Component.fee
                body = {"component": component.value, "due_date": due.isoformat()}
                made.append(Step(
                    s["i"], Kind.charge_assessed, loan, today,
                    fineract.minor(charge["amount"], decimals) if flat else None, today, body,
                    percent=None if flat else Decimal(charge["amount"]),
                    of="" if flat else charge["calculation"], nth=n,
                ))  # fmt: skip
    return made


def _reverse(s: dict[str, Any], found: Mapped) -> None:
    """Take an event back; a refund with the interest that was refunded on it."""
    n = _target(s, found)
    found.reversals[n] = s["i"]
    taken = found.steps[n]
    for k, e in enumerate(found.steps):
        named = KINDS.get(str(e.body.get("of")).lower()) is taken.kind and e.date == taken.date
        with_it = e.i == taken.i or (named and e.loan == taken.loan)
        if taken.kind in REFUNDS and e.kind is Kind.interest_refunded and with_it:
            found.reversals.setdefault(k, s["i"])


def _target(s: dict[str, Any], found: Mapped) -> int:
    """Index of the event that a step reverses."""
    target = s["target"]
    nth = [n for n, e in enumerate(found.steps) if f"nth_{TYPE.get(e.kind)}" == target.get("rule")]
    if "step" not in target and len(nth) >= target.get("nth", 1) > 0:
        return nth[target["nth"] - 1]
    for n, e in enumerate(found.steps):
        same = e.i == target.get("step") and bool(e.implicit) == bool(target.get("implicit"))
        if same and n not in found.reversals:
            return n
    if "step" not in target and not target.get("implicit"):
        return _by_rule(s, target, found)
    raise NotMappedError("reversal of something that is no event here")


def _by_rule(s: dict[str, Any], target: dict[str, Any], found: Mapped) -> int:
    """What a rule names that was not resolved: by its date, its type and its amount, or the last."""
    rule, on = target["rule"], target.get("date") or s.get("target_date")
    kinds = {k for k in NAMES if k.name in rule or NAMES[k].lower().replace(" ", "_") in rule
             or NAMES[k] == target.get("type")}  # fmt: skip
    hits = [
        n for n, e in enumerate(found.steps)
        if e.loan == s["loan"] and n not in found.reversals and e.kind in NAMES
        and (not on or e.date.isoformat() == on) and (not kinds or e.kind in kinds)
        and (not s.get("target_amount") or e.amount == fineract.minor(s["target_amount"], 2))
    ]  # fmt: skip
    nth = 0 if rule.startswith("last") else int(target.get("nth", 1))
    if not kinds and not rule.startswith(("nth_transaction", "last_transaction")):
        raise NotMappedError(f"reversal by the rule {rule}")
    if len(hits) < max(nth, 1):
        raise NotMappedError("reversal of something that is no event here")
    return hits[nth - 1]


def _adjusted(s: dict[str, Any], terms: dict[str, Any], found: Mapped) -> list[Step]:
    """The new payment of a step that alters one; the old one is reversed."""
    n = _target(s, found)
    found.reversals[n] = s["i"]
    if Decimal(s["amount"]) == 0:
        return []
    old, on = found.steps[n], date_of(s.get("date") or s["business_date"])
    amount = fineract.minor(s["amount"], int(terms["currency_decimals"]))
    return [Step(s["i"], old.kind, s["loan"], on, amount, date_of(s["business_date"]), old.body)]


def _waiver(s: dict[str, Any], found: Mapped) -> Step:
    """What is unpaid of the last charge is forgiven; of several that fall due on its day, of the first."""
    if s.get("target") != "last_added_charge":
        raise NotMappedError("waiver of another charge than the last")
    last = found.steps[_last(s, found, Kind.charge_assessed)]
    due, waived = (
        last.body["due_date"],
        {e.target for e in found.steps if e.kind is Kind.charge_waived},
    )
    given = next(
        e for n, e in enumerate(found.steps)
        if e.kind is last.kind and e.loan == last.loan and e.body["due_date"] == due
        and n not in found.reversals and (e is last or e.i not in waived)
    )  # fmt: skip
    today = date_of(s["business_date"])
    on = min(today, date_of(given.body["due_date"]))
    return Step(s["i"], Kind.charge_waived, s["loan"], on, given.amount, today, given.body,
                percent=given.percent, of=given.of, nth=given.nth, target=given.i)  # fmt: skip


def _last(s: dict[str, Any], found: Mapped, kind: Kind) -> int:
    """Index of the last event of a kind that stands."""
    for n, e in reversed(list(enumerate(found.steps))):
        if e.kind is kind and e.loan == s["loan"] and n not in found.reversals:
            return n
    raise NotMappedError("reversal of something that is no event here")


def _by_instalments(s: dict[str, Any], terms: dict[str, Any], found: Mapped) -> None:
    """Flat interest is an instalment's: another rate is in force from the due date before the first
    instalment that it is of."""
    if terms["interest_type"] != "FLAT" or fineract.by_days(terms):
        return
    out = min(
        (e.date for e in found.steps if e.kind is Kind.disbursed and e.loan == s["loan"]),
        default=None,
    )
    unit, every = fineract.UNITS[terms["repayment_frequency_type"]], int(terms["repayment_every"])
    for e in found.steps:
        if out is None or e.i != s["i"] or e.kind is not Kind.rate_changed:
            continue
        start, n, due = date_of(s["from_date"]), 0, out
        while (later := fineract._first_due(out, unit, every * (n + 1))) < start:
            due, n = later, n + 1
        e.body["from_date"], e.date = due.isoformat(), min(e.date, due)


def _respread(s: dict[str, Any], terms: dict[str, Any]) -> Step:
    """A re-age or re-amortisation that spreads at a level instalment."""
    from tests.conformance.products import recalculated

    handling = s.get("interest_handling") or "DEFAULT"
    spread = {"EQUAL_AMORTIZATION_FULL_INTEREST": "full",
              "EQUAL_AMORTIZATION_PAYABLE_INTEREST": "payable"}.get(handling)  # fmt: skip
    if s["type"] == "reamortize":
        spread = {"EQUAL_AMORTIZATION_INTEREST_SPLIT": "split"}.get(handling)
    known = handling == "DEFAULT" or spread
    if not known and recalculated(terms) and s.get("expect") != "rejected":
        raise NotMappedError(f"{s['type']} {handling}")
    today = date_of(s["business_date"])
    on = date_of(s["date"]) if s.get("date") else today
    body: dict[str, Any] = {"rate_ppb": None, "keep": "term", "instalments": None,
                            "due_date": None, "from_date": None, "interest": spread}  # fmt: skip
    if s["type"] == "reage":
        on = min(on, date_of(s["start_date"]))
        years = s["frequency_type"] == "YEARS"
        unit = Unit.months if years else fineract.UNITS[s["frequency_type"]]
        body = {"instalments": s["number_of_installments"], "due_date": s["start_date"],
                "every": s["frequency_number"] * (12 if years else 1), "unit": unit.value,
                "interest": spread}  # fmt: skip
    return Step(s["i"], RESPREADS[s["type"]], s["loan"], on, None, today, body)


def _undo(s: dict[str, Any], found: Mapped) -> None:
    """Take back the last payout with the money since; undoing all takes all but charges with it."""
    outs = [e for n, e in enumerate(found.steps)
            if e.kind is Kind.disbursed and e.loan == s["loan"] and n not in found.reversals]  # fmt: skip
    if not outs:
        raise NotMappedError("undo of a payout that was not made")
    for n, e in enumerate(found.steps):
        every = s["type"] == "undo_disbursal" and e.kind is not Kind.charge_assessed
        mine = e.loan == s["loan"] and n not in found.reversals
        since = e.i == outs[-1].i or (e.i > outs[-1].i and e.kind in MONEY_IN)
        if mine and (every or since):
            found.reversals[n], e.undone = s["i"], True


def _refused(s: dict[str, Any], case: dict[str, Any], found: Mapped) -> Step:
    """The order that a step which must be refused gives."""
    if s["type"] == "reverse":
        today = date_of(s["business_date"])
        gone = {found.steps[n].i for n in found.reversals}
        if (s["target"] or {}).get("step") in gone:  # it was taken back before
            body = {"of": "", "amount": 0}
            return Step(s["i"], Kind.reversal, s["loan"], today, None, today, body)
        target = found.steps[_target(s, found)]
        body = {"of": target.kind.name, "amount": target.amount or 0}
        return Step(s["i"], Kind.reversal, s["loan"], today, None, today, body, target=target.i)
    if s["type"] in UNDOES:
        today, kind = date_of(s["business_date"]), UNDOES[s["type"]]
        stands = any(e.kind is kind and e.loan == s["loan"] and n not in found.reversals
                     for n, e in enumerate(found.steps))  # fmt: skip
        body = {"of": kind.name if stands else "", "amount": 0}
        return Step(s["i"], Kind.reversal, s["loan"], today, None, today, body)
    if s["type"] in ("update_approved_amount", "update_available_disbursement_amount"):
        terms, today = case["loans"][s["loan"] - 1], date_of(s["business_date"])
        approved = fineract.minor(s["amount"], int(terms["currency_decimals"]))
        beside = s["type"] == "update_available_disbursement_amount"
        return Step(
            s["i"], Kind.limit_changed, s["loan"], today, approved, today, {"beside": beside}
        )
    (order,) = _events(s, case["loans"][s["loan"] - 1])
    return order


def _events(s: dict[str, Any], terms: dict[str, Any]) -> list[Step]:
    """What a step is here: one event, or several."""
    kind = s["type"]
    if kind == "reschedule":
        return _changes(s, terms["schedule_type"] == "PROGRESSIVE")
    if kind == "interest_pause":
        today, start = date_of(s["business_date"]), date_of(s["start"])
        body = {"start": s["start"], "end": s["end"]}
        on = min(today, start - dt.timedelta(days=1))
        return [Step(s["i"], Kind.interest_paused, s["loan"], on, None, today, body)]
    if kind in ("delinquency_pause", "delinquency_resume"):
        today = date_of(s["business_date"])
        paused = kind == "delinquency_pause"
        told = Kind.delinquency_paused if paused else Kind.delinquency_resumed
        body = {"start": s["start"]} | ({"end": s["end"]} if paused else {})
        return [Step(s["i"], told, s["loan"], today, None, today, body)]
    if kind in RESPREADS:
        return [_respread(s, terms)]
    if kind not in KINDS:
        raise NotMappedError(f"step {kind}")
    decimals = int(terms["currency_decimals"])
    on = date_of(s["date"]) if s.get("date") else date_of(s["business_date"])
    submitted = date_of(s["business_date"])
    amount = None if s.get("amount") is None else fineract.minor(s["amount"], decimals)
    body: dict[str, Any] = {}
    percent, of = None, ""
    if kind == "charge_add":
        amount, on, body = _charge(s, terms, decimals)
        if s["charge"]["calculation"] != "FLAT":
            percent, amount = Decimal(s.get("amount") or s["charge"]["amount"]), None
            of = s["charge"]["calculation"]
    if s.get("reason"):
        body = {"reason": s["reason"]}
    target = s.get("target", {}).get("step") if kind == "chargeback" else None
    if kind == "interest_refund_manual":
        on, body = date_of(s["for_date"]), {"of": s["for_type"]}
    step = Step(s["i"], KINDS[kind], s["loan"], on, amount, submitted, body, percent=percent, of=of,
                target=target)  # fmt: skip
    if s.get("fixed_emi"):
        step.emi = fineract.minor(s["fixed_emi"], decimals)
    if s.get("first_repayment_date"):
        step.first_due = date_of(s["first_repayment_date"])
    if step.kind in REFUNDS and _refunds_interest(s, terms):
        own = Step(s["i"], Kind.interest_refunded, s["loan"], on, None, submitted, implicit=True)
        return [step, own]
    down = terms["down_payment"]
    asked = down.get("enabled") and down.get("auto") and not s.get("skip_auto_down_payment")
    if kind != "disburse" or not asked:
        return [step]
    assert amount is not None
    share = _down(amount, terms, decimals)
    if share == 0:
        return [step]
    own = Step(s["i"], Kind.down_payment, s["loan"], on, share, submitted, implicit=True)
    return [step, own]


def _refunds_interest(s: dict[str, Any], terms: dict[str, Any]) -> bool:
    """Whether the product refunds interest on such a refund; of interest that is recalculated."""
    from tests.conformance.products import recalculated

    asked = s.get("calculate_interest_refund") is not False and recalculated(terms)
    return asked and s["type"].upper() in (terms.get("interest_refund_on") or [])


def _changes(s: dict[str, Any], progressive: bool) -> list[Step]:
    """A reschedule request as changes of the contract, in force from the day before it names."""
    if s.get("grace_on_principal") or s.get("grace_on_interest"):
        raise NotMappedError("reschedule with grace")
    today, start = date_of(s["business_date"]), date_of(s["from_date"])
    found = []
    for kind, body, first in (
        (Kind.rate_changed, {"rate_ppb": s.get("new_interest_rate") and int(
            Decimal(s["new_interest_rate"]) * 10**7)}, start - dt.timedelta(days=1)),
        (Kind.term_extended, {"instalments": s.get("extra_terms")}, start - dt.timedelta(days=1)),
        (Kind.due_date_moved, {"due_date": s.get("adjusted_due_date")}, start),
    ):  # fmt: skip
        if next(iter(body.values())) is None:
            continue
        told = {"rate_ppb": None, "keep": "term", "instalments": None, "due_date": None}
        told |= body | {"from_date": first.isoformat()}
        if progressive and kind is Kind.due_date_moved:
            told["keep"] = "instalment"
        on = min(today, start - dt.timedelta(days=1))
        found.append(Step(s["i"], kind, s["loan"], on, None, today, told))
    if not found:
        raise NotMappedError("reschedule of nothing")
    return found


def _charge(
    s: dict[str, Any], terms: dict[str, Any], decimals: int
) -> tuple[int, dt.date, dict[str, Any]]:
    charge = s["charge"]
    if charge["time"] != "SPECIFIED_DUE_DATE" or charge["calculation"] not in (
        "FLAT", *PARTS
    ):  # fmt: skip
        raise NotMappedError(f"charge {charge['time']} {charge['calculation']}")
    amount = fineract.minor(s.get("amount") or charge["amount"], decimals)
    component = Component.penalty if charge["penalty"] else Component.fee
    due = s["due_date"]
    submitted = date_of(s["business_date"])
    body = {"component": component.value, "due_date": due}
    return amount, min(submitted, max(date_of(due), date_of(terms["submitted_on"]))), body


def _down(amount: int, terms: dict[str, Any], decimals: int) -> int:
    share = fineract.minor(
        Decimal(amount).scaleb(-decimals) * Decimal(terms["down_payment"]["percent"]) / 100,
        decimals,
    )
    multiple = multiple_of(terms, decimals)
    return int((Decimal(share) / multiple).to_integral_value("ROUND_HALF_EVEN")) * multiple


def multiple_of(terms: dict[str, Any], decimals: int) -> int:
    return int(Decimal(terms["installment_amount_multiple_of"] or 0).scaleb(decimals)) or 1


def date_of(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def fees_at_disbursement(case: dict[str, Any], loan: int) -> list[dict[str, Any]]:
    """Charges that a loan's payout bears, from its application and added before it."""
    found = list(case["loans"][loan - 1].get("charges") or [])
    for s in case["steps"]:
        if s["type"] == "charge_add" and s.get("loan") == loan:
            found.append(s["charge"] | ({"amount": s["amount"]} if s.get("amount") else {}))
    return [charge for charge in found if charge["time"].endswith("DISBURSEMENT")]
