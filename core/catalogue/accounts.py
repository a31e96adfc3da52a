"""Account roles as stored codes; the lender's own numbers come from the accounts policy."""

from __future__ import annotations

ROLES = (
    "loan_principal", "interest_accrued", "interest_due", "fees_receivable",
    "penalties_receivable", "tax_receivable", "payout_clearing", "payment_clearing", "bank",
    "borrower_credit", "unidentified_receipts", "interest_income", "fee_income",
    "penalty_income", "deferred_fee_income", "interest_charged_off", "fee_charged_off",
    "credit_loss", "recovery_income", "memo_claim", "memo_contra", "goodwill_expense",
    "write_off_expense", "interest_waived", "charge_waived", "charge_adjusted",
    "buy_down_expense", "interest_suspense", "deferred_capitalised_interest", "memo_interest",
    "memo_charges", "refinance_clearing", "migration", "tax_payable",
    "unclaimed_credit_income", "escheat_payable", "payment_processing_expense",
)  # fmt: skip
"""Account roles of the postings table. Append only: codes are stored."""

ROLE = {name: code for code, name in enumerate(ROLES)}
"""Code of an account role, by name."""

MEMORANDUM = frozenset(
    {ROLE["memo_claim"], ROLE["memo_contra"], ROLE["memo_interest"], ROLE["memo_charges"]}
)
"""Roles kept off the general ledger, with a trial balance of their own."""
