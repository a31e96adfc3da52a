"""What the suite calls events, journal entries and accounts."""

from __future__ import annotations

from loanbook.core.catalogue.codes import Kind

NAMES = {
    Kind.disbursed: "Disbursement", Kind.payment_received: "Repayment",
    Kind.down_payment: "Down Payment", Kind.goodwill_credit: "Goodwill Credit",
    Kind.merchant_refund: "Merchant Issued Refund", Kind.payout_refund: "Payout Refund",
    Kind.interest_waived: "Interest Payment Waiver", Kind.chargeback: "Chargeback",
    Kind.credit_refunded: "Credit Balance Refund", Kind.charge_off: "Charge-off",
    Kind.write_off: "Close (as written-off)", Kind.reaged: "Re-age",
    Kind.contract_accelerated: "Contract Termination", Kind.charge_adjusted: "Charge Adjustment", Kind.reamortised: "Re-amortize", Kind.charge_waived: "Waive loan charges",
    Kind.fee_capitalised: "Capitalized Income",
    Kind.capitalised_fee_adjusted: "Capitalized Income Adjustment", Kind.rate_bought_down: "Buy Down Fee",
    Kind.buy_down_adjusted: "Buy Down Fee Adjustment", Kind.interest_refunded: "Interest Refund",
}  # fmt: skip
JOURNAL = {name: kind for kind, name in {
    Kind.disbursed: "DISBURSEMENT", Kind.payment_received: "REPAYMENT",
    Kind.down_payment: "DOWN_PAYMENT", Kind.goodwill_credit: "GOODWILL_CREDIT",
    Kind.merchant_refund: "MERCHANT_ISSUED_REFUND", Kind.payout_refund: "PAYOUT_REFUND",
    Kind.interest_waived: "INTEREST_PAYMENT_WAIVER", Kind.chargeback: "CHARGEBACK",
    Kind.credit_refunded: "CREDIT_BALANCE_REFUND", Kind.charge_off: "CHARGE_OFF",
    Kind.write_off: "WRITE_OFF", Kind.charge_adjusted: "CHARGE_ADJUSTMENT",
    Kind.fee_capitalised: "CAPITALIZED_INCOME",
    Kind.capitalised_fee_adjusted: "CAPITALIZED_INCOME_ADJUSTMENT", Kind.rate_bought_down: "BUY_DOWN_FEE",
    Kind.buy_down_adjusted: "BUY_DOWN_FEE_ADJUSTMENT", Kind.interest_refunded: "INTEREST_REFUND",
}.items()}  # fmt: skip
ACCOUNTS = {
    "loan_principal": "Loans Receivable", "interest_due": "Interest/Fee Receivable",
    "interest_accrued": "Interest/Fee Receivable", "fees_receivable": "Interest/Fee Receivable",
    "penalties_receivable": "Interest/Fee Receivable",
    "payment_clearing": "Suspense/Clearing account", "payout_clearing": "Suspense/Clearing account",
    "borrower_credit": "Overpayment account", "credit_loss": "Credit Loss/Bad Debt",
    "interest_charged_off": "Interest Income Charge Off", "fee_charged_off": "Fee Charge Off",
    "recovery_income": "Recoveries", "goodwill_expense": "Goodwill Expense Account",
    "write_off_expense": "Written off", "interest_waived": "Interest Income", "fee_income": "Fee Income",
    "charge_adjusted": "Fee Income", "deferred_fee_income": "Deferred Capitalized Income",
    "buy_down_expense": "Buy Down Expense", "interest_income": "Interest Income",
}  # fmt: skip
