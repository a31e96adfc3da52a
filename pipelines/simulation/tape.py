"""The public loan tape, and synthetic tapes of any size in the same columns.

A synthetic tape is drawn from the seed alone and says that it is synthetic
(`initial_listing_status` holds the word). Its statuses and totals are its truth.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from loanbook.core.contract.figures import UNITY
from loanbook.core.contract.money import PPB, Rounding, int128, rounded_quotient
from loanbook.pipelines.formats.tape.cells import rounded_minor

MONTHS = {
    "18-Jan": dt.date(2018, 1, 1),
    "18-Feb": dt.date(2018, 2, 1),
    "18-Mar": dt.date(2018, 3, 1),
}
STATUSES = (
    "Current", "Fully Paid", "In Grace Period", "Late (16-30 days)", "Late (31-120 days)",
    "Charged Off",
)  # fmt: skip
SHARES = (0.9375, 0.0447, 0.0067, 0.0038, 0.0066, 0.0007)


def minor(column: str) -> pl.Expr:
    """A decimal column in cents, rounded half to even (the tape prints up to eleven decimals)."""
    return rounded_minor(pl.col(column), 2)


def figures(tape: pl.DataFrame) -> pl.DataFrame:
    """What `history.derive` reads of a tape, as integers."""
    return tape.select(
        "loan_key",
        principal=minor("loan_amount"),
        emi=minor("installment"),
        paid_total=minor("paid_total"),
        late_fees=minor("paid_late_fees"),
        rate_ppb=(pl.col("interest_rate").cast(pl.Decimal(18, 6)) * (PPB // 100)).cast(pl.Int64),
        instalments=pl.col("term").cast(pl.Int32),
        issue_month=pl.col("issue_month").replace_strict(MONTHS),
        status="loan_status",
    )


def synthetic(loans: int, seed: int) -> pl.DataFrame:
    """A synthetic tape: the columns of the public one that loanbook reads, all as text."""
    draw = np.random.default_rng(seed)
    principal = draw.integers(10, 400, loans) * 100_00
    term = np.where(draw.random(loans) < 0.7, 36, 60)
    rate = draw.integers(531, 3099, loans) * (PPB // 10_000)
    status = draw.choice(STATUSES, loans, p=SHARES)
    month = draw.choice(list(MONTHS), loans)
    frame = pl.DataFrame({"p": principal, "n": term, "r": rate, "status": status, "month": month})
    frame = frame.with_columns(emi=_instalment(frame))
    due = pl.col("month").replace_strict(
        {"18-Jan": 5, "18-Feb": 4, "18-Mar": 3}, return_dtype=pl.Int64
    )
    missed = pl.col("status").replace_strict(
        {"In Grace Period": 1, "Late (16-30 days)": 1, "Late (31-120 days)": 2, "Charged Off": 2},
        default=0,
        return_dtype=pl.Int64,
    )
    months_paid = pl.Series(draw.random(loans)) * 4
    payoff = (pl.col("p") * (1 + months_paid * pl.col("r") / (12 * PPB))).cast(pl.Int64)
    total = pl.when(pl.col("status") == "Fully Paid").then(payoff)
    frame = frame.with_columns(
        paid=total.otherwise((due - missed).clip(lower_bound=0) * pl.col("emi"))
    )
    grade = (pl.col("r") // (4 * PPB // 100)).clip(0, 6)
    letters = dict(enumerate("ABCDEFG"))
    states = draw.choice(["CA", "TX", "NY", "FL", "IL", "NJ", "GA", "OH", "VA", "WA"], loans)
    purposes = draw.choice(
        ["debt_consolidation", "credit_card", "home_improvement", "other"], loans
    )

    def amount(column: str) -> pl.Expr:
        cents = (pl.col(column) % 100).cast(pl.String).str.zfill(2)
        return pl.concat_str(pl.col(column) // 100, pl.lit("."), cents)

    return frame.select(
        loan_amount=amount("p"),
        interest_rate=(pl.col("r") / (PPB / 100)).round(2).cast(pl.String),
        term=pl.col("n").cast(pl.String),
        installment=amount("emi"),
        issue_month="month",
        loan_status="status",
        paid_total=amount("paid"),
        paid_late_fees=pl.lit("0"),
        grade=grade.replace_strict(letters, return_dtype=pl.String),
        sub_grade=grade.replace_strict(letters, return_dtype=pl.String) + "1",
        loan_purpose=pl.Series(purposes),
        state=pl.Series(states),
        homeownership=pl.lit("RENT"),
        application_type=pl.lit("individual"),
        initial_listing_status=pl.lit("synthetic"),
        row=pl.int_range(pl.len()).cast(pl.String),
    )


def _instalment(frame: pl.DataFrame) -> pl.Series:
    """Level instalment rounded up to the cent, exact in Int128."""
    twelve = int128(12 * PPB)
    work = frame.select(
        "p", "n", "r", v=pl.lit(UNITY, dtype=pl.Int128), s=pl.lit(0, dtype=pl.Int128)
    )
    for k in range(1, 61):
        v = pl.col("v") * twelve // (twelve + int128(pl.col("r")))
        work = work.with_columns(v=v).with_columns(
            s=pl.col("s") + pl.when(pl.col("n") >= k).then("v").otherwise(0)
        )
    exact = int128(pl.col("p")) * UNITY
    return work.select(rounded_quotient(exact, pl.col("s"), Rounding.up)).to_series()
