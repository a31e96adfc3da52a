"""What a loan costs as it is disclosed at boarding: its terms, with the fees of its payout."""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.disclosure import us_apr
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.charges.origination_fees import origination_fees
from loanbook.core.servicing.loan.opening import agreed_terms, opened
from loanbook.core.servicing.loan.taxes import tax_on_fees


def disclosed_apr(terms: pl.DataFrame, policies: PolicyBook) -> pl.DataFrame:
    """`loan_id`, `apr` (Float64, per cent, Regulation Z Appendix J) of loans as they are boarded.

    `terms`: schema `Terms`. The payout is the amount agreed, at once; the finance charge is the
    schedule's interest and the origination fee with the tax on it.
    """
    agreed = agreed_terms(terms, policies.pins)
    paying = opened(agreed, policies.calendars).with_columns(
        event_id=pl.lit(0, dtype=pl.Int64), payout="principal_agreed", business_date="disbursed_on"
    )
    fees = origination_fees(paying, policies.origination_fees)
    who = agreed.select("loan_id", "product", "jurisdiction", business_date="disbursed_on")
    placed = fees.join(who, on="loan_id")
    cost = tax_on_fees(placed, policies).select("loan_id", cost=pl.col("fee") + pl.col("tax"))
    return us_apr(agreed, cost)
