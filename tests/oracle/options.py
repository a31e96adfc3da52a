"""Policy options and life events, which of them go together, and the product of a row of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from loanbook.core.policy.models import Delinquency, Policy, Tax
from loanbook.core.policy.product import Product

SINCE = dt.date(2000, 1, 1)

OPTIONS: dict[str, list[Any]] = {
    "amortisation": ["equal_instalment", "equal_principal", "interest_only", "flat"],
    "accrual": ["daily", "scheduled"],
    "basis": ["period", "30/360", "ACT/365F", "ACT/360", "ACT/364", "ACT/ACT", "30E/360", "daily",
              "effective"],
    "stub": ["none", "long", "short"],
    "unit": [("months", 1), ("weeks", 2), ("semi_monthly", 1), ("days", 30)],
    "grace_principal": [0, 2],
    "rounding": ["half_even", "half_up", "down", "up"],
    "interest_rounding": ["half_even", "half_up", "down", "up"],
    "currency": ["USD", "JPY", "KWD"],
    "down_payment": [0, 25],
    "payouts": ["one", "on_due_date", "between", "two_of_a_day"],
    "multiple": [1, 100],
    "smooth": [False, True],
    "heights": ["alike", "steps", "seasons"],
    "residue": ["drop", "carry"],
    "balloon": [0, 30],
    "waterfall": ["standard", "us-consumer", "by-component"],
    "excess": ["next_instalment", "next_then_principal", "last_instalment"],
    "rebate": ["actuarial", "none"],
    "credit_use": ["next_due", "hold"],
    "books": ["accrual", "cash", "reverse_to_memo", "suspense"],
    "late_fee": [None, "standard", "us-consumer"],
    "tax": [None, "oracle-fees", "oracle-all"],
    "penal": [None, ("principal", 0, "interest"), ("principal_and_interest", 5, "charge")],
    "delinquency": ["standard", "oracle-rbi", "oracle-tolerant"],
    "business_day": [("unadjusted", False), ("following", False), ("following", True),
                     ("modified_following", True), ("preceding", True)],
    "rate": ["0", "9.99", "24", "36.5"],
    "first": ["on_time", "late", "short", "missed"],
    "second": ["none", "early", "same_day", "ahead", "payoff", "reversed", "goodwill"],
    "third": ["none", "charge_off", "write_off", "chargeback", "fee", "credit_refunded", "rate_changed", "term_extended",
              "interest_paused", "given_up_later", "reamortised", "reaged", "moratorium_granted", "contract_accelerated",
              "due_date_moved", "interest_capitalised", "split", "fixed"],
    "after_charge_off": ["regular", "zero_interest", "accelerate_maturity"],
}  # fmt: skip
"""What a product may choose, and what happens in its loans' lives."""


HEIGHTS: dict[str, dict[str, Any]] = {
    "alike": {}, "steps": {"step_up": {"percent": "5", "every": 2}},
    "seasons": {"season": ["1", "0.5", "0", "2", "1", "0", "1", "1", "1", "1", "1", "1.5"]},
}  # fmt: skip
BOOKS: dict[str, dict[str, Any]] = {
    "accrual": {}, "cash": {"accounting": "cash"},
    **{mode: {"non_accrual": {"mode": mode, "days_past_due": 10, "returns_after_days": 5}}
       for mode in ("reverse_to_memo", "suspense")},
}  # fmt: skip
"""How the lender books a loan, which is nothing to what is claimed."""


def product_of(name: str, row: dict[str, Any]) -> Product:
    """The product that a row of the array describes."""
    n_grace = row["grace_principal"]
    return Product.model_validate(
        {
            "name": name, "version": 1, "effective_from": SINCE, "entity": "us-consumer",
            "currency": row["currency"], "tax": row["tax"],
            "penal": row["penal"] and {
                "rate_percent": "24", "base": row["penal"][0], "grace_days": row["penal"][1],
                "mode": row["penal"][2],
            },
            "schedule": {
                "amortisation": row["amortisation"], "rate_basis": row["basis"],
                "grace_principal": n_grace, "instalment_rounding": row["rounding"],
                "interest_rounding": row["interest_rounding"],
                "down_payment_ppb": row["down_payment"] * 10**7,
                "instalment_multiple": row["multiple"],
                "smooth_last_instalment": row["smooth"],
                "business_day": row["business_day"][0], "calendar": "us-federal",
                "adjust_accrual": row["business_day"][1], **HEIGHTS[row["heights"]],
            },
            "interest": {"accrual": row["accrual"], "residue": row["residue"],
                         "rebate": row["rebate"],
                         "after_charge_off": row["after_charge_off"]},
            "payments": {"waterfall": row["waterfall"], "excess": row["excess"],
                         "credit_use": row["credit_use"]},
            "payouts": {"over_ppb": 10**9}, "late_fee": row["late_fee"], "delinquency": row["delinquency"], **BOOKS[row["books"]],
        }
    )  # fmt: skip


def own_policies() -> list[tuple[str, Policy]]:
    """Policies beside the shipped ones that the products name."""
    common = {"version": 1, "effective_from": SINCE}
    return [
        (
            "taxes",
            Tax(
                name="oracle-fees",
                of=["fee", "penalty"],
                rate_ppb=18 * 10**7,
                rounding="half_up",
                **common,
            ),
        ),
        (
            "taxes",
            Tax(
                name="oracle-all", of=["interest", "fee", "penalty"], rate_ppb=16 * 10**7, **common
            ),
        ),
        ("delinquency", Delinquency(name="oracle-rbi", convention="rbi", **common)),
        (
            "delinquency",
            Delinquency(name="oracle-tolerant", tolerance_minor=500, tolerance_ppb=10**8, **common),
        ),
    ]
