"""Cohorts, roll matrices, bridges, efficiencies and forecasts, worked by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Status
from loanbook.core.policy.models import Bucket, Buckets
from loanbook.core.policy.risk.scenarios import Scenario, Speed
from loanbook.core.reporting import collections
from loanbook.core.reporting.cohorts import balances_by_age, curves, last_month_end, triangle
from loanbook.core.reporting.delinquency import at_risk, bridge, classes, cure_rate
from loanbook.core.reporting.dictionary import METRICS
from loanbook.core.reporting.forecast.back_test import back_test
from loanbook.core.reporting.forecast.expected_loss import expected_loss
from loanbook.core.reporting.forecast.projection import behavioural, contractual
from loanbook.core.reporting.roll_rates import matrix, net_flows

BUCKETS = Buckets(
    name="three", version=1, effective_from=dt.date(2000, 1, 1),
    ranges=[Bucket(label="current", from_days=0), Bucket(label="1–30", from_days=1),
            Bucket(label="31+", from_days=31)],
)  # fmt: skip
JANUARY, FEBRUARY = dt.date(2024, 1, 31), dt.date(2024, 2, 29)
LIVE, LOST, PAID = Status.active.value, Status.charged_off.value, Status.closed.value


def test_a_month_counts_once_it_is_over() -> None:
    assert last_month_end(dt.date(2024, 2, 28)) == JANUARY
    assert last_month_end(FEBRUARY) == FEBRUARY


def test_a_cohort_of_several_months_divides_by_loans_that_are_old_enough() -> None:
    # a quarter: 1,000 lent in January (two months old), 500 in February (one), 100 in March (none)
    loans = pl.DataFrame({"cohort": ["Q1"] * 3, "age": [2, 1, 0], "base": [1000, 500, 100]})
    # of January's 50 in month 1, 30 in month 2; of February's 25 in month 1
    befell = pl.DataFrame(
        {"cohort": ["Q1"] * 3, "age": [2, 2, 1], "mob": [1, 2, 1], "amount": [50, 30, 25]}
    )
    rates = curves(loans, befell)
    assert rates["base"].to_list() == [1600, 1500, 1000]
    assert rates["amount"].to_list() == [0, 75, 80]
    assert rates["rate"].to_list() == [0.0, 75 / 1500, 80 / 1000]
    assert rates["complete"].to_list() == [True, False, False]
    assert triangle(rates).columns == ["cohort", "whole", "0", "1", "2"]
    # a tenth at least: where all but 100 of 1,600 are younger the curve has ended
    few = curves(loans.with_columns(age=pl.Series([0, 0, 2])), befell.clear())
    assert few["mob"].to_list() == [0]
    assert curves(loans.clear(), befell.clear()).is_empty()


def test_the_curve_of_a_single_month_never_falls() -> None:
    loans = pl.DataFrame({"cohort": ["m"], "age": [12], "base": [10_000]})
    befell = pl.DataFrame(
        {"cohort": ["m"] * 4, "age": [12] * 4, "mob": [3, 3, 7, 12], "amount": [10, 5, 0, 85]}
    )
    rates = curves(loans, befell)
    assert rates["rate"].is_sorted()
    assert rates["rate"].to_list()[-1] == 0.01


def test_now_late_divides_by_what_is_left_of_the_cohort() -> None:
    month = dt.date(2024, 1, 1)
    rows = pl.DataFrame({"cohort": ["a", "a", "a"], "month": [month, month, dt.date(2024, 2, 1)],
                         "mob": [0, 1, 0], "base": [900, 800, 100], "amount": [0, 80, 10]})  # fmt: skip
    rates = balances_by_age(rows)
    assert rates["rate"].to_list() == [10 / 1000, 0.1]
    assert rates["complete"].to_list() == [True, False]


ROLLED = pl.DataFrame(
    [  # month, from, days, to, days, loans, before, after
        (FEBRUARY, LIVE, 0, LIVE, 0, 8, 800, 760),
        (FEBRUARY, LIVE, 0, LIVE, 31, 1, 100, 100),
        (FEBRUARY, LIVE, 0, PAID, None, 1, 100, 0),
        (FEBRUARY, LIVE, 31, LIVE, 0, 1, 60, 50),
        (FEBRUARY, LIVE, 45, LIVE, 74, 1, 40, 30),
        (FEBRUARY, LIVE, 90, LOST, 120, 1, 100, 100),
        (FEBRUARY, LIVE, 35, PAID, None, 1, 25, 0),
        (FEBRUARY, None, None, LIVE, 0, 2, 0, 500),
    ],
    schema={"business_date": pl.Date, "from_status": pl.Int8, "from_days": pl.Int32, "to_status": pl.Int8,
            "to_days": pl.Int32, "loans": pl.Int64, "from_principal": pl.Int64, "to_principal": pl.Int64},
    orient="row",
)  # fmt: skip


def test_rows_of_a_roll_matrix_sum_to_the_whole() -> None:
    cells = matrix(ROLLED, BUCKETS)
    sums = cells.group_by("origin").agg(pl.col("share").sum())
    assert dict(sums.rows()) == pytest.approx({"current": 1.0, "31+": 1.0}, abs=1e-12)
    shares = {(row["origin"], row["target"]): row["share"] for row in cells.to_dicts()}
    assert shares["current", "current"] == 0.8
    assert shares["31+", "charged off"] == 100 / 225
    assert shares["31+", "paid off"] == 25 / 225
    flows = net_flows(ROLLED, BUCKETS)
    # 130 stand in 31+ now; the bucket before it, 1–30, held nothing a month ago
    assert flows.filter(pl.col("bucket") == "31+")["flow"].to_list() == [None]


def test_the_late_balance_is_bridged_without_a_gap() -> None:
    steps = dict(bridge(ROLLED, 30).select("step", "amount").rows())
    assert steps == {"opening": 225, "rolled in": 100, "cured": -60, "paid": -10, "paid off": -25,
                     "charged off": -100, "closing": 130}  # fmt: skip
    assert sum(amount for step, amount in steps.items() if step != "closing") == steps["closing"]
    assert cure_rate(ROLLED)["rate"].to_list() == [60 / 225]


def test_shares_at_risk_and_classes_have_their_own_edges() -> None:
    rows = pl.DataFrame({"business_date": [JANUARY] * 4, "status": [LIVE] * 3 + [LOST], "days_past_due": [0, 30, 91, 200],
                         "loans": [6, 2, 2, 1], "principal": [600, 200, 200, 999]})  # fmt: skip
    assert at_risk(rows, (0, 30, 90)).rows() == [
        (JANUARY, 0, 0.4),
        (JANUARY, 30, 0.2),
        (JANUARY, 90, 0.2),
    ]
    named = classes(rows)
    assert dict(named.select("class", "principal").rows()) == {
        "standard": 600, "SMA-0": 200, "SMA-1": 0, "SMA-2": 0, "NPA": 200}  # fmt: skip


def test_collections_are_told_by_each_of_the_trades_ratios() -> None:
    flows = pl.DataFrame([{
        "month": dt.date(2024, 2, 1), "opening_principal": 10_000, "opening_due": 100, "closing_due": 130,
        "opening_principal_due": 80, "closing_principal_due": 100, "paid_due": 400, "paid_late": 70, "paid_in_advance": 200,
        "principal_due_paid": 380, "principal_paid": 500, "charged_off": 50, "recovered": 0,
    }])  # fmt: skip
    row = collections.by_month(flows).to_dicts()[0]
    # 130 - 100 + 400 + 70 fell due, 500 in all; of principal 100 - 80 + 380
    assert (row["billed"], row["scheduled_principal"], row["received"]) == (500, 400, 670)
    assert (row["ce_current"], row["ce_with_overdue"], row["ce_total"], row["ce_demand"]) == (
        0.8, 0.94, 1.34, 470 / 600)  # fmt: skip
    assert row["smm"] == pytest.approx(100 / 9_600, abs=1e-15)
    assert row["cpr"] == pytest.approx(1 - (1 - 100 / 9_600) ** 12, abs=1e-12)
    assert row["mdr"] == 0.005
    none = flows.with_columns(pl.lit(0).alias(name) for name in flows.columns if name != "month")
    assert collections.by_month(none).select("ce_total", "smm", "mdr").row(0) == (None, None, None)


POOLS = pl.DataFrame(
    {"pool": [1], "balance": [120_000.0], "rate": [0.12], "term": [12], "age": [0]}
)


def test_a_forecast_by_contract_pays_all_and_a_scenario_loses_some() -> None:
    flows = contractual(POOLS)
    # a level loan of 1,200.00 at 1 % a month in 12: 106.62 each month
    assert (flows["scheduled"] + flows["interest"]).to_list() == pytest.approx(
        [10_661.85] * 12, abs=0.02
    )
    assert flows["scheduled"].sum() == pytest.approx(120_000, abs=1e-6)
    stress = Scenario(
        name="s", version=1, effective_from=JANUARY, prepayment=Speed(curve="yearly", value=0.1),
        default=Speed(curve="observed", value=2.0), severity=0.5, months_to_recovery=3,
    )  # fmt: skip
    told = behavioural(POOLS, stress, {"smm": 0.0, "mdr": 0.01})
    ends = told.select("scheduled", "prepaid", "recovered", "lost").sum().row(0)
    assert sum(ends) == pytest.approx(120_000, abs=1e-6)
    assert ends[2] == pytest.approx(ends[3], abs=1e-6)  # half of what defaults is lost
    assert ends[3] > 0
    assert behavioural(POOLS.clear(), stress, {"smm": 0.0, "mdr": 0.0}).is_empty()


def test_expected_loss_looks_twelve_months_the_term_or_all_of_it() -> None:
    rows = pl.DataFrame({"stage": ["stage_1", "stage_2", "stage_3"], "loans": [1, 1, 1],
                         "balance": [1_000.0, 1_000.0, 1_000.0], "rate": [0.0, 0.0, 0.12], "term": [24, 24, 24]})  # fmt: skip
    chances = {"stage_1": 0.12, "stage_2": 0.12, "stage_3": 1.0}
    told = {row["stage"]: row for row in expected_loss(rows, chances, 0.5).to_dicts()}
    hazard = 1 - 0.88 ** (1 / 12)
    marginal = [(1 - hazard) ** t * hazard for t in range(24)]
    exposure = [1_000 * (24 - t) / 24 for t in range(24)]
    assert told["stage_1"]["loss"] == pytest.approx(
        0.5 * sum(m * e for m, e in zip(marginal[:12], exposure, strict=False)), abs=1e-9
    )
    assert told["stage_2"]["loss"] == pytest.approx(
        0.5 * sum(m * e for m, e in zip(marginal, exposure, strict=True)), abs=1e-9
    )
    assert told["stage_3"]["loss"] == 500.0
    assert told["stage_1"]["loss"] < told["stage_2"]["loss"] < told["stage_3"]["loss"]


def test_a_month_is_forecast_from_those_before_it() -> None:
    cells = pl.DataFrame(
        [(JANUARY, 0, "current", 90), (JANUARY, 0, "31+", 10), (FEBRUARY, 0, "current", 160), (FEBRUARY, 0, "31+", 40)],
        schema={"business_date": pl.Date, "origin_place": pl.Int32, "target": pl.String, "amount": pl.Int64},
        orient="row",
    )  # fmt: skip
    # a tenth rolled in January; of the 200 that stood, so 20 were to come and 40 came
    assert back_test(cells).rows() == [
        (FEBRUARY, "31+", 20.0, 20.0, 20.0, 40.0), (FEBRUARY, "current", 180.0, 180.0, 180.0, 160.0)]  # fmt: skip
    assert back_test(cells.filter(pl.col("business_date") == JANUARY)).is_empty()


def test_every_metric_says_what_it_is_once() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.numerator and metric.unit and metric.charged_off for metric in METRICS)
