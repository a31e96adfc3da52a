"""What must be so before the money of an agreement goes out: each gate by its name, unknown is no pass."""

from __future__ import annotations

import polars as pl

GATES = {
    "not_signed": "the agreement is not signed: have it signed, or make another offer",
    "signature_not_verified": "the signed agreement is not what was kept, or its signature does not hold: see `loanbook documents verify`",
    "kyc_not_passed": "the identity check of a party did not pass, or there is none: record it with `loanbook disburse kyc`",
    "sanctions_not_clear": "a party may be one of a list of sanctions, or was not screened where policies/screening asks for it: see `loanbook screening hits`",
    "no_account": "no account is named to pay to: name it with `loanbook disburse account`",
    "ownership_not_confirmed": "the name that the bank tells of the account is not the borrower's: have it confirmed with `loanbook disburse account`",
    "withdrawn": "the borrower withdrew",
    "not_boarded": "the loan is not in the ledger yet: hand it off with `loanbook offers board`, and close a day",
    "paid_out_before": "a payout of the agreement is on its way or was made",
    "more_than_agreed": "it is more than was agreed",
    "limit_of_the_day": "with the day's payouts it is above the limit of a day (policies/agreements)",
}  # fmt: skip
"""Why money may not go out, and what to do."""
FACTS = pl.Schema({
    "loan_key": pl.String, "state": pl.String, "verified": pl.Boolean, "kyc": pl.Boolean, "sanctions": pl.Boolean, "account": pl.String,
    "score": pl.Int64, "needed": pl.Int64, "boarded": pl.Boolean, "paid_out": pl.Boolean, "amount": pl.Int64,
    "agreed": pl.Int64, "of_the_day": pl.Int64, "limit": pl.Int64,
})  # fmt: skip
"""A row a payout. `sanctions`: whether a party is, may be, or must yet be shown not to be, of a list; `score` and `needed`: of the account's name, in per cent; `of_the_day`: minor units that are to go
out on its day beside it; `limit`: the most of a day; null: none."""


def gates(facts: pl.DataFrame, of: str = "loan_key") -> pl.DataFrame:
    """What names the payout (`of`) and `gate` of each gate that holds one back, in the order of `GATES`; no row: it may
    go out."""
    state = pl.col("state")
    holds = {
        "not_signed": ~state.is_in(["signed", "boarded", "withdrawn"]).fill_null(False),
        "signature_not_verified": ~pl.col("verified").fill_null(False),
        "kyc_not_passed": ~pl.col("kyc").fill_null(False),
        "sanctions_not_clear": pl.col("sanctions").fill_null(True),
        "no_account": pl.col("account").is_null(),
        "ownership_not_confirmed": ~(pl.col("score") >= pl.col("needed")).fill_null(False),
        "withdrawn": state == "withdrawn",
        "not_boarded": ~pl.col("boarded").fill_null(False),
        "paid_out_before": pl.col("paid_out").fill_null(True),
        "more_than_agreed": ~(pl.col("amount") <= pl.col("agreed")).fill_null(False),
        "limit_of_the_day": (pl.col("amount") + pl.col("of_the_day") > pl.col("limit")).fill_null(False),
    }  # fmt: skip
    assert holds.keys() == GATES.keys(), "each gate has its words"
    told = facts.select(
        of, gate=pl.concat_list(pl.when(held).then(pl.lit(name)) for name, held in holds.items()).list.drop_nulls()
    )  # fmt: skip
    return told.explode("gate").drop_nulls("gate")
