"""Speeds, cash flows of pools and roll rates, beside the printed figures that conformance compares."""

from __future__ import annotations

import polars as pl
import pytest

from loanbook.core.reporting.pool_cash_flow import cash_flow
from loanbook.core.reporting.prepayment import cpr_over, scheduled_balance, smm_observed
from loanbook.core.reporting.roll_rates import expected_losses, loss_factors, net_flow, with_flows


@pytest.fixture(scope="module")
def flows() -> pl.DataFrame:
    """Three pools: defaulted loans amortise on; they do not; a pool that bears nothing, without defaults."""
    pools = pl.DataFrame(
        {
            "pool": [1, 2, 3], "balance": [1_000_000.0, 500_000.0, 1200.0], "wac": [0.08, 0.06, 0.0],
            "net_rate": [0.075, 0.06, 0.0], "term": [60, 48, 12], "months_to_liquidation": [12, 6, 3],
            "severity": [0.2, 1.5, 0.2], "advance": [True, False, True],
        }
    )  # fmt: skip
    speeds = pl.DataFrame({"month": range(1, 61)}).join(
        pl.DataFrame({"pool": [1, 2, 3], "smm": [0.01, 0.02, 0.0], "mdr": [0.005, 0.01, 0.0]}),
        how="cross",
    )
    return cash_flow(pools, speeds)


def test_what_a_pool_lent_is_paid_prepaid_recovered_or_lost(flows: pl.DataFrame) -> None:
    ended = ("paid_principal", "prepaid", "defaulted_principal", "recovered", "lost")
    sums = flows.group_by("pool").agg(total=pl.sum_horizontal(pl.col(n).sum() for n in ended))
    totals = dict(sums.rows())
    assert totals == pytest.approx({1: 1_000_000, 2: 500_000, 3: 1200})
    last = flows.group_by("pool").agg(
        pl.col("performing", "in_foreclosure").sort_by("month").last()
    )
    assert last.drop("pool").sum_horizontal().abs().max() < 1e-6  # type: ignore[operator]


def test_a_month_is_as_its_pool_was_made(flows: pl.DataFrame) -> None:
    second = flows.filter(pl.col("pool") == 2).sort("month")
    # nothing of a default amortises: six months of defaults wait, and all of them is lost, never more
    waits = second["defaulted"].rolling_sum(6)[20]
    assert second["in_foreclosure"][20] == pytest.approx(waits)
    assert second["defaulted_principal"].sum() == 0
    assert second["lost"][20] == pytest.approx(second["defaulted"][14])
    assert second["recovered"].abs().max() < 1e-9  # type: ignore[operator]
    # 1200 without interest in twelve parts
    third = flows.filter(pl.col("pool") == 3)
    assert third["paid_principal"].to_list() == pytest.approx([100.0] * 12)
    assert third["expected_interest"].sum() == 0


def test_speeds_of_months_that_were_seen() -> None:
    seen = pl.DataFrame(
        {"start": [100.0, 90.0, 80.0], "end": [90.0, 80.0, 79.0], "paid": [5.0, 11.0, 1.0]}
    )
    smm = smm_observed(pl.col("start"), pl.col("end"), pl.col("paid"))
    # 5 of 95; behind its schedule: none; on it: none
    assert seen.select(smm).to_series().to_list() == pytest.approx([5 / 95, 0, 0])
    months = pl.DataFrame({"smm": [0.01, 0.02, 0.03]})
    found = months.select(cpr_over(pl.col("smm"), 3)).to_series()
    # 1 - (0.99 * 0.98 * 0.97) ** 4
    assert found.to_list()[:2] == [None, None]
    assert found[2] == pytest.approx(1 - (0.99 * 0.98 * 0.97) ** 4)
    half = pl.DataFrame({"rate": [0.0], "term": [10], "left": [5]})
    assert (
        half.select(scheduled_balance(pl.col("rate"), pl.col("term"), pl.col("left"))).item() == 0.5
    )


def test_losses_are_the_product_of_the_flows() -> None:
    buckets = pl.DataFrame(
        {
            "bucket": ["current", "30", "60", "90", "120"],
            "outstanding": [987.4, 30.2, 11.8, 8.2, 5.9],
            "loss_factor": [0.0070, 0.2061, 0.4841, 0.7212, 1.0],
        }
    )
    flows = with_flows(buckets)
    # as the Comptroller's Handbook implies them: 3.40, 42.57, 67.12, 72.12 %
    assert flows["flow"].to_list() == pytest.approx([0.0340, 0.4257, 0.6712, 0.7212, 1], abs=6e-5)
    again = loss_factors(flows.drop("loss_factor"))
    assert again["loss_factor"].to_list() == pytest.approx(buckets["loss_factor"].to_list())
    assert expected_losses(again)["loss"].sum() == pytest.approx(30.66, abs=0.01)
    nothing = pl.DataFrame({"now": [1.0, 40.0], "before": [0.0, 100.0]})
    assert nothing.select(net_flow(pl.col("now"), pl.col("before"))).to_series().to_list() == [
        None,
        0.4,
    ]
