"""A servicer's balance beside the engine's: what is exact, near, explained, and what is not."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import yaml

from loanbook.core.reporting.reconciliation import compared, reasons_in, table

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "reconciliation.yaml"
REASONS = reasons_in(yaml.safe_load(SAMPLE.read_text()))
LOAN = {
    "status": "Current", "engine_status": "Current", "carrying": 900_000,
    "reported_balance": 900_000, "rate_ppb": 120_000_000, "emi": 33_000, "instalments_paid": 3,
    "extra": 0, "late_fees": 0, "age_days": 100, "principal_agreed": 1_000_000, "paid": 99_000,
    "reported_paid": 98_000,
}  # fmt: skip
MONTHS_INTEREST = 1_000_000 * 12 * 30 // (360 * 100)


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        ({}, "exact"),
        ({"reported_balance": 900_003}, "near"),
        ({"reported_balance": 900_004}, "days_of_payment"),
        # half a month's interest on what three instalments paid is 4.95
        ({"reported_balance": 900_498}, "days_of_payment"),
        ({"reported_balance": 900_499}, "unexplained"),
        ({"reported_balance": 900_499, "late_fees": 1_500}, "late_with_fee"),
        ({"reported_balance": 900_499, "extra": 50_000}, "early_principal"),
        ({"carrying": 0}, "unexplained"),
        ({"reported_balance": 900_000 + MONTHS_INTEREST, "paid": 98_000}, "order_of_payments"),
        ({"reported_balance": 900_004 + MONTHS_INTEREST, "paid": 98_000}, "unexplained"),
    ],
)
def test_a_difference_is_explained_within_what_its_reason_can_cause(
    told: dict[str, int], verdict: str
) -> None:
    assert compared(pl.DataFrame([LOAN | told]), REASONS)["verdict"].to_list() == [verdict]


def test_the_table_counts_every_loan_once() -> None:
    loans = [LOAN, LOAN | {"carrying": 900_002}, LOAN | {"carrying": 0},
             LOAN | {"status": "Late", "reported_balance": 900_004}]  # fmt: skip
    rows = table(compared(pl.DataFrame(loans), REASONS), REASONS)
    current = rows.filter(pl.col("status") == "Current").row(0, named=True)
    assert (current["loans"], current["exact"], current["within_3_cents"]) == (3, 1, 2)
    assert (current["unexplained"], current["largest_unexplained"]) == (1, 900_000)
    late = rows.filter(pl.col("status") == "Late").row(0, named=True)
    assert (late["days_of_payment"], late["status_met"]) == (1, 0)
