"""Steps of a case by their names, and one as an event of loanbook."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from loanbook.core.catalogue.codes import Kind

CLOCK = {"set_business_date", "advance_business_date", "cob_loan", "cob_all", "cob_catch_up",
         "product_edit", "config", "create_loan", "modify_application", "delete_application", "approve", "set_fraud", "undo_approval",
         "asset_transfer", "reprocess_loan",
         "charge_definition_edit", "add_tranche", "reage_preview", "reamortize_preview", "job", "reject", "withdraw", "update_approved_amount",
         "update_available_disbursement_amount"}  # fmt: skip


KINDS = {
    "disburse": Kind.disbursed, "repayment": Kind.payment_received, "payoff": Kind.payment_received,
    "goodwill_credit": Kind.goodwill_credit, "merchant_issued_refund": Kind.merchant_refund,
    "payout_refund": Kind.payout_refund, "interest_payment_waiver": Kind.interest_waived,
    "charge_add": Kind.charge_assessed, "chargeback": Kind.chargeback,
    "credit_balance_refund": Kind.credit_refunded, "charge_off": Kind.charge_off,
    "write_off": Kind.write_off, "charge_waive": Kind.charge_waived,
    "charge_adjustment": Kind.charge_adjusted,
    "terminate_contract": Kind.contract_accelerated, "capitalized_income": Kind.fee_capitalised,
    "capitalized_income_adjustment": Kind.capitalised_fee_adjusted, "buy_down_fee": Kind.rate_bought_down,
    "buy_down_fee_adjustment": Kind.buy_down_adjusted,
    "interest_refund_manual": Kind.interest_refunded,
}  # fmt: skip


TYPE = {kind: name for name, kind in KINDS.items()}


UNDOES = {"terminate_contract_undo": Kind.contract_accelerated, "charge_waive_undo": Kind.charge_waived,
          "reage_undo": Kind.reaged, "reamortize_undo": Kind.reamortised,
          "charge_off_undo": Kind.charge_off}  # fmt: skip


PARTS = {"PERCENT_OF_AMOUNT": ("principal",), "PERCENT_OF_INTEREST": ("interest",),
         "PERCENT_OF_AMOUNT_AND_INTEREST": ("principal", "interest")}  # fmt: skip
"""What an instalment's charge is in per cent of."""


PREVIEWS = {"reage_preview": "reage", "reamortize_preview": "reamortize"}


RESPREADS = {"reage": Kind.reaged, "reamortize": Kind.reamortised}


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
    """A charge in per cent of what is lent and all interest on it, or as `of` says."""
    of: str = ""
    """A part of an instalment that a charge is in per cent of, as the suite names it ..."""
    nth: int = 0
    """... and the number of the instalment."""
    target: int | None = None
    """The step whose payment a chargeback takes back, whose charge is waived or on whose refund interest is
    refunded by hand."""
    listed: dt.date | None = None
    """The date that its row shows, where it is in force from an earlier one."""
    emi: int | None = None
    """Instalment agreed with a payout ..."""
    first_due: dt.date | None = None
    """... and the date of the first one."""
    undone: bool = False
    """A payout that was undone, or its down payment: no longer listed then."""

    @property
    def place(self) -> int:
        """Its place in its day: a waiver takes its charge off before what came to the loan since."""
        return (
            self.target if self.kind is Kind.charge_waived and self.target is not None else self.i
        )


@dataclass
class Mapped:
    """A case as events, which step took each back, and the orders that must be refused."""

    steps: list[Step] = field(default_factory=list)
    reversals: dict[int, int] = field(default_factory=dict)
    """By index in `steps`: the step of the case that reversed it."""
    refused: list[Step] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    """Charges on every instalment that were asked before the payout."""
