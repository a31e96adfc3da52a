"""What a loan costs as it is disclosed at boarding: its terms, with the fees of its payout."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from loanbook.core.catalogue.components import Component
from loanbook.core.contract.disclosed.disclosure import us_apr
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.charges.origination_fees import origination_fees
from loanbook.core.servicing.loan.opening import agreed_terms, opened
from loanbook.core.servicing.loan.taxes import tax_on


def disclosed_apr(
    terms: pl.DataFrame,
    policies: PolicyBook,
    by: Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame] = us_apr,
) -> pl.DataFrame:
    """`loan_id`, `apr` (Float64, per cent, Regulation Z Appendix J unless `by` another law) of loans as they are boarded.

    `terms`: schema `Terms`. The payout is the amount agreed, at once; the finance charge is the
    schedule's interest and the origination fee with the tax on it.
    """
    fees = payout_fees(terms, policies)
    cost = fees.select("loan_id", cost=pl.col("fee") + pl.col("tax"))
    return by(agreed_terms(terms, policies.pins), cost)


def payout_fees(terms: pl.DataFrame, policies: PolicyBook) -> pl.DataFrame:
    """`loan_id`, `fee`, the `tax` on it (Int64 minor units) and `fee_deducted` (it is kept of the payout)
    of loans whose payout of the amount agreed costs one. `terms`: schema `Terms`."""
    agreed = agreed_terms(terms, policies.pins)
    paying = opened(agreed, policies.calendars).with_columns(
        event_id=pl.lit(0, dtype=pl.Int64), payout="principal_agreed", business_date="disbursed_on"
    )
    fees = origination_fees(paying, policies.origination_fees)
    who = agreed.select("loan_id", "product", "jurisdiction", business_date="disbursed_on")
    taxed = tax_on(fees.join(who, on="loan_id"), Component.fee, "fee", policies)
    return taxed.select("loan_id", "fee", "tax", "fee_deducted")
