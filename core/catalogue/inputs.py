"""What a decision may look at: a row an input, with its type, source and meaning.

A policy of decisions names inputs of this list alone. An input is a whole number, a word or yes or no, never a
float: so the same input gives the same answer for ever. Amounts are minor units, shares basis points, times days or
months before the moment of the decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

Source = Literal[
    "application",
    "bureau",
    "bank",
    "history",
    "identity",
    "consent",
    "velocity",
    "graph",
    "parties",
    "documents",
]
LARGEST = 10**15
"""No number of an input is larger, above or below zero: another is mistyped."""


@dataclass(frozen=True)
class Input:
    """An input of decisions."""

    name: str
    type: pl.DataType
    source: Source
    unit: str
    what: str
    """What it is, in words that also name it where a decision lacks it."""
    none: str = ""
    """What it says that there is none; empty: that it is not known."""

    @property
    def meaning(self) -> str:
        """What it is, and what it says that there is none."""
        return f"{self.what}; none: {self.none}" if self.none else self.what


def _rows(source: Source, type_: type[pl.DataType], *rows: tuple[str, ...]) -> list[Input]:
    """Inputs of a source; a row: name, unit, `what`, and `none` where it says something."""
    return [Input(name, type_(), source, unit, *told) for name, unit, *told in rows]


INPUTS: tuple[Input, ...] = (
    *_rows("application", pl.Int64,
           ("amount", "minor units", "amount that is asked for"),
           ("term", "months", "months over which it is to be paid back"),
           ("income_year", "minor units", "income of a year as stated, of all borrowers together"),
           ("income_verified_year", "minor units", "income of a year as verified by a source", "it was not"),
           ("employment_years", "years", "years with the present employer"),
           ("age_years", "years", "age of the youngest borrower"),
           ("borrowers", "count", "borrowers who ask together"),
           ("guarantors", "count", "guarantors named")),
    *_rows("application", pl.String,
           ("purpose", "word", "what the money is for"),
           ("housing", "word", "how the applicant lives: mortgage, own, rent"),
           ("state", "word", "state or region of residence (ISO 3166-2 without the country)"),
           ("applicant_kind", "word", "individual, joint or business"),
           ("channel", "word", "partner or way by which the application came")),
    *_rows("bureau", pl.Int64,
           ("bureau_age_days", "days", "days since the bureau report was drawn"),
           ("debt_to_income_bp", "basis points", "monthly debt payments over income"),
           ("delinquencies_24m", "count", "delinquencies of 30 days or more in two years"),
           ("months_since_delinquency", "months", "months since the last delinquency", "there was none"),
           ("inquiries_12m", "count", "inquiries for credit in a year"),
           ("accounts_opened_24m", "count", "accounts opened in two years"),
           ("open_accounts", "count", "open lines of credit"),
           ("total_accounts", "count", "lines of credit ever"),
           ("credit_limit", "minor units", "limits of all lines together"),
           ("credit_used", "minor units", "balances of all lines together"),
           ("utilisation_bp", "basis points", "balances over limits", "no limit"),
           ("card_limit", "minor units", "limits of cards together"),
           ("mortgages", "count", "mortgage accounts"),
           ("collections_12m", "count", "accounts sent to collection in a year"),
           ("accounts_past_due", "count", "accounts past due now"),
           ("accounts_past_due_120", "count", "accounts 120 days past due or more"),
           ("tax_liens", "count", "tax liens on record"),
           ("bankruptcies", "count", "bankruptcies on record"),
           ("history_months", "months", "months since the first line of credit was opened"),
           ("never_late_bp", "basis points", "share of accounts that were never late"),
           ("obligations_month", "minor units", "payments on other debts a month")),
    *_rows("bank", pl.Int64,
           ("bank_age_days", "days", "days since the last bank data"),
           ("bank_days", "days", "days of history in the bank data"),
           ("bank_income_year", "minor units", "credits that recur, brought to a year"),
           ("bank_inflow_month", "minor units", "credits of 90 days, a month"),
           ("bank_outflow_month", "minor units", "debits of 90 days, a month"),
           ("bank_net_month", "minor units", "credits less debits of 90 days, a month"),
           ("bank_balance", "minor units", "balances of all linked accounts together"),
           ("bank_returned_90d", "count", "returned debits in 90 days")),
    *_rows("history", pl.Int64,
           ("prior_loans", "count", "loans of the applicants that entered the ledger before the day"),
           ("prior_worst_days", "days", "most days past due of these loans, as known the day before", "there was no loan"),
           ("prior_charged_off", "count", "loans of these that were charged off, as known the day before"),
           ("open_principal", "minor units", "principal owed on these loans in the currency of the application, as known the day before")),
    *_rows("identity", pl.String,
           ("kyc", "word", "result of identity verification: passed, failed, review"),
           ("screening", "word", "result of sanctions screening: clear, possible, confirmed")),
    *_rows("consent", pl.Boolean,
           ("consent_bureau", "yes or no", "consent to draw a bureau report is in force"),
           ("consent_bank", "yes or no", "consent to use bank data is in force")),
    *_rows("velocity", pl.Int64,
           ("device_applications_1d", "count", "other applications from the same device in a day before"),
           ("address_applications_7d", "count", "other applications from the same address in seven days before"),
           ("account_applications_30d", "count", "other applications for the same bank account in 30 days before")),
    *_rows("graph", pl.Int64,
           ("linked_persons", "count", "other persons linked by device, phone, address or bank account"),
           ("linked_rejected", "count", "applications of these that were rejected before")),
    *_rows("documents", pl.Boolean,
           ("document_identity", "yes or no", "proof of who the applicant is", "not handed in yet"),
           ("document_income", "yes or no", "proof of income", "not handed in yet"),
           ("document_bank_statement", "yes or no", "statements of a bank account", "not handed in yet"),
           ("document_address", "yes or no", "proof of the address", "not handed in yet"),
           ("document_registration", "yes or no", "proof that the business is registered", "not handed in yet")),
    *_rows("parties", pl.Int64,
           ("owners", "count", "owners of the business named"),
           ("parties_without_report", "count", "co-applicants, owners and guarantors of whom no bureau report was known"),
           ("parties_bankruptcies", "count", "bankruptcies of co-applicants, owners and guarantors", "of one it is not known"),
           ("parties_past_due", "count", "accounts past due of co-applicants, owners and guarantors", "of one it is not known"),
           ("borrowers_obligations_month", "minor units", "payments on other debts a month of all borrowers", "of one they are not known")),
    *_rows("parties", pl.String,
           ("parties_kyc", "word", "worst result of identity verification of co-applicants, owners and guarantors", "one was not verified"),
           ("parties_screening", "word", "worst result of sanctions screening of these", "one was not screened")),
)  # fmt: skip
"""In the order in which they are shown; a new one is added here, and given by the room of its source."""
BY_NAME = {each.name: each for each in INPUTS}
WORDS: dict[str, tuple[str, ...]] = {
    "applicant_kind": ("individual", "joint", "business"),
    "kyc": ("passed", "failed", "review"),
    "screening": ("clear", "possible", "confirmed"),
    "parties_kyc": ("passed", "review", "failed"),
    "parties_screening": ("clear", "possible", "confirmed"),
}
"""Inputs that are one of these words and no other; of the others a file may tell any word."""
TYPES: dict[str, pl.DataType] = {each.name: each.type for each in INPUTS}
"""Type of each input in a frame."""
