"""Fineract life cycles onto loanbook's events, run through the real close in one batch.

Every check of a case looks at the loan after some of its steps: what is known then is a
history of its own. So each (loan, number of steps) becomes a loan of the batch with the events
known by then, reversed payments left out, and the whole batch is closed day by day.

Mapping: terms become a product whose schedule stands whole (`stands_whole`), the payment
allocation or repayment strategy a waterfall for each kind of money; events of a day are taken as
they came (`day_order: sequence`), a charge of a classic (cumulative) loan before any payment. A
payoff without an amount pays what the engine says is unpaid. Interest that is recalculated on
early or late payment, accrual rows and steps that must be refused are not mapped.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

from core.contract.due_dates import Unit
from core.contract.schedule import Amortisation, RateBasis, expand
from core.frames import empty
from core.ledger.codes import Component, EventState, Kind, Status
from core.ledger.events import EVENT_COLUMNS, Events
from core.origination.boarding import payload
from core.origination.terms import Terms
from core.policy.book import PolicyBook
from core.policy.models import Product, Waterfall
from core.servicing.book import Book, Dues
from core.servicing.close import close
from core.servicing.opening import agreed_terms
from core.servicing.payoff import quote
from core.servicing.projection import project
from pipelines.resources import read_policies
from tests.conformance import fineract
from tests.conformance.fineract import NotMappedError
from tests.conformance.outcome import Outcome, judged, of

CLOCK = {"set_business_date", "advance_business_date", "cob_loan", "cob_all", "cob_catch_up",
         "product_edit", "config", "create_loan", "approve", "set_fraud"}  # fmt: skip
KINDS = {
    "disburse": Kind.disbursed, "repayment": Kind.payment_received, "payoff": Kind.payment_received,
    "goodwill_credit": Kind.goodwill_credit, "merchant_issued_refund": Kind.merchant_refund,
    "payout_refund": Kind.payout_refund, "interest_payment_waiver": Kind.interest_waived,
    "charge_add": Kind.charge_assessed, "chargeback": Kind.chargeback,
    "credit_balance_refund": Kind.credit_refunded, "charge_off": Kind.charge_off,
    "write_off": Kind.write_off,
}  # fmt: skip
NAMES = {
    Kind.disbursed: "Disbursement", Kind.payment_received: "Repayment",
    Kind.down_payment: "Down Payment", Kind.goodwill_credit: "Goodwill Credit",
    Kind.merchant_refund: "Merchant Issued Refund", Kind.payout_refund: "Payout Refund",
    Kind.interest_waived: "Interest Payment Waiver", Kind.chargeback: "Chargeback",
    Kind.credit_refunded: "Credit Balance Refund", Kind.charge_off: "Charge-off",
    Kind.write_off: "Close (as written-off)",
}  # fmt: skip
JOURNAL = {name: kind for kind, name in {
    Kind.disbursed: "DISBURSEMENT", Kind.payment_received: "REPAYMENT",
    Kind.down_payment: "DOWN_PAYMENT", Kind.goodwill_credit: "GOODWILL_CREDIT",
    Kind.merchant_refund: "MERCHANT_ISSUED_REFUND", Kind.payout_refund: "PAYOUT_REFUND",
    Kind.interest_waived: "INTEREST_PAYMENT_WAIVER", Kind.chargeback: "CHARGEBACK",
    Kind.credit_refunded: "CREDIT_BALANCE_REFUND", Kind.charge_off: "CHARGE_OFF",
    Kind.write_off: "WRITE_OFF",
}.items()}  # fmt: skip
ACCOUNTS = {
    "loan_principal": "Loans Receivable", "interest_due": "Interest/Fee Receivable",
    "interest_accrued": "Interest/Fee Receivable", "fees_receivable": "Interest/Fee Receivable",
    "penalties_receivable": "Interest/Fee Receivable",
    "payment_clearing": "Suspense/Clearing account", "payout_clearing": "Suspense/Clearing account",
    "borrower_credit": "Overpayment account", "credit_loss": "Credit Loss/Bad Debt",
    "interest_charged_off": "Interest Income Charge Off", "fee_charged_off": "Fee Charge Off",
    "recovery_income": "Recoveries", "goodwill_expense": "Goodwill Expense Account",
    "write_off_expense": "Written off", "interest_waived": "Interest Income",
}  # fmt: skip
COMPARED = {"after_step", "as_of", "loan", "schedule", "schedule_totals", "transactions",
            "transactions_without_accruals", "status", "outstanding", "overpaid", "overdue",
            "journal", "closed_obligations_met"}  # fmt: skip
EXCESS = {"NEXT_INSTALLMENT": "next_instalment", "LAST_INSTALLMENT": "last_instalment",
          "REAMORTIZATION": "spread", "NEXT_LAST_INSTALLMENT": "next_then_last"}  # fmt: skip
MONEY = {"DEFAULT": None, "REPAYMENT": Kind.payment_received, "DOWN_PAYMENT": Kind.down_payment,
         "GOODWILL_CREDIT": Kind.goodwill_credit, "PAYOUT_REFUND": Kind.payout_refund,
         "MERCHANT_ISSUED_REFUND": Kind.merchant_refund,
         "INTEREST_PAYMENT_WAIVER": Kind.interest_waived}  # fmt: skip
STRATEGIES = {
    # order within past due and due, and within what is in advance
    "penalties-fees-interest-principal": ("PFIP", "PFIP"),
    "due-penalty-interest-principal-fee/in-advance-penalty-interest-principal-fee": ("PIRF", "PIRF"),
    "due-penalty-fee-interest-principal/in-advance-principal-penalty-fee-interest": ("PFIR", "RPFI"),
    "interest-principal-penalties-fees-order": ("IRPF", "IRPF"),
    "principal-interest-penalties-fees-order": ("RIPF", "RIPF"),
}  # fmt: skip
LETTER = {"P": "penalty", "F": "fee", "I": "interest", "R": "principal"}
_NOW = dt.datetime(2024, 1, 1)


@dataclass
class Step:
    """One event of a case."""

    i: int
    kind: Kind
    loan: int
    date: dt.date
    amount: int | None
    submitted: dt.date
    body: dict[str, Any] = field(default_factory=dict)
    implicit: bool = False
    percent: Decimal | None = None
    """A charge in per cent of what is lent and all interest on it."""
    undone: bool = False
    """A payout that was undone, or its down payment: no longer listed then."""


@dataclass
class Life:
    """A loan of the batch: a case's loan with what was known after some of its steps."""

    case: dict[str, Any]
    loan: int
    after: int
    as_of: dt.date
    steps: list[Step]
    gone: list[Step]
    """Payments reversed by then: shown, but no longer there."""
    planned: bool = False
    """Nothing is paid out yet: the schedule shown is the one that the payout will make."""
    number: int = 0


def mapped(case: dict[str, Any]) -> tuple[list[Step], dict[int, int]]:
    """Events of a case, and by index the step that reversed each; NotMappedError if one is none."""
    steps: list[Step] = []
    reversals: dict[int, int] = {}
    for s in case["steps"]:
        kind = s["type"]
        if kind in CLOCK:
            continue
        if s.get("expect") == "rejected":
            raise NotMappedError("a step that must be refused")
        if kind == "reverse":
            target = s["target"]
            hits = [
                n for n, e in enumerate(steps)
                if e.i == target.get("step") and bool(e.implicit) == bool(target.get("implicit"))
                and n not in reversals
            ]  # fmt: skip
            if not hits:
                raise NotMappedError("reversal of something that is no event here")
            reversals[hits[0]] = s["i"]
            continue
        if kind == "undo_last_disbursal":
            outs = [n for n, e in enumerate(steps)
                    if e.kind is Kind.disbursed and e.loan == s["loan"] and n not in reversals]  # fmt: skip
            if not outs:
                raise NotMappedError("undo of a payout that was not made")
            for n, e in enumerate(steps):
                if e.i == steps[outs[-1]].i and n not in reversals:
                    reversals[n], e.undone = s["i"], True
            continue
        if kind == "reschedule":
            steps += _changes(s, case["loans"][s["loan"] - 1]["schedule_type"] == "PROGRESSIVE")
            continue
        if kind not in KINDS:
            raise NotMappedError(f"step {kind}")
        terms = case["loans"][s["loan"] - 1]
        decimals = int(terms["currency_decimals"])
        on = _date(s["date"]) if s.get("date") else _date(s["business_date"])
        submitted = _date(s["business_date"])
        amount = None if s.get("amount") is None else fineract._minor(s["amount"], decimals)
        body: dict[str, Any] = {}
        if kind == "disburse" and set(s) & {"fixed_emi", "first_repayment_date"}:
            raise NotMappedError("terms given at disbursement")
        percent = None
        if kind == "charge_add":
            amount, on, body = _charge(s, terms, decimals)
            if s["charge"]["calculation"] != "FLAT":
                percent, amount = Decimal(s.get("amount") or s["charge"]["amount"]), None
        steps.append(Step(s["i"], KINDS[kind], s["loan"], on, amount, submitted, body,
                          percent=percent))  # fmt: skip
        down = terms["down_payment"]
        if kind == "disburse" and down.get("enabled") and down.get("auto"):
            if s.get("skip_auto_down_payment"):
                raise NotMappedError("a down payment that is skipped")
            assert amount is not None
            share = _down(amount, terms, decimals)
            steps.append(Step(s["i"], Kind.down_payment, s["loan"], on, share, submitted,
                              implicit=True))  # fmt: skip
    return steps, reversals


def _changes(s: dict[str, Any], progressive: bool) -> list[Step]:
    """A reschedule request as changes of the contract, in force from the day before it names."""
    if s.get("grace_on_principal") or s.get("grace_on_interest"):
        raise NotMappedError("reschedule with grace")
    today, start = _date(s["business_date"]), _date(s["from_date"])
    found = []
    for kind, body, first in (
        (Kind.rate_changed, {"rate_ppb": s.get("new_interest_rate") and int(
            Decimal(s["new_interest_rate"]) * 10**7)}, start - dt.timedelta(days=1)),
        (Kind.extended, {"instalments": s.get("extra_terms")}, start - dt.timedelta(days=1)),
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
        "FLAT", "PERCENT_OF_AMOUNT_AND_INTEREST"
    ):  # fmt: skip
        raise NotMappedError(f"charge {charge['time']} {charge['calculation']}")
    amount = fineract._minor(s.get("amount") or charge["amount"], decimals)
    component = Component.penalty if charge["penalty"] else Component.fee
    due = s["due_date"]
    submitted = _date(s["business_date"])
    body = {"component": component.value, "due_date": due}
    return amount, min(submitted, max(_date(due), _date(terms["submitted_on"]))), body


def _down(amount: int, terms: dict[str, Any], decimals: int) -> int:
    share = fineract._minor(
        Decimal(amount).scaleb(-decimals) * Decimal(terms["down_payment"]["percent"]) / 100,
        decimals,
    )
    multiple = _multiple(terms, decimals)
    return int((Decimal(share) / multiple).to_integral_value("ROUND_HALF_EVEN")) * multiple


def _multiple(terms: dict[str, Any], decimals: int) -> int:
    return int(Decimal(terms["installment_amount_multiple_of"] or 0).scaleb(decimals)) or 1


def _date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def product(terms: dict[str, Any], number: int) -> tuple[Product, list[Waterfall]]:
    """The product and waterfalls that a loan's terms ask for."""
    for name in ("fixed_emi_amount", "fixed_length_days", "charges", "product_charges",
                 "buy_down_fee"):  # fmt: skip
        if terms.get(name) and terms[name] != {"enabled": False}:
            raise NotMappedError(name)
    if terms["schedule_processing_type"] != "HORIZONTAL":
        raise NotMappedError("vertical processing")
    decimals = int(terms["currency_decimals"])
    progressive = terms["schedule_type"] == "PROGRESSIVE"
    flat = terms["interest_type"] == "FLAT"
    basis = RateBasis.period if flat and not progressive else fineract._basis(terms)
    kind = Amortisation.equal_instalment
    if flat:
        kind = Amortisation.flat
    elif terms["amortization_type"] == "EQUAL_PRINCIPAL":
        kind = Amortisation.equal_principal
    falls: list[Waterfall] = []
    common = {"version": 1, "effective_from": dt.date(2000, 1, 1)}

    def waterfall(due: list[str], advance: list[str]) -> str:
        order = [f"{t}.{c}" for t, cs in (("past_due", due), ("due", due), ("in_advance", advance))
                 for c in [*cs, "tax"]]  # fmt: skip
        falls.append(Waterfall(name=f"w{number}-{len(falls)}", order=order, **common))
        return falls[-1].name

    rules: dict[str, Any] = {}
    if terms["repayment_strategy"] == "advanced-payment-allocation":
        payments: dict[str, Any] = {}
        for each in terms["payment_allocation"]:
            if each["transaction_type"] not in MONEY:
                continue
            order = [o.rsplit("_", 1)[1].lower() for o in each["order"]]
            timed = {t: [c for o, c in zip(each["order"], order, strict=True) if o.startswith(t)]
                     for t in ("PAST_DUE", "DUE", "IN_ADVANCE")}  # fmt: skip
            if timed["PAST_DUE"] != timed["DUE"]:
                raise NotMappedError("orders of past due and due differ")
            rule = {"waterfall": waterfall(timed["DUE"], timed["IN_ADVANCE"]),
                    "excess": EXCESS[each["future_installment_allocation_rule"]]}  # fmt: skip
            which = MONEY[each["transaction_type"]]
            if which is None:
                payments = rule
            else:
                rules[which.name] = rule
        payments |= {"by_kind": rules}
    else:
        if terms["repayment_strategy"] not in STRATEGIES:
            raise NotMappedError(terms["repayment_strategy"])
        due, advance = STRATEGIES[terms["repayment_strategy"]]
        if due == advance == "PFIP":
            due = advance = "PFIR"
        payments = {
            "waterfall": waterfall([LETTER[x] for x in due], [LETTER[x] for x in advance]),
            "excess": "next_instalment",
        }
    down = terms["down_payment"]
    share = int(Decimal(down["percent"]) * 10**7) if down.get("enabled") else 0
    names = {v: k for k, v in _BASES.items()}
    daily = recalculated(terms)
    if daily:
        payments = {"waterfall": payments["waterfall"], "excess": "next_instalment"}
    made = Product(
        name=f"p{number}", entity="us-consumer", currency=terms["currency"], day_order="sequence",
        schedule={
            "amortisation": kind.name, "rate_basis": names[basis],
            "rate_factor": "decimal_18" if progressive and not flat and basis <= RateBasis.thirty_360
            else "exact",
            "instalment_multiple": _multiple(terms, decimals),
            "smooth_last_instalment": progressive and kind is Amortisation.equal_instalment,
            "grace_principal": int(terms["grace_on_principal_payment"]),
            "grace_interest": int(terms["grace_on_interest_payment"]),
            "grace_charged": int(terms["grace_on_interest_charged"]),
            "stands_whole": not daily, "down_payment_ppb": 0 if daily else share,
        },
        interest={"accrual": "daily"} if daily else {"accrual": "scheduled", "rebate": "none"},
        payments=payments, **common,
    )  # fmt: skip
    return made, falls


_BASES = {
    "period": RateBasis.period, "30/360": RateBasis.thirty_360, "ACT/365F": RateBasis.act_365f,
    "ACT/360": RateBasis.act_360, "ACT/364": RateBasis.act_364,
    "ACT/365 Actual": RateBasis.act_365_actual, "ACT/ACT closing": RateBasis.act_act_closing,
}  # fmt: skip


def _rate(terms: dict[str, Any]) -> str:
    found = terms.get("annual_interest_rate") or terms.get("interest_rate") or "0"
    if Decimal(str(found)) == 0:
        return "0"
    return fineract._yearly(terms)


def _terms_row(
    terms: dict[str, Any], first: Step, code: int, entity: int, currency: int
) -> dict[str, Any]:
    unit = fineract.UNITS[terms["repayment_frequency_type"]]
    submitted = terms["repayment_start_date_type"] == "SUBMITTED_ON_DATE"
    anchor = _date(terms["submitted_on"]) if submitted else first.date
    due = fineract._first_due(anchor, unit, int(terms["repayment_every"]))
    return {
        "product": code, "entity": entity, "currency": currency,
        "principal_agreed": first.amount, "balloon": 0,
        "rate_ppb": int(Decimal(_rate(terms)) * 10**7),
        "instalments": int(terms["number_of_repayments"]), "every": int(terms["repayment_every"]),
        "unit": unit.value, "disbursed_on": first.date, "first_due_date": due,
        "anchor_day": anchor.day if unit is Unit.months else due.day, "second_anchor_day": 1,
        "end_of_month": False, "emi": None, "first_interest_adjustment": 0,
    }  # fmt: skip


def run(cases: list[dict[str, Any]]) -> list[Outcome]:
    """Outcomes of life-cycle cases; all of them are one batch of loans."""
    outcomes: list[Outcome] = []
    lives: list[Life] = []
    made: dict[str, int] = {}
    products: list[tuple[str, Any]] = []
    codes: dict[int, int] = {}
    waiting = []
    for case in cases:
        try:
            steps, reversals = mapped(case)
            own = []
            for t in case["loans"]:
                if recalculated(t):
                    _can_recalculate(t, steps)
                told = {k: v for k, v in t.items() if k not in _NOT_PRODUCT}
                key = json.dumps(told | {"daily": recalculated(t)}, sort_keys=True)
                if key not in made:
                    found, falls = product(t, len(made))
                    made[key] = len(made)
                    products += [("products", found), *(("waterfalls", w) for w in falls)]
                own.append(made[key])
            asked = _lives(case, steps, reversals)
        except NotMappedError as gap:
            outcomes.append(of(case, "not attempted", str(gap)))
            continue
        for life in asked:
            codes[len(lives)] = own[life.loan - 1]
            life.number = len(lives)
            lives.append(life)
        waiting.append((case, asked))
    if not waiting:
        return outcomes
    kept = [(f, p) for f, p in read_policies().policies if f != "products"]
    policies = PolicyBook(
        tuple(sorted([*kept, *products], key=lambda e: (e[0], e[1].name)))
    ).with_registry(())
    seen = Batch(policies, lives, codes).run()
    for case, asked in waiting:
        outcomes.append(_judge(case, asked, seen))
    return outcomes


def recalculated(terms: dict[str, Any]) -> bool:
    """Interest follows the balance as it is really paid: daily simple interest."""
    return bool(terms["interest_recalculation"].get("enabled")) and _rate(terms) != "0"


def _can_recalculate(terms: dict[str, Any], steps: list[Step]) -> None:
    """NotMappedError for what daily interest has no notion of yet."""
    rules = terms["interest_recalculation"]
    if terms["schedule_type"] != "PROGRESSIVE":
        raise NotMappedError("interest recalculated by a classic schedule")
    if rules.get("disallow_interest_on_past_due") or rules.get("rest_frequency") != "DAILY":
        raise NotMappedError("interest recalculated otherwise than daily")
    if terms["interest_type"] == "FLAT" or terms["down_payment"].get("enabled"):
        raise NotMappedError("flat interest or a down payment with recalculation")
    if sum(s.kind is Kind.disbursed for s in steps) > 1:
        raise NotMappedError("tranches with recalculated interest")
    kinds = {s.kind for s in steps}
    for each in terms.get("payment_allocation") or []:
        kind = MONEY.get(each["transaction_type"], Kind.write_off)
        rule = each["future_installment_allocation_rule"]
        used = kind in kinds or (kind is None and Kind.payment_received in kinds)
        if used and rule != "NEXT_INSTALLMENT":
            raise NotMappedError(f"{rule} with recalculated interest")


_NOT_PRODUCT = {"product", "principal", "interest_rate", "annual_interest_rate", "submitted_on",
                "expected_disbursement_date", "disbursement_plan", "number_of_repayments",
                "term_frequency"}  # fmt: skip


def _lives(case: dict[str, Any], steps: list[Step], reversals: dict[int, int]) -> list[Life]:
    """A loan of the batch for each check, and one before each reversal, to see what it undoes."""
    found = []
    wanted = {(c["loan"], c["after_step"]): c["as_of"] for c in case["checks"] if c.get("as_of")}
    for n, at in reversals.items():
        if steps[n].undone:
            continue
        step = next(s for s in case["steps"] if s["i"] == at)
        wanted.setdefault((steps[n].loan, at - 1), step["business_date"])
    for (loan, after), as_of in sorted(wanted.items()):
        known = [n for n, s in enumerate(steps) if s.loan == loan and s.i <= after]
        gone = [n for n in known if reversals.get(n, 10**9) <= after]
        left = [steps[n] for n in known if n not in gone]
        shown = [steps[n] for n in gone if not steps[n].undone]
        life = Life(case, loan, after, _date(as_of), left, shown)
        if not any(s.kind is Kind.disbursed for s in left):
            life = _planned(life)
        found.append(life)
    return found


def _planned(life: Life) -> Life:
    """The loan as its payout is planned, for the schedule that is shown before it."""
    terms = life.case["loans"][life.loan - 1]
    if terms.get("disbursement_plan"):
        raise NotMappedError("planned tranches")
    done = [s for s in life.case["steps"] if s["i"] <= life.after and s.get("loan") == life.loan]
    amount = next((s["amount"] for s in done if s["type"] == "approve"), terms["principal"])
    on = _date(terms["expected_disbursement_date"])
    decimals = int(terms["currency_decimals"])
    out = Step(-1, Kind.disbursed, life.loan, on, fineract._minor(amount, decimals), on)
    charges = [s for s in life.steps if s.kind is Kind.charge_assessed]
    return Life(life.case, life.loan, life.after, on, [out, *charges], [], planned=True)


@dataclass
class Seen:
    """What the engine showed of the batch."""

    positions: dict[int, dict[str, Any]]
    dues: pl.DataFrame
    paid: pl.DataFrame
    moved: pl.DataFrame
    events: dict[int, list[tuple[Step, int]]]
    earned: pl.DataFrame = field(default_factory=pl.DataFrame)
    """Interest that each loan earned `on` each day: `loan_id`, `on`, `earned`."""
    ended: pl.DataFrame = field(default_factory=pl.DataFrame)
    """Days `on` which a loan ceased to be active: `loan_id`, `on`."""


class Batch:
    """All loans of all cases, closed day by day from the first event to the last look."""

    def __init__(self, policies: PolicyBook, lives: list[Life], codes: dict[int, int]) -> None:
        self.policies, self.lives = policies, lives
        self.events: dict[int, list[tuple[Step, int]]] = {}
        rows, terms = [], []
        places = {p: policies.registry.index(f"p{p}@1") for p in set(codes.values())}
        for life in lives:
            outs = [s for s in life.steps if s.kind is Kind.disbursed]
            if not outs:
                continue
            code = places[codes[life.number]]
            first = min(outs, key=lambda s: (s.date, s.i))
            pin = policies.pins.filter(pl.col("product") == code).row(0, named=True)
            row = _terms_row(
                life.case["loans"][life.loan - 1], first, code, pin["entity"], pin["currency"]
            )
            terms.append(row | {"loan_id": life.number + 1})
            cumulative = life.case["loans"][life.loan - 1]["schedule_type"] == "CUMULATIVE"
            self.events[life.number] = []
            for place, s in enumerate(sorted(life.steps, key=_order(cumulative, first.date))):
                event = len(rows) + 1
                on = (
                    first.date
                    if cumulative and s.kind is Kind.charge_assessed
                    else max(s.date, first.date)
                )
                rows.append(
                    {"event_id": event, "kind": s.kind.value, "loan_id": life.number + 1,
                     "value_date": on, "amount": s.amount, "source_ref": f"{place:04d}",
                     "payload": json.dumps(s.body) if s.body else None}
                )  # fmt: skip
                self.events[life.number].append((s, event))
        boarded = pl.DataFrame(terms, schema=empty(Terms).schema)
        self._in_per_cent(boarded, rows)
        self.first = boarded["disbursed_on"].min() if terms else None
        events = pl.DataFrame(rows, schema={"event_id": pl.Int64, "kind": pl.Int8, "loan_id": pl.Int64,
                                            "value_date": pl.Date, "amount": pl.Int64,
                                            "source_ref": pl.String, "payload": pl.String})  # fmt: skip
        board = boarded.select(
            event_id=-pl.col("loan_id"), kind=pl.lit(Kind.loan_boarded.value, dtype=pl.Int8),
            loan_id="loan_id", value_date="disbursed_on", amount=pl.lit(None, dtype=pl.Int64),
            source_ref=pl.lit(""), payload=payload(boarded),
        )  # fmt: skip
        filled = pl.concat([board, events]).with_columns(
            booking_date="value_date", currency=pl.lit(0, dtype=pl.Int8), source_system=pl.lit("case"),
            idempotency_key=pl.col("event_id").cast(pl.String), body_hash=pl.lit(""),
            state=pl.lit(EventState.accepted.value, dtype=pl.Int8), file_id=pl.lit(""),
            line=pl.lit(0, dtype=pl.Int64), actor=pl.lit("case"), checker=pl.lit(None, dtype=pl.String),
            reason=pl.lit(None, dtype=pl.String), correlation_id=pl.lit(""),
            recorded_at=pl.lit(_NOW).cast(pl.Datetime("us")),
        ).select(EVENT_COLUMNS)  # fmt: skip
        self.by_day = {k[0]: f for k, f in filled.partition_by("value_date", as_dict=True).items()}
        self.nothing = empty(Events)

    def _in_per_cent(self, boarded: pl.DataFrame, rows: list[dict[str, Any]]) -> None:
        """Amounts of charges in per cent of what is lent and the interest of its schedule."""
        asked = {e: s for own in self.events.values() for s, e in own if s.percent is not None}
        if not asked:
            return
        theirs = boarded.filter(pl.col("loan_id").is_in(
            [r["loan_id"] for r in rows if r["event_id"] in asked]))  # fmt: skip
        sums = expand(agreed_terms(theirs, self.policies.pins)).group_by("loan_id").agg(
            lent=(pl.col("principal") + pl.col("interest")).sum()
        )  # fmt: skip
        base = dict(sums.rows())
        for row in rows:
            step = asked.get(row["event_id"])
            if step is not None and step.percent is not None:
                share = Decimal(base[row["loan_id"]]) * step.percent / 100
                row["amount"] = step.amount = int(share.to_integral_value("ROUND_HALF_EVEN"))

    def run(self) -> Seen:
        seen = Seen({}, empty(Dues), pl.DataFrame(), pl.DataFrame(), self.events)
        if self.first is None:
            return seen
        looks: dict[dt.date, list[int]] = {}
        for life in self.lives:
            looks.setdefault(life.as_of, []).append(life.number + 1)
        book = Book.empty(self.policies.pins, self.nothing)
        book = Book(None, book.terms, book.positions, book.dues, book.pending,
                    book.wide(), empty(Dues))  # fmt: skip
        date, last = self.first, max(looks)
        grid, paid, moved = [], [], []
        earned, ended, idle = [], [], pl.Series([], dtype=pl.Int64)
        while date <= last:
            today = self.by_day.get(date, self.nothing)
            unknown = pl.col("amount").is_null() & (pl.col("kind") == Kind.payment_received)
            asked = today.filter(unknown)
            if asked.height:  # pay what the engine says is unpaid once the rest of the day is in
                before = close(book, today.filter(~unknown), self.policies, date).book.dues
                owed = before.group_by("loan_id").agg(
                    owed=(pl.col("amount") - pl.col("paid")).sum()
                )
                owed = self._quoted(book, date, owed, asked["loan_id"])
                today = (
                    today.join(owed, on="loan_id", how="left", maintain_order="left")
                    .with_columns(amount=pl.when(unknown).then("owed").otherwise("amount"))
                    .drop("owed")
                    .filter((pl.col("kind") != Kind.payment_received) | (pl.col("amount") > 0))
                )
            done = close(book, today, self.policies, date)
            book = done.book
            day = pl.lit(date)
            shown = book.positions.select("loan_id", "status", earned="accrued_today", on=day)
            earned.append(shown.filter(pl.col("earned") != 0).drop("status"))
            still = shown.filter(pl.col("status") != Status.active.value)["loan_id"]
            ended.append(
                shown.filter(
                    pl.col("loan_id").is_in(still.filter(~still.is_in(idle.implode())).implode())
                ).select("loan_id", "on")
            )
            idle = still
            grid.append(done.settled)
            paid.append(done.allocations.with_columns(on=day))
            moved.append(done.transfers.filter(pl.col("loan_id") > 0))
            if date in looks:
                ids = pl.Series(looks[date], dtype=pl.Int64)
                mine = pl.col("loan_id").is_in(ids.implode())
                grid.append(book.dues.filter(mine))
                grid.append(self._foreseen(book, ids, date))
                now = book.positions.filter(mine)
                assert book.closed is not None
                assert book.closed_dues is not None
                before_ = book.closed.filter(mine).select(now.columns)
                for row in pl.concat([before_, now]).to_dicts():
                    seen.positions[row["loan_id"]] = row
                # nobody looks at these again
                book = Book(book.date, book.terms.filter(~book.terms["loan_id"].is_in(ids.implode())),
                            book.positions.filter(~mine), book.dues.filter(~mine),
                            book.pending.filter(~mine), book.closed.filter(~mine),
                            book.closed_dues.filter(~mine))  # fmt: skip
            date += dt.timedelta(days=1)
        seen.dues = pl.concat(grid)
        seen.earned, seen.ended = pl.concat(earned), pl.concat(ended)
        seen.paid, seen.moved = pl.concat(paid), pl.concat(moved)
        return seen

    def _quoted(
        self, book: Book, date: dt.date, owed: pl.DataFrame, ids: pl.Series
    ) -> pl.DataFrame:
        """What settles loans whose interest follows the balance, in place of their whole grid."""
        ours = pl.col("loan_id").is_in(ids.implode()) & ~pl.col("whole_schedule")
        some = book.terms.filter(ours)["loan_id"]
        if some.is_empty():
            return owed
        mine = pl.col("loan_id").is_in(some.implode())
        part = Book(book.date, book.terms.filter(mine), book.positions.filter(mine),
                    book.dues.filter(mine), book.pending.filter(mine))  # fmt: skip
        told = quote(part, self.policies, date).select("loan_id", owed="payoff")
        return pl.concat([owed.filter(~mine), told])

    def _foreseen(self, book: Book, ids: pl.Series, date: dt.date) -> pl.DataFrame:
        """Rows that raise the dues of loans billed step by step to the instalments to come."""
        mine = pl.col("loan_id").is_in(ids.implode()) & ~pl.col("whole_schedule")
        some = book.wide().filter(mine)
        if some.is_empty():
            return empty(Dues)
        rows = project(some, book.dues, self.policies.calendars, date).unpivot(
            index=["loan_id", "instalment_no", "due_date"], on=["principal", "interest"],
            variable_name="component", value_name="amount",
        )  # fmt: skip
        codes_ = {"principal": 0, "interest": 1}
        keys = ["loan_id", "instalment_no", "component"]
        coded = rows.with_columns(pl.col("component").replace_strict(codes_, return_dtype=pl.Int8))
        stands = book.dues.select(*keys, stood="amount")
        return (
            coded.join(stands, on=keys, how="left")
            .with_columns(
                amount=pl.col("amount") - pl.col("stood").fill_null(0),
                paid=pl.lit(0, dtype=pl.Int64),
                fee_assessed=pl.lit(False),
            )
            .select(Dues.column_names())
        )


def _order(cumulative: bool, first: dt.date) -> Any:
    """Replay order: value date, disbursements first, submission date, creation."""

    def key(s: Step) -> Any:
        early = cumulative and s.kind is Kind.charge_assessed
        return (first if early else s.date, s.kind is not Kind.disbursed, not early, s.submitted, s.i,
                s.implicit)  # fmt: skip

    return key


def _judge(case: dict[str, Any], lives: list[Life], seen: Seen) -> Outcome:
    by = {(life.loan, life.after): life for life in lives}
    found: list[str] = []
    skipped: Counter[str] = Counter()
    for check in case["checks"]:
        skipped.update(name for name in check if name not in COMPARED)
        life = by[(check["loan"], check["after_step"])]
        try:
            found += [
                f"after step {check['after_step']}: {d}"
                for d in _differences(check, life, by, seen)
            ]
        except NotMappedError as gap:
            return of(case, "not attempted", str(gap))
    outcome = judged(case, found)
    outcome.skipped = dict(skipped)
    return outcome


def _differences(check: dict[str, Any], life: Life, by: dict[Any, Life], seen: Seen) -> list[str]:
    from tests.conformance.shown import Shown

    shown = Shown(life, by, seen)
    found: list[str] = []
    if "schedule" in check or "schedule_totals" in check:
        found += shown.schedule(check)
    for name in ("transactions", "transactions_without_accruals"):
        if name in check:
            found += shown.transactions(check[name], accruals=name == "transactions")
    for name in ("outstanding", "overpaid", "overdue"):
        if name in check and shown.figure(name) != Decimal(check[name]):
            found.append(f"{name} {shown.figure(name)}, expected {check[name]}")
    if "status" in check and shown.status() != check["status"]:
        found.append(f"status {shown.status()}, expected {check['status']}")
    if check.get("closed_obligations_met") and shown.status() != "CLOSED_OBLIGATIONS_MET":
        found.append(f"status {shown.status()}, expected closed")
    for entry in check.get("journal", []):
        found += shown.journal(entry)
    return found
