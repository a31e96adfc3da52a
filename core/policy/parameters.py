"""What a product's file says as the parameters that its loans pin, part by part.

Each function gives columns of `loanbook.core.contract.parameters.Parameters`; together with those
that need other policies (`PolicyBook.pins`) they are one row of it.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from loanbook.core.catalogue.codes import (
    AfterChargeOff,
    CreditUse,
    Excess,
    InterestMode,
    NonAccrual,
    Rebate,
)
from loanbook.core.contract.business_days import BusinessDay
from loanbook.core.contract.figures import Amortisation, RateBasis
from loanbook.core.contract.first_period import Stub
from loanbook.core.contract.money import PPB, Rounding, rate_to_ppb
from loanbook.core.contract.steps_and_seasons import PLAIN, packed
from loanbook.core.policy.product import Product

Values = dict[str, int | bool]

_BASIS = {
    "period": RateBasis.period, "30/360": RateBasis.thirty_360, "ACT/365F": RateBasis.act_365f,
    "ACT/360": RateBasis.act_360, "ACT/364": RateBasis.act_364, "ACT/ACT": RateBasis.act_act,
    "ACT/365 Actual": RateBasis.act_365_actual, "ACT/ACT closing": RateBasis.act_act_closing,
    "30E/360": RateBasis.thirty_e_360, "daily": RateBasis.daily, "effective": RateBasis.effective,
}  # fmt: skip
UNBOUNDED = 2**60
"""A rate (parts per billion) that no rate reaches."""


def of_product(product: Product) -> Values:
    """Every parameter that the product's file says by itself."""
    return {
        **_schedule(product),
        **_weights(product),
        **_interest(product),
        **_money(product),
        **_floating(product),
        **_income(product),
        **_line(product),
    }


def _schedule(product: Product) -> Values:
    """How instalments are made."""
    s = product.schedule
    return {
        "amortisation": Amortisation[s.amortisation].value,
        "basis": _BASIS[s.rate_basis].value,
        "stub": Stub[s.stub].value,
        "decimal_factor": s.rate_factor == "decimal_18",
        "interest_rounding": Rounding[s.interest_rounding].value,
        "instalment_rounding": Rounding[s.instalment_rounding].value,
        "instalment_multiple": s.instalment_multiple,
        "smooth_last_instalment": s.smooth_last_instalment,
        "grace_principal": s.grace_principal,
        "grace_interest": s.grace_interest,
        "grace_charged": s.grace_charged,
        "business_day": BusinessDay[s.business_day].value,
        "adjust_accrual": s.adjust_accrual,
        "materialised": s.materialised,
        "down_payment_ppb": s.down_payment_ppb,
        "tranches_over_all": s.tranches == "all",
        "capitalises": s.shortfall == "capitalise",
        "flat_by_days": s.flat_interest == "by_days",
        "level_last": s.last_instalment == "level",
    }


def _weights(product: Product) -> Values:
    """Instalments that are not all alike: steps and seasons."""
    step, season = product.schedule.step_up, product.schedule.season
    return {
        "step_ppb": rate_to_ppb(step.percent) if step else 0,
        "step_every": step.every if step else 1,
        "season": packed([Fraction(share) for share in season]) if season else PLAIN,
    }


def _interest(product: Product) -> Values:
    """How interest is earned between due dates, and asked at an end."""
    i = product.interest
    return {
        "interest_mode": InterestMode[i.accrual].value,
        "residue": int(i.residue == "carry"),
        "post_maturity": int(i.post_maturity == "contract_rate"),
        "after_charge_off": AfterChargeOff[i.after_charge_off].value,
        "rebate": Rebate[i.rebate].value,
        "claims_scheduled": i.charge_off_claims == "scheduled",
        "covered_is_fixed": i.covered_instalment == "fixed",
        "overdue_is_free": i.overdue_principal == "bears_none",
        "due_at_payment": i.interest_due_at == "payment_date",
    }


def _money(product: Product) -> Values:
    """Where money goes, and in what order the day takes it."""
    return {
        "excess": Excess[product.payments.excess].value,
        "credit_use": CreditUse[product.payments.credit_use].value,
        "in_sequence": product.day_order == "sequence",
        "small_balance": product.small_balance_minor,
    }


def _floating(product: Product) -> Values:
    """How a product's rate follows its index, in parts per billion; of a fixed rate, nothing."""
    rules = product.floating
    if rules is None:
        rates = ("rate_multiplier", "rate_floor", "rate_cap", "reset_cap")
        return {**dict.fromkeys(rates, 0), "resets_keep_instalment": False}

    def ppb(text: str | None, otherwise: int) -> int:
        return otherwise if text is None else int(Decimal(text) * 10**7)

    return {
        "rate_multiplier": int(Decimal(rules.multiplier) * PPB),
        "rate_floor": ppb(rules.floor_percent, -UNBOUNDED),
        "rate_cap": ppb(rules.cap_percent, UNBOUNDED),
        "reset_cap": ppb(rules.reset_cap_percent, UNBOUNDED),
        "resets_keep_instalment": rules.keep == "instalment",
    }


def _income(product: Product) -> Values:
    """When interest and fees are income."""
    rules = product.non_accrual
    return {
        "deferred_as_fee": product.deferred_income == "fee",
        "cash_accounting": product.accounting == "cash",
        "non_accrual_mode": NonAccrual[rules.mode if rules else "none"].value,
        "non_accrual_days": rules.days_past_due if rules else 0,
        "returns_days": rules.returns_after_days if rules else 0,
        "buy_down_expensed": product.buy_down == "expensed",
    }


def _line(product: Product) -> Values:
    """A line of credit's statements, and its cash advances."""
    line = product.line
    advances = line.cash_advances if line else None
    return {
        "revolving": line is not None,
        "due_days": line.due_days if line else 0,
        "grace_on_draws": line is not None and line.grace_on_draws,
        "minimum_floor": line.minimum_floor_minor if line else 0,
        "minimum_ppb": rate_to_ppb(line.minimum_percent) if line else 0,
        "cash_advance_margin": rate_to_ppb(advances.margin_percent) if advances else 0,
    }
