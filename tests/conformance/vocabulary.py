"""Names and values of the fields of life cycles (DICTIONARY.md) that mean something here.

A field that has no entry, and a value that its entry does not list, are refused by name, so that nothing
is mapped that was not understood. A field that is empty (null, false, zero, nothing in it) asks for nothing.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from tests.conformance.fineract import NotMappedError

FREE = None
"""A name, a date, an amount, a rate or a count: any value."""
YES = frozenset({"True", "False"})


def _of(*values: str) -> frozenset[str]:
    return frozenset(values)


CHARGE: dict[str, Any] = {
    "code": FREE, "amount": FREE, "penalty": YES,
    "time": _of("SPECIFIED_DUE_DATE", "INSTALLMENT", "DISBURSEMENT", "TRANCHE_DISBURSEMENT",
                "OVERDUE_INSTALLMENT"),
    "calculation": _of("FLAT", "PERCENT_OF_AMOUNT", "PERCENT_OF_INTEREST", "PERCENT_OF_DISBURSED_AMOUNT",
                       "PERCENT_OF_AMOUNT_AND_INTEREST"),
}  # fmt: skip
DEFERRED = {"strategy": _of("EQUAL_AMORTIZATION"), "calculation": _of("FLAT"),
            "income_type": _of("INTEREST", "FEE"), "merchant": YES}  # fmt: skip
PARTS = ("PENALTY", "FEE", "PRINCIPAL", "INTEREST")
UNITS = _of("DAYS", "WEEKS", "MONTHS")
TERMS: dict[str, Any] = {
    "product": FREE, "currency": FREE, "currency_decimals": FREE, "principal": FREE,
    "interest_rate": FREE, "annual_interest_rate": FREE,
    "interest_rate_frequency": _of("YEAR", "MONTH", "WHOLE_TERM"),
    "interest_type": _of("DECLINING_BALANCE", "FLAT"),
    "amortization_type": _of("EQUAL_INSTALLMENTS", "EQUAL_PRINCIPAL"),
    "interest_calculation_period": _of("DAILY", "SAME_AS_REPAYMENT_PERIOD"),
    "allow_partial_period_interest": YES, "days_in_year": _of("ACTUAL", "360", "364", "365"),
    "days_in_month": _of("ACTUAL", "30"), "days_in_year_custom_strategy": _of("FEB_29_PERIOD_ONLY"),
    "term_frequency": FREE, "term_frequency_type": UNITS, "number_of_repayments": FREE,
    "repayment_every": FREE, "repayment_frequency_type": UNITS, "grace_on_principal_payment": FREE,
    "grace_on_interest_payment": FREE, "grace_on_interest_charged": FREE,
    "grace_on_arrears_ageing": FREE, "schedule_type": _of("CUMULATIVE", "PROGRESSIVE"),
    "schedule_processing_type": _of("HORIZONTAL", "VERTICAL"),
    "repayment_start_date_type": _of("DISBURSEMENT_DATE", "SUBMITTED_ON_DATE"),
    "installment_amount_multiple_of": FREE, "currency_multiple_of": FREE, "fixed_length_days": FREE,
    "fixed_emi_amount": FREE,
    "repayment_strategy": _of(
        "advanced-payment-allocation", "penalties-fees-interest-principal",
        "due-penalty-interest-principal-fee/in-advance-penalty-interest-principal-fee",
        "due-penalty-fee-interest-principal/in-advance-principal-penalty-fee-interest",
        "interest-principal-penalties-fees-order", "principal-interest-penalties-fees-order",
    ),
    "payment_allocation": {
        "transaction_type": _of(
            "DEFAULT", "REPAYMENT", "DOWN_PAYMENT", "GOODWILL_CREDIT", "MERCHANT_ISSUED_REFUND",
            "PAYOUT_REFUND", "INTEREST_PAYMENT_WAIVER", "CAPITALIZED_INCOME_ADJUSTMENT",
            "INTEREST_REFUND", "CHARGE_ADJUSTMENT",
        ),
        "future_installment_allocation_rule": _of(
            "NEXT_INSTALLMENT", "LAST_INSTALLMENT", "REAMORTIZATION", "NEXT_LAST_INSTALLMENT"
        ),
        "order": frozenset(f"{t}_{p}" for t in ("PAST_DUE", "DUE", "IN_ADVANCE") for p in PARTS),
    },
    "credit_allocation": {"transaction_type": _of("CHARGEBACK"), "order": frozenset(PARTS)},
    "interest_recalculation": {
        "enabled": YES, "compounding": _of("NONE"), "rest_frequency": _of("DAILY", "SAME_AS_REPAYMENT"),
        "rest_interval": _of("1"), "disallow_interest_on_past_due": YES,
        "reschedule_strategy": _of(
            "ADJUST_LAST_UNPAID_PERIOD", "REDUCE_EMI_AMOUNT", "RESCHEDULE_NEXT_REPAYMENTS",
            "REDUCE_NUMBER_OF_INSTALLMENTS",
        ),
        "pre_closure": _of("TILL_PRE_CLOSE_DATE", "TILL_REST_FREQUENCY_DATE"),
        "compounding_frequency": FREE, "compounding_interval": FREE, "compounding_on_day": FREE,
    },
    "down_payment": {"enabled": YES, "percent": FREE, "auto": YES},
    "multi_disburse": {"enabled": YES, "max_tranches": FREE, "disallow_expected_disbursements": YES,
                       "full_term_for_tranche": YES},
    "over_applied": {"type": _of("PERCENT", "FLAT"), "number": FREE},
    "accounting_rule": _of("ACCRUAL_PERIODIC", "NONE"),
    "charge_off_behaviour": _of("REGULAR", "ZERO_INTEREST", "ACCELERATE_MATURITY"),
    "accrual_activity_posting": YES, "interest_recognition_on_disbursement_date": YES,
    "interest_refund_on": _of("MERCHANT_ISSUED_REFUND", "PAYOUT_REFUND"),
    "capitalized_income": DEFERRED, "buy_down_fee": DEFERRED,
    "delinquency": {"bucket": FREE, "installment_level": YES},
    "submitted_on": FREE, "expected_disbursement_date": FREE,
    "disbursement_plan": {"date": FREE, "amount": FREE}, "charges": CHARGE, "product_charges": CHARGE,
}  # fmt: skip
TARGET = {"rule": FREE, "nth": FREE, "of": FREE, "type": FREE, "date": FREE, "step": FREE,
          "resolved": FREE, "implicit": FREE}  # fmt: skip
COMMON = {"i": FREE, "business_date": FREE, "loan": FREE, "type": FREE, "date": FREE, "amount": FREE,
          "payment_type": FREE, "expect": _of("rejected"), "note": FREE}  # fmt: skip
"""Fields that every step may have."""
RESPREAD = {"interest_handling": _of(
    "DEFAULT", "EQUAL_AMORTIZATION_FULL_INTEREST", "EQUAL_AMORTIZATION_PAYABLE_INTEREST",
    "EQUAL_AMORTIZATION_INTEREST_SPLIT")}  # fmt: skip
REAGE = RESPREAD | {"frequency_number": FREE, "start_date": FREE, "number_of_installments": FREE,
                    "frequency_type": _of("DAYS", "WEEKS", "MONTHS", "YEARS")}  # fmt: skip
PAUSE = {"start": FREE, "end": FREE}
STEPS: dict[str, dict[str, Any]] = {
    "create_loan": {"terms": FREE}, "approve": {"expected_disbursement_date": FREE},
    "advance_business_date": {"days": FREE},
    "config": {"name": _of("charge-accrual-date", "is-principal-compounding-disabled-for-overdue-loans",
                           "enable-immediate-charge-accrual-post-maturity", "enable-business-date"),
               "value": FREE, "enabled": YES},
    "job": {"name": FREE}, "modify_application": {"interest_rate": FREE},
    "product_edit": {"product": FREE, "transaction_type": FREE,
                     "future_installment_allocation_rule": FREE},
    "charge_definition_edit": {"charge": FREE, "calculation": FREE},
    "disburse": {"skip_auto_down_payment": YES, "fixed_emi": FREE, "first_repayment_date": FREE},
    "payoff": {"amount_source": FREE}, "adjust": {"target": TARGET},
    "merchant_issued_refund": {"calculate_interest_refund": YES},
    "payout_refund": {"calculate_interest_refund": YES},
    "interest_refund_manual": {"for_type": FREE, "for_date": FREE, "for_nth": FREE},
    "chargeback": {"target": TARGET}, "reverse": {"target": TARGET, "target_date": FREE,
                                                  "target_amount": FREE},
    "capitalized_income": {"classification": FREE}, "buy_down_fee": {"classification": FREE},
    "capitalized_income_adjustment": {"original_date": FREE}, "buy_down_fee_adjustment": {"original_date": FREE},
    "charge_add": {"charge": CHARGE, "due_date": FREE},
    "charge_waive": {"target": _of("last_added_charge")},
    "charge_waive_undo": {"target": _of("first_waive_transaction")},
    "charge_adjustment": {"charge": FREE, "charge_due_date": FREE},
    "charge_off": {"reason": FREE}, "write_off": {"reason": FREE}, "set_fraud": {"value": YES},
    "reage": REAGE, "reage_preview": REAGE, "reamortize": RESPREAD, "reamortize_preview": RESPREAD,
    "reschedule": {"from_date": FREE, "submitted_on": FREE, "approved_on": FREE,
                   "adjusted_due_date": FREE, "grace_on_principal": FREE, "grace_on_interest": FREE,
                   "extra_terms": FREE, "new_interest_rate": FREE, "via": FREE},
    "interest_pause": PAUSE, "interest_pause_update": PAUSE, "interest_pause_delete": PAUSE,
    "asset_transfer": {"transaction_type": FREE, "settlement_date": FREE, "purchase_price_ratio": FREE},
    "delinquency_pause": PAUSE, "delinquency_resume": PAUSE,
}  # fmt: skip
"""Fields of steps by type, besides `COMMON`; a type that is missing has no others."""


OFF = {"enabled": False}
DEFAULTS: dict[str, Any] = {
    "grace_on_principal_payment": 0, "grace_on_interest_payment": 0, "grace_on_interest_charged": 0,
    "grace_on_arrears_ageing": 0, "installment_amount_multiple_of": None, "currency_decimals": 2,
    "down_payment": OFF, "multi_disburse": OFF, "interest_recalculation": OFF,
    "charge_off_behaviour": "REGULAR", "amortization_type": "EQUAL_INSTALLMENTS",
    "schedule_processing_type": "HORIZONTAL", "repayment_start_date_type": "DISBURSEMENT_DATE",
    "accounting_rule": "NONE", "interest_rate_frequency": "YEAR", "delinquency": {},
}  # fmt: skip
"""What a field of terms is that a case leaves out; every other one that is left out asks for nothing."""
NEEDED = ("currency", "interest_rate", "interest_type", "schedule_type",
          "interest_calculation_period", "days_in_year", "days_in_month", "number_of_repayments",
          "repayment_every", "repayment_frequency_type", "repayment_strategy")  # fmt: skip


def with_defaults(case: dict[str, Any]) -> dict[str, Any]:
    """The case with the fields of terms and steps that it leaves out."""
    given = {name: [_whole(t) for t in case[name]] for name in ("loans",) if name in case}
    if "terms" in case:
        given["terms"] = _whole(case["terms"])
    if "steps" in case:
        given["steps"] = [{"business_date": None} | step for step in case["steps"]]
    return case | given


def _whole(terms: dict[str, Any]) -> dict[str, Any]:
    """Terms with what they leave out, the rate a year among it."""
    given, times = DEFAULTS | terms, {"YEAR": 1, "MONTH": 12}
    each = times.get(given["interest_rate_frequency"])
    if (
        given.get("annual_interest_rate") is None
        and given.get("interest_rate") is not None
        and each
    ):
        given["annual_interest_rate"] = str(Decimal(str(given["interest_rate"])) * each)
    return given


def refuse_unknown(case: dict[str, Any]) -> None:
    """NotMappedError for the first field or value of a life cycle without a meaning here."""
    for terms in case.get("loans") or [case["terms"]]:
        _known("terms", terms, TERMS)
        for name in NEEDED:
            if terms.get(name) is None:
                raise NotMappedError(f"terms: no {name}")
    loans = len(case.get("loans") or [1])
    for step in case.get("steps", []):
        kind = step["type"]
        _known(f"step {kind}", step, COMMON | STEPS.get(kind, {}))
        _asks_all(step, loans)


OF_NO_LOAN = {"config", "job", "product_edit", "charge_definition_edit", "set_business_date",
              "advance_business_date", "cob_all", "cob_catch_up"}  # fmt: skip
"""Steps that are of no loan."""
NEEDS: dict[str, tuple[str, ...]] = {
    "reage": ("frequency_number", "frequency_type", "start_date", "number_of_installments"),
    "reage_preview": ("frequency_number", "frequency_type", "start_date", "number_of_installments"),
    "interest_pause": ("start", "end"), "interest_pause_update": ("start", "end"),
    "delinquency_pause": ("start", "end"), "delinquency_resume": ("start",),
    "reschedule": ("from_date",), "charge_add": ("charge",), "reverse": ("target",), "chargeback": ("target",),
    "adjust": ("target", "amount"), "disburse": ("amount",), "repayment": ("amount",),
    "interest_refund_manual": ("for_type", "for_date"), "update_approved_amount": ("amount",),
    "update_available_disbursement_amount": ("amount",),
}  # fmt: skip
"""Fields without which a step says nothing."""
DATES = ("business_date", "date", "due_date", "start", "end", "from_date", "start_date",
         "adjusted_due_date", "for_date", "first_repayment_date", "submitted_on")  # fmt: skip
NUMBERS = (
    "amount",
    "new_interest_rate",
    "fixed_emi",
    "number_of_installments",
    "frequency_number",
    "extra_terms",
)


def _asks_all(step: dict[str, Any], loans: int) -> None:
    """NotMappedError for a step that lacks what it is about, or of which a date or an amount is none."""
    kind = step["type"]
    for name in NEEDS.get(kind, ()):
        if step.get(name) in (None, {}, []):
            raise NotMappedError(f"step {kind} without {name}")
    if kind not in OF_NO_LOAN and step.get("loan") not in range(1, loans + 1):
        raise NotMappedError(f"step {kind} of no loan")
    if kind not in OF_NO_LOAN and step.get("business_date") is None:
        raise NotMappedError(f"step {kind} without business_date")
    for name in (*DATES, *NUMBERS):
        if step.get(name) is not None and not _reads(step[name], name in DATES):
            raise NotMappedError(f"step {kind}: {name} {step[name]}")
    charge = step.get("charge")
    if kind == "charge_add" and isinstance(charge, dict):
        for name in ("time", "calculation", "amount"):
            if charge.get(name) is None:
                raise NotMappedError(f"step {kind} without {name} of its charge")
        if charge["time"] == "SPECIFIED_DUE_DATE" and step.get("due_date") is None:
            raise NotMappedError(f"step {kind} without due_date")


def _reads(value: Any, date: bool) -> bool:
    """Whether a value is a date, or a number."""
    try:
        if date:
            dt.date.fromisoformat(value)
        else:
            Decimal(str(value))
    except (TypeError, ValueError, ArithmeticError):
        return False
    return True


def _known(where: str, given: dict[str, Any], known: dict[str, Any]) -> None:
    for name, value in given.items():
        if name not in known and not _empty(value):
            raise NotMappedError(f"{where}: field {name}")
        if known.get(name) is FREE or _empty(value):
            continue
        each = value if isinstance(value, list) else [value]
        for one in each:
            if isinstance(known[name], dict) and not isinstance(one, dict):
                raise NotMappedError(f"{where}: {name} {one}")
            if isinstance(known[name], dict):
                _known(f"{where}: {name}", one, known[name])
            elif str(one) not in known[name]:
                raise NotMappedError(f"{where}: {name} {one}")


def _empty(value: Any) -> bool:
    """Whether a value asks for nothing: null, no, none of it, or a rule that is switched off."""
    if isinstance(value, dict):
        return value.get("enabled") is False or not value
    return not value or str(value) == "0"
