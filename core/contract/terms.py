"""The terms a loan is boarded with, and the product parameters pinned with them."""

from __future__ import annotations

import dataframely as dy
import polars as pl


class Terms(dy.Schema):
    """One row per loan: what was agreed. Money in minor units, rates in parts per billion."""

    loan_id = dy.Int64(primary_key=True)
    product = dy.Int16()  # code of product and version, pinned at boarding
    entity = dy.Int16()
    currency = dy.Int8()
    principal_agreed = dy.Int64(min=1)
    balloon = dy.Int64(min=0)
    rate_ppb = dy.Int64(min=0)
    instalments = dy.Int16(min=1)
    every = dy.Int16(min=1)
    unit = dy.Int8()
    disbursed_on = dy.Date()
    first_due_date = dy.Date()
    anchor_day = dy.Int8(min=1, max=31)
    second_anchor_day = dy.Int8(min=1, max=31)
    end_of_month = dy.Bool()
    emi = dy.Int64(nullable=True)
    first_interest_adjustment = dy.Int64()
    rate_until = dy.Date(nullable=True)  # before it the rate was `rate_before`
    rate_before = dy.Int64(nullable=True)
    paused_from = dy.Date(nullable=True)  # nights from here ...
    paused_until = dy.Date(nullable=True)  # ... to here bear no interest
    matures_on = dy.Date(nullable=True)  # the last instalment, where not a period after the others
    accelerated_on = dy.Date(nullable=True)  # the contract was terminated: all is due since
    moratorium_left = dy.Int16(nullable=True)  # instalments that are still passed over
    moratorium_interest = dy.Int8(nullable=True)  # what becomes of their interest
    spread_ppb = dy.Int64(nullable=True)  # a floating rate: what is added to the index
    first_reset_on = dy.Date(nullable=True)  # ... and where its resets are counted from
    flags = dy.Int16(nullable=True)  # what is known of the borrower, one bit each
    taken_over_on = dy.Date(nullable=True)  # it lived elsewhere to the end of this date
    principal_left = dy.Int64(nullable=True)  # ... and so much was not billed by then
    rate_agreed = dy.Int64(nullable=True)  # while a ceiling by law holds the rate below it
    jurisdiction = dy.Int64(
        nullable=True
    )  # whose law it is under (`loanbook.core.contract.jurisdiction`)
    schedule_fixed_on = dy.Date(
        nullable=True
    )  # a re-age fixed the schedule: it stands whole from here
    reage_ended_instalment = dy.Int16(
        nullable=True
    )  # the instalment that the last re-age ended, with nothing in it

    @dy.rule()
    def first_due_is_after_disbursement(cls) -> pl.Expr:
        """A loan can't be due before it is paid out (a down payment is no instalment)."""
        return pl.col("first_due_date") > pl.col("disbursed_on")


PINNED = (
    "amortisation",
    "basis",
    "stub",
    "decimal_factor",
    "interest_mode",
    "residue",
    "interest_rounding",
    "instalment_rounding",
    "instalment_multiple",
    "smooth_last_instalment",
    "grace_principal",
    "grace_interest",
    "grace_charged",
    "business_day",
    "calendar",
    "adjust_accrual",
    "post_maturity",
    "excess",
    "credit_use",
    "after_charge_off",
    "rebate",
    "materialised",
    "down_payment_ppb",
    "tranches_over_all",
    "in_sequence",
    "deferred_as_fee",
    "deferred_by_yield",
    "buy_down_expensed",
    "claims_scheduled",
    "capitalises",
    "level_last",
    "covered_is_fixed",
    "overdue_is_free",
    "flat_by_days",
    "step_ppb",
    "step_every",
    "season",
    "rate_multiplier",
    "rate_floor",
    "rate_cap",
    "reset_cap",
    "resets_keep_instalment",
    "small_balance",
    "cash_accounting",
    "non_accrual_mode",
    "non_accrual_days",
    "returns_days",
    "duty_ceiling",
    "due_at_payment",
    "revolving",
    "due_days",
    "grace_on_draws",
    "minimum_floor",
    "minimum_ppb",
    "cash_advance_margin",
)
"""Columns that come of the product version a loan pins, joined by `product`."""
