"""The product, waterfalls and terms that a case's loan asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.dates.day_count import RateBasis
from loanbook.core.contract.dates.due_dates import Unit
from loanbook.core.contract.figures import Amortisation
from loanbook.core.policy.base import Policy
from loanbook.core.policy.models import OriginationFee, Waterfall
from loanbook.core.policy.product import Product
from tests.conformance import fineract
from tests.conformance.fineract import NotMappedError
from tests.conformance.mapping import applied_charges, date_of, multiple_of
from tests.conformance.steps import PARTS, Step

EXCESS = {"NEXT_INSTALLMENT": "next_instalment", "LAST_INSTALLMENT": "last_instalment",
          "REAMORTIZATION": "spread", "NEXT_LAST_INSTALLMENT": "next_then_last"}  # fmt: skip
MONEY = {"DEFAULT": None, "REPAYMENT": Kind.payment_received, "DOWN_PAYMENT": Kind.down_payment,
         "GOODWILL_CREDIT": Kind.goodwill_credit, "PAYOUT_REFUND": Kind.payout_refund,
         "MERCHANT_ISSUED_REFUND": Kind.merchant_refund,
         "INTEREST_PAYMENT_WAIVER": Kind.interest_waived,
         "CAPITALIZED_INCOME_ADJUSTMENT": Kind.capitalised_fee_adjusted}  # fmt: skip
STRATEGIES = {
    # order within past due and due, and within what is in advance
    "penalties-fees-interest-principal": ("PFIP", "PFIP"),
    "due-penalty-interest-principal-fee/in-advance-penalty-interest-principal-fee": ("PIRF", "PIRF"),
    "due-penalty-fee-interest-principal/in-advance-principal-penalty-fee-interest": ("PFIR", "RPFI"),
    "interest-principal-penalties-fees-order": ("IRPF", "IRPF"),
    "principal-interest-penalties-fees-order": ("RIPF", "RIPF"),
}  # fmt: skip
AFTER = {None: "regular", "REGULAR": "regular", "ZERO_INTEREST": "zero_interest",
         "ACCELERATE_MATURITY": "accelerate_maturity"}  # fmt: skip
REBATES = {"TILL_PRE_CLOSE_DATE": "actuarial", "TILL_REST_FREQUENCY_DATE": "full_period"}
LETTER = {"P": "penalty", "F": "fee", "I": "interest", "R": "principal"}


def product(
    terms: dict[str, Any], fees: list[dict[str, Any]], number: int
) -> list[tuple[str, Policy]]:
    """The policies that a loan's terms, and the `fees` of its payout, ask for, by folder."""
    for charge in applied_charges(terms):
        each = charge["time"] in ("INSTALLMENT", "OVERDUE_INSTALLMENT") and charge[
            "calculation"
        ] in ("FLAT", *PARTS)
        if not charge["time"].endswith("DISBURSEMENT") and not each:
            raise NotMappedError(f"charge {charge['time']} {charge['calculation']}")
    decimals = int(terms["currency_decimals"])
    progressive = terms["schedule_type"] == "PROGRESSIVE"
    flat = terms["interest_type"] == "FLAT"
    basis = fineract._basis(terms)
    kind = Amortisation.equal_instalment
    if flat:
        kind = Amortisation.flat
    elif terms["amortization_type"] == "EQUAL_PRINCIPAL":
        kind = Amortisation.equal_principal
    falls: list[Waterfall] = []
    common = {"version": 1, "effective_from": dt.date(2000, 1, 1)}

    def waterfall(past: list[str], due: list[str], advance: list[str]) -> str:
        timed = (("past_due", past), ("due", due), ("in_advance", advance))
        order = [f"{t}.{c}" for t, cs in timed for c in [*cs, "tax"]]
        direction = terms["schedule_processing_type"].lower()
        name = f"w{number}-{len(falls)}"
        falls.append(Waterfall(name=name, order=order, direction=direction, **common))
        return falls[-1].name

    payments = _payments(terms, waterfall)
    down = terms["down_payment"]
    share = int(Decimal(down["percent"]) * 10**7) if down.get("enabled") else 0
    names = {v: k for k, v in _BASES.items()}
    daily = recalculated(terms)
    # the suite's waiver of interest is money like any other, in the order of a repayment
    own = payments.setdefault("by_kind", {})
    own.setdefault(
        Kind.interest_waived.name,
        {"waterfall": payments["waterfall"], "excess": payments.get("excess", "next_instalment")},
    )
    payments["credit_use"] = "payouts"
    classic = daily and not progressive
    if not daily and not progressive:
        payments["prepaid_at_payout"] = "reallocated"
    if classic:
        payments |= {"excess": STRATEGY[terms["interest_recalculation"]["reschedule_strategy"]]}
        own.clear()
    due, advance = STRATEGIES.get(terms["repayment_strategy"], ("", ""))
    if due != advance:  # of a strategy for which it matters whether a charge is due yet
        if daily:
            raise NotMappedError("charges met by their own date on a loan with daily interest")
        payments["charges"] = "own_date"
    for each in terms.get("credit_allocation") or []:
        payments["chargeback"] = [name.lower() for name in each["order"]]
    made = Product(
        name=f"p{number}", entity="us-consumer", currency=terms["currency"], day_order="sequence",
        schedule={
            "amortisation": kind.name, "rate_basis": names[basis],
            "rate_factor": "decimal_18" if progressive and not flat and basis <= RateBasis.thirty_360
            else "exact",
            "stub": "forward",
            "level_periods": "even" if fineract.even_periods(terms) else "actual",
            "instalment_multiple": multiple_of(terms, decimals),
            "smooth_last_instalment": progressive and kind is Amortisation.equal_instalment,
            "grace_principal": int(terms["grace_on_principal_payment"]),
            "grace_interest": int(terms["grace_on_interest_payment"]),
            "grace_charged": int(terms["grace_on_interest_charged"]),
            "flat_interest": "by_days" if flat and fineract.by_days(terms) else "even",
            "flat_base": "financed" if progressive else "lent",
            "materialised": not daily, "down_payment_ppb": share,
            "tranches": "own_term" if own_term(terms) else "to_come" if daily or progressive else "all",
            "tranche_interest": "whole_period" if by_periods(terms) else "by_nights",
        },
        interest={
            "accrual": "daily", "post_maturity": "none", "covered_instalment": "bears_its_nights" if classic else "fixed",
            "rounded": "segment" if classic else "period", "rebate": REBATES[rules_of(terms)], "after_charge_off": AFTER[terms["charge_off_behaviour"]],
            "overdue_principal": "bears_none"
            if terms["interest_recalculation"].get("disallow_interest_on_past_due")
            else "bears_interest",
            "unpaid_down_payment": "bears_none",
            "charge_off_claims": "scheduled"
            if AFTER[terms["charge_off_behaviour"]] == "regular" else "earned",
        } if daily
        else {"accrual": "scheduled", "rebate": "none",
              "after_charge_off": AFTER[terms["charge_off_behaviour"]]},
        payments=payments, **_deferred(terms), **common,
    )  # fmt: skip
    found: list[tuple[str, Policy]] = [("waterfalls", fall) for fall in falls]
    if fees:
        fee = _origination_fee(fees, number, decimals)
        made = made.model_copy(update={"origination_fee": fee.name})
        found.append(("origination_fees", fee))
    return [*found, ("products", made)]


def own_term(terms: dict[str, Any]) -> bool:
    """Each tranche is a schedule of its own, as long as the loan was agreed for."""
    return bool(terms["multi_disburse"].get("full_term_for_tranche")) and recalculated(terms)


def by_periods(terms: dict[str, Any]) -> bool:
    """Interest is reckoned by whole periods, and none of a part of one."""
    same = terms["interest_calculation_period"] == "SAME_AS_REPAYMENT_PERIOD"
    return same and not terms.get("allow_partial_period_interest")


def _deferred(terms: dict[str, Any]) -> dict[str, str]:
    """What capitalised income or a buy-down is taken as, and who pays for the latter."""
    given = terms.get("capitalized_income") or terms.get("buy_down_fee")
    if not given:
        return {}
    if given["strategy"] != "EQUAL_AMORTIZATION" or given["calculation"] != "FLAT":
        raise NotMappedError("deferred income that is not amortised evenly")
    paid = "expensed" if given.get("merchant") else "received"
    return {"deferred_income": given["income_type"].lower(), "buy_down": paid}


def _origination_fee(fees: list[dict[str, Any]], number: int, decimals: int) -> OriginationFee:
    if len(fees) > 1 or fees[0]["penalty"]:
        raise NotMappedError("several charges at disbursement")
    charge = fees[0]
    flat = charge["calculation"] == "FLAT"
    return OriginationFee(
        name=f"f{number}", version=1, effective_from=dt.date(2000, 1, 1), collected="up_front",
        of=_SHARES[charge["calculation"]], every_payout=charge["time"] == "TRANCHE_DISBURSEMENT",
        flat_minor=fineract.minor(charge["amount"], decimals) if flat else 0,
        percent_ppb=0 if flat else int(Decimal(charge["amount"]) * 10**7),
    )  # fmt: skip


_SHARES: dict[str, Any] = {
    "FLAT": "principal", "PERCENT_OF_AMOUNT": "principal",
    "PERCENT_OF_DISBURSED_AMOUNT": "principal", "PERCENT_OF_INTEREST": "interest",
    "PERCENT_OF_AMOUNT_AND_INTEREST": "principal_and_interest",
}  # fmt: skip


def _payments(terms: dict[str, Any], waterfall: Callable[..., str]) -> dict[str, Any]:
    """Payment rules; `waterfall` makes one of the orders of what is due and in advance."""
    rules: dict[str, Any] = {}
    if terms["repayment_strategy"] == "advanced-payment-allocation":
        payments: dict[str, Any] = {}
        if not terms.get("payment_allocation"):
            raise NotMappedError("advanced payment allocation without its orders")
        for each in terms["payment_allocation"]:
            if each["transaction_type"] not in MONEY:
                continue
            order = [o.rsplit("_", 1)[1].lower() for o in each["order"]]
            timed = {t: [c for o, c in zip(each["order"], order, strict=True) if o.startswith(t)]
                     for t in ("PAST_DUE", "DUE", "IN_ADVANCE")}  # fmt: skip
            rule = {"waterfall": waterfall(*timed.values()),
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
            "waterfall": waterfall(*([LETTER[x] for x in order] for order in (due, due, advance))),
            "excess": "next_instalment",
        }
    return payments


_BASES = {
    "period": RateBasis.period, "30/360": RateBasis.thirty_360, "ACT/365F": RateBasis.act_365f,
    "ACT/360": RateBasis.act_360, "ACT/364": RateBasis.act_364,
    "ACT/365 Actual": RateBasis.act_365_actual, "ACT/ACT closing": RateBasis.act_act_closing,
    "ACT/ACT": RateBasis.act_act,
}  # fmt: skip


def rate_of(terms: dict[str, Any]) -> str:
    found = terms.get("annual_interest_rate") or terms.get("interest_rate") or "0"
    if Decimal(str(found)) == 0:
        return "0"
    return fineract._yearly(terms)


def terms_row(
    terms: dict[str, Any], first: Step, code: int, entity: int, currency: int
) -> dict[str, Any]:
    unit = fineract.UNITS[terms["repayment_frequency_type"]]
    submitted = terms["repayment_start_date_type"] == "SUBMITTED_ON_DATE"
    anchor = date_of(terms["submitted_on"]) if submitted else first.date
    due = first.first_due or fineract._first_due(anchor, unit, int(terms["repayment_every"]))
    anchor = first.first_due or anchor
    fixed, emi = terms.get("fixed_emi_amount"), first.emi
    if emi is None and fixed:
        emi = fineract.minor(fixed, int(terms["currency_decimals"]))
    return {
        "product": code, "entity": entity, "currency": currency,
        "principal_agreed": first.amount, "balloon": 0,
        "rate_ppb": int(Decimal(rate_of(terms)) * 10**7),
        "instalments": int(terms["number_of_repayments"]), "every": int(terms["repayment_every"]),
        "unit": unit.value, "disbursed_on": first.date, "first_due_date": due,
        "anchor_day": anchor.day if unit is Unit.months else due.day, "second_anchor_day": 1,
        "end_of_month": False, "emi": emi, "first_interest_adjustment": 0,
        "matures_on": fineract.matures_on(terms, first.date),
    }  # fmt: skip


def rules_of(terms: dict[str, Any]) -> str:
    """To when interest is asked at a payoff."""
    return str(terms["interest_recalculation"].get("pre_closure") or "TILL_PRE_CLOSE_DATE")


def as_planned(terms: dict[str, Any]) -> dict[str, Any]:
    """The terms of a payout that is planned: each instalment is taken to be paid on its day."""
    rules = terms["interest_recalculation"] | {"enabled": False}
    return terms | {"interest_recalculation": rules}


def bound_to_plan(terms: dict[str, Any]) -> bool:
    """Whether a loan is paid out by the tranches planned for it alone."""
    rules = terms["multi_disburse"]
    return bool(rules.get("enabled")) and not rules.get("disallow_expected_disbursements")


def plan_of(case: dict[str, Any], loan: int, after: int) -> list[tuple[dt.date, int]]:
    """Dates and amounts of the tranches planned by then; a payout sets the amount of its own,
    and undoing the last one takes its tranche away."""
    terms = case["loans"][loan - 1]
    own = [s for s in case["steps"] if s["type"] == "add_tranche" and s["loan"] == loan]
    added = [(s["date"], s["amount"]) for s in own]
    told = [(p["date"], p["amount"]) for p in terms.get("disbursement_plan") or []]
    plan = [p for p in told if p not in added]
    plan += [(s["date"], s["amount"]) for s in own if s["i"] <= after]
    out = 0
    for s in case["steps"]:
        if s.get("loan") != loan or s["i"] > after or s.get("expect") == "rejected":
            continue
        if s["type"] == "disburse" and out < len(plan):
            plan[out] = (plan[out][0], s["amount"])
        if s["type"] == "undo_last_disbursal" and 0 < out <= len(plan):
            del plan[out - 1]
        out = {"disburse": out + 1, "undo_last_disbursal": out - 1, "undo_disbursal": 0}.get(
            s["type"], out
        )
    return [(date_of(d), fineract.minor(a, int(terms["currency_decimals"]))) for d, a in plan]


def recalculated(terms: dict[str, Any]) -> bool:
    """Interest follows the balance as it is really paid: daily simple interest."""
    bears = rate_of(terms) != "0" or terms.get(RATE_TO_COME, False)
    classic_flat = terms["schedule_type"] == "CUMULATIVE" and terms["interest_type"] == "FLAT"
    # flat interest is on what was lent, also where it is worked out anew
    return bool(terms["interest_recalculation"].get("enabled")) and bears and not classic_flat


RATE_TO_COME = "rate_to_come"


def with_rates_to_come(case: dict[str, Any]) -> dict[str, Any]:
    """The case with loans marked that bear no interest at first, and have a rate later."""
    told = {s["loan"] for s in case["steps"] if s["type"] == "reschedule"
            and s.get("new_interest_rate") and s.get("expect") != "rejected"}  # fmt: skip
    loans = [t | ({RATE_TO_COME: True} if n in told else {})
             for n, t in enumerate(case["loans"], start=1)]  # fmt: skip
    return case | {"loans": loans}


def as_modified(case: dict[str, Any], after: int) -> dict[str, Any]:
    """The case with the terms of applications as they were modified by then."""
    loans = list(case["loans"])
    for s in case["steps"]:
        if s["type"] != "modify_application" or s["i"] > after or s.get("expect") == "rejected":
            continue
        terms = loans[s["loan"] - 1]
        if set(s) - {"i", "business_date", "loan", "type", "interest_rate"}:
            raise NotMappedError("an application modified otherwise than in its rate")
        if terms["interest_rate_frequency"] != "YEAR":
            raise NotMappedError("a modified rate that is not by the year")
        rate = s["interest_rate"]
        loans[s["loan"] - 1] = terms | {"interest_rate": rate, "annual_interest_rate": rate}
    return case | {"loans": loans} if loans != case["loans"] else case


def as_written_off(terms: dict[str, Any], kinds: set[Kind]) -> dict[str, Any]:
    """The terms of a loan that is written off and has no charge-off that stands, by the `kinds` of its
    events: a write-off gives up all interest of the schedule, whatever a charge-off would stop."""
    if Kind.write_off not in kinds or Kind.charge_off in kinds:
        return terms
    return terms | {"charge_off_behaviour": "REGULAR"}


STRATEGY = {
    "REDUCE_EMI_AMOUNT": "running_then_recast",
    "REDUCE_NUMBER_OF_INSTALLMENTS": "running_then_curtailment",
    "RESCHEDULE_NEXT_REPAYMENTS": "running_then_next",
}
"""What becomes of money beyond an instalment of a classic schedule."""


def _can_recalculate_classic(terms: dict[str, Any]) -> None:
    """NotMappedError for what a classic schedule is recalculated by and daily interest has no notion of."""
    rules = terms["interest_recalculation"]
    wanted = {
        "amortization_type": (terms["amortization_type"], ("EQUAL_INSTALLMENTS",)),
        "interest_calculation_period": (terms["interest_calculation_period"], ("DAILY",)),
        "rest_frequency": (rules.get("rest_frequency"), ("DAILY",)),
        "full_term_for_tranche": (
            bool(terms["multi_disburse"].get("full_term_for_tranche")), (False,)
        ),
        "reschedule_strategy": (rules.get("reschedule_strategy"), (*STRATEGY,)),
        "repayment_strategy": (
            terms["repayment_strategy"], (*(set(STRATEGIES) - INTEREST_FIRST),)
        ),
    }  # fmt: skip
    for field, (value, known) in wanted.items():
        if value not in known:
            raise NotMappedError(f"interest recalculated by a classic schedule: {field} {value}")


INTEREST_FIRST = {"interest-principal-penalties-fees-order"}
"""Orders by which a classic schedule ends an instalment on the day of each payment."""


def can_recalculate(terms: dict[str, Any]) -> None:
    """NotMappedError for what daily interest has no notion of yet."""
    rules = terms["interest_recalculation"]
    if terms["schedule_type"] != "PROGRESSIVE":
        _can_recalculate_classic(terms)
    # of late payments the suite counts every day, whatever the rest frequency
    if rules.get("rest_frequency") not in ("DAILY", "SAME_AS_REPAYMENT"):
        raise NotMappedError("interest recalculated otherwise than daily")
    if terms["interest_type"] == "FLAT":
        raise NotMappedError("flat interest with recalculation")
