"""Delinquency by several conventions at once, on dates that the sources name."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.servicing.arrears.conventions import STATES, Thresholds, states_by_date

ACTIVE = Status.active.value


def lived(
    due: dt.date, last: dt.date, arrears: dict[dt.date, int], *, exposure: int = 1_000_000
) -> pl.DataFrame:
    """Days of one loan whose oldest unpaid due date is `due` while it has arrears."""
    dates = [due + dt.timedelta(days=n) for n in range((last - due).days + 1)]
    owed, rows = 0, []
    for date in dates:
        owed = arrears.get(date, owed)
        late = owed > 0
        rows.append((1, date, due if late and date > due else None, late and date == due, owed,
                     exposure, ACTIVE, False, due.day))  # fmt: skip
    schema = {"loan_id": pl.Int64, "business_date": pl.Date, "oldest_due_date": pl.Date,
              "due_today": pl.Boolean, "arrears": pl.Int64, "exposure": pl.Int64,
              "status": pl.Int8, "non_accrual": pl.Boolean, "anchor_day": pl.Int8}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def first(states: pl.DataFrame, condition: pl.Expr) -> dt.date | None:
    found: dt.date | None = states.filter(condition)["business_date"].min()  # type: ignore[assignment]
    return found


def test_the_dates_of_the_rbi_circular() -> None:
    due = dt.date(2021, 3, 31)
    states = states_by_date(lived(due, dt.date(2021, 7, 31), {due: 50_000}), Thresholds())
    assert dict(states.schema) == STATES
    assert first(states, pl.col("rbi_class") == "SMA-0") == due
    assert first(states, pl.col("rbi_class") == "SMA-1") == dt.date(2021, 4, 30)
    assert first(states, pl.col("rbi_class") == "SMA-2") == dt.date(2021, 5, 30)
    assert first(states, pl.col("rbi_class") == "NPA") == dt.date(2021, 6, 29)


def test_a_non_performing_asset_is_upgraded_only_when_all_arrears_are_paid() -> None:
    due, part, all_of_it = dt.date(2021, 3, 31), dt.date(2021, 7, 10), dt.date(2021, 7, 20)
    days = lived(due, dt.date(2021, 7, 31), {due: 90_000, all_of_it: 0})
    # money for the older instalments moves the oldest due date on, but the account stays as it is
    moved = pl.when(
        (pl.col("business_date") >= part) & pl.col("oldest_due_date").is_not_null()
    ).then(dt.date(2021, 6, 30))
    days = days.with_columns(oldest_due_date=moved.otherwise("oldest_due_date"))
    states = states_by_date(days, Thresholds())
    on = {r["business_date"]: r for r in states.to_dicts()}
    assert on[part]["rbi_days"] == 11
    assert on[part]["rbi_class"] == "NPA"
    assert on[all_of_it]["rbi_class"] == "standard"


def test_mortgage_bankers_count_a_day_before_thrift_supervisors() -> None:
    due = dt.date(2024, 1, 31)
    states = states_by_date(lived(due, dt.date(2024, 4, 30), {due: 50_000}), Thresholds())
    assert first(states, pl.col("us_mba_months") == 1) == dt.date(2024, 2, 28)
    assert first(states, pl.col("us_ots_months") == 1) == dt.date(2024, 2, 29)
    assert first(states, pl.col("us_mba_months") == 2) == dt.date(2024, 3, 30)
    assert first(states, pl.col("us_ots_months") == 2) == dt.date(2024, 3, 31)
    assert states["us_charge_off_by"].drop_nulls().unique().to_list() == [dt.date(2024, 5, 31)]


def test_material_arrears_count_from_nothing_again_once_they_fell_below() -> None:
    due, below, above = dt.date(2024, 1, 1), dt.date(2024, 3, 1), dt.date(2024, 3, 5)
    days = lived(due, dt.date(2024, 7, 1), {due: 20_000, below: 9_000, above: 20_000})
    states = states_by_date(days, Thresholds())
    on = {r["business_date"]: r for r in states.to_dicts()}
    assert on[dt.date(2024, 2, 29)]["eba_days"] == 59
    assert on[below]["eba_days"] == 0
    assert on[above]["eba_days"] == 1
    assert first(states, pl.col("eba_default")) == above + dt.timedelta(days=90)


def test_arrears_below_a_hundredth_of_the_exposure_are_not_material() -> None:
    due = dt.date(2024, 1, 1)
    small = lived(due, dt.date(2024, 7, 1), {due: 20_000}, exposure=3_000_000)
    states = states_by_date(small, Thresholds())
    assert states["eba_days"].max() == 0
    assert states["days_after_due"].max() == 182


def test_stages_turn_after_thirty_and_ninety_days() -> None:
    due = dt.date(2024, 1, 1)
    states = states_by_date(lived(due, dt.date(2024, 6, 1), {due: 20_000}), Thresholds())
    assert first(states, pl.col("ifrs9_stage") == 2) == due + dt.timedelta(days=31)
    assert first(states, pl.col("ifrs9_stage") == 3) == due + dt.timedelta(days=91)


def test_all_loans_of_a_borrower_are_classed_as_the_worst_of_them() -> None:
    due, last = dt.date(2021, 3, 31), dt.date(2021, 7, 31)
    worst = lived(due, last, {due: 50_000, dt.date(2021, 7, 10): 0})
    other_due = dt.date(2021, 7, 5)
    other = lived(due, last, {other_due: 9_000, dt.date(2021, 7, 20): 0}).with_columns(
        loan_id=pl.lit(2, dtype=pl.Int64),
        oldest_due_date=pl.when(pl.col("arrears") > 0).then(other_due),
    )
    lone = other.with_columns(loan_id=pl.lit(3, dtype=pl.Int64))
    days = pl.concat([worst, other, lone]).with_columns(
        borrower=pl.when(pl.col("loan_id") < 3).then(pl.lit("B-7"))
    )
    states = states_by_date(days, Thresholds())
    on = {(r["loan_id"], r["business_date"]): r["rbi_class"] for r in states.to_dicts()}
    assert on[2, dt.date(2021, 6, 29)] == "NPA"
    assert on[3, dt.date(2021, 6, 29)] == "standard"
    # the first loan has paid, its borrower not: both stay until all of it is
    assert on[1, dt.date(2021, 7, 12)] == on[2, dt.date(2021, 7, 12)] == "NPA"
    assert on[1, dt.date(2021, 7, 20)] == on[2, dt.date(2021, 7, 20)] == "standard"
    assert on[3, dt.date(2021, 7, 12)] == "SMA-0"
