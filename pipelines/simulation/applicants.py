"""What the public sample tells of its borrowers as they applied: inputs of decisions, a row a loan.

The tape holds applications that LendingClub granted, with what bureaus told of the borrowers then, and its grade. It holds
no age, device, account or identity check, and none of those who were turned away.
"""

from __future__ import annotations

import polars as pl

_MISSING = ("NA", "")


def _number(column: str) -> pl.Expr:
    """A column of text as an exact decimal; null where the tape has none."""
    return pl.when(~pl.col(column).is_in(_MISSING)).then(pl.col(column)).cast(pl.Decimal(18, 2))


def _whole(column: str, times: int = 1) -> pl.Expr:
    return (_number(column) * times).cast(pl.Int64)


def issued(tape: pl.DataFrame) -> pl.Series:
    """First day of the month of issue of each loan (`18-Mar`)."""
    text = pl.concat_str(pl.lit("20"), "issue_month", pl.lit("-01"))
    return tape.select(text.str.to_date("%Y-%b-%d").alias("issued")).to_series()


def inputs_of(tape: pl.DataFrame) -> pl.DataFrame:
    """Columns named as inputs (`loanbook.core.catalogue.inputs`), in the order of the tape (all text).

    Of joint applications income and debts are those of both. Payments on debts follow from debt to income.
    """
    joint = pl.col("application_type") == "joint"
    income = (
        pl.when(joint)
        .then(_whole("annual_income_joint", 100))
        .otherwise(_whole("annual_income", 100))
    )
    debts = (
        pl.when(joint)
        .then(_whole("debt_to_income_joint", 100))
        .otherwise(_whole("debt_to_income", 100))
    )
    how = pl.when(joint).then("verification_income_joint").otherwise("verified_income")
    month = issued(tape)
    first = pl.lit(month).dt.year().cast(pl.Int64) * 12 + pl.lit(month).dt.month() - 1
    rows = tape.select(
        amount=_whole("loan_amount", 100), term=_whole("term"), income_year=income,
        income_verified_year=pl.when(how.is_in(["Verified", "Source Verified"])).then(income),
        employment_years=_whole("emp_length"), borrowers=pl.when(joint).then(2).otherwise(1).cast(pl.Int64),
        purpose="loan_purpose", housing=pl.col("homeownership").str.to_lowercase(), state="state",
        applicant_kind="application_type", debt_to_income_bp=debts,
        delinquencies_24m=_whole("delinq_2y"), months_since_delinquency=_whole("months_since_last_delinq"),
        inquiries_12m=_whole("inquiries_last_12m"), accounts_opened_24m=_whole("accounts_opened_24m"),
        open_accounts=_whole("open_credit_lines"), total_accounts=_whole("total_credit_lines"),
        credit_limit=_whole("total_credit_limit", 100), credit_used=_whole("total_credit_utilized", 100),
        card_limit=_whole("total_debit_limit", 100), mortgages=_whole("num_mort_accounts"),
        collections_12m=_whole("num_collections_last_12m"), accounts_past_due=_whole("current_accounts_delinq"),
        accounts_past_due_120=_whole("num_accounts_120d_past_due"), tax_liens=_whole("tax_liens"),
        bankruptcies=_whole("public_record_bankrupt"), history_months=first - _whole("earliest_credit_line") * 12,
        never_late_bp=_whole("account_never_delinq_percent", 100),
    )  # fmt: skip
    return rows.with_columns(
        obligations_month=pl.col("income_year") * pl.col("debt_to_income_bp") // 120_000,
        utilisation_bp=pl.when(pl.col("credit_limit") > 0).then(
            pl.col("credit_used") * 10_000 // pl.col("credit_limit")
        ),
    )
