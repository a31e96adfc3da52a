"""The end of interest at a charge-off, where the product lets it stop, for schedules that stand whole.

The instalment that runs keeps the interest earned to the day, those to come none but what was paid
of it. Each goes on asking what it asked, so that more of it is principal and the last one asks less.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import AfterChargeOff, Status
from loanbook.core.catalogue.components import Component, is_interest, is_principal, of_schedule
from loanbook.core.servicing.changes.roll_in_arrears import give_up_shares
from loanbook.core.servicing.interest.at_once import earn_at_once
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import DUE_KEY
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.fixed_schedule import earned_whole
from loanbook.core.servicing.schedule.freezing import freeze_charged_off


def claim_in_full(day: DayState, events: pl.DataFrame) -> None:
    """Interest of a schedule that stands, or that the product fixes now, is claimed to its end, or
    ends with the day where the product says so."""
    freeze_charged_off(day, events)
    end_interest(day, events)
    day.loans, rest = earned_whole(day.loans, day.dues, events)
    day.book(rest, "interest_accrued", "interest_income", "rest")


def end_interest(day: DayState, events: pl.DataFrame) -> None:
    """Take loans of `events` (`loan_id`, `event_id`) whose charge-off stops their interest."""
    stops = day.loans.select(
        pl.col("loan_id").is_in(events["loan_id"].implode())
        & (pl.col("status") == Status.active.value)
        & (pl.col("after_charge_off") != AfterChargeOff.regular.value)
        & pl.col("schedule_fixed_on").is_null()
    ).to_series()
    if not stops.any():
        return
    ids = day.loans.filter(stops)["loan_id"]
    orders = events.filter(pl.col("loan_id").is_in(ids.implode()))
    give_up_shares(day, orders.select("loan_id", "event_id"))
    whole = stops & day.loans["materialised"]
    if whole.any():
        day.dues = _without_interest(day.loans.filter(whole), day.dues)
    earn_prepaid(day, events, stops)


def earn_prepaid(day: DayState, events: pl.DataFrame, mask: pl.Series) -> None:
    """Interest of loans of `mask` that was paid before it was earned counts as earned now: none of it is
    given back, so it takes nothing off what else is owed. `events`: `loan_id`, `event_id`."""
    ahead = mask & (day.loans["interest_accrued"] < 0)
    earn_at_once(day, ahead, -pl.col("interest_accrued"), events)


def _without_interest(loans: pl.DataFrame, dues: pl.DataFrame) -> pl.DataFrame:
    """Dues whose coming instalments have no interest but what was earned or paid of them."""
    earned = loans.select(
        "loan_id", earned=pl.col("interest_accrued").clip(0) + pl.col("accrued_prepaid")
    )
    coming = (pl.col("due_date") > BUSINESS_DATE) & of_schedule()
    coming_dues = dues.join(earned, on="loan_id", how="inner").filter(coming)
    if coming_dues.is_empty():
        return dues
    interest = is_interest()
    paid_interest = pl.col("paid").filter(interest).sum()
    paid_principal = pl.col("paid").filter(~interest).sum()
    each = (
        coming_dues.group_by("loan_id", "instalment_no")
        .agg(
            pl.col("due_date", "earned", "business_date").first(),
            fee_assessed=pl.col("fee_assessed").any(),
            asked=pl.col("amount").sum(),
            principal=pl.col("amount").filter(~interest).sum(),
            paid_interest=paid_interest,
            paid_principal=paid_principal,
        )
        .sort("loan_id", "instalment_no")
    )
    runs = pl.col("instalment_no") == pl.col("instalment_no").min().over("loan_id")
    elsewhere = pl.col("paid_interest").sum().over("loan_id") - pl.col("paid_interest")
    due_interest = pl.max_horizontal("paid_interest", pl.col("earned") - elsewhere)
    each = each.with_columns(interest=pl.when(runs).then(due_interest).otherwise("paid_interest"))
    # what was paid of an instalment stays with it; the rest fills up one after the other
    room = pl.col("asked") - pl.col("interest") - pl.col("paid_principal")
    each = each.with_columns(
        room=room.clip(0),
        left=(pl.col("principal") - pl.col("paid_principal")).sum().over("loan_id"),
    )
    filled = pl.col("left") - (pl.col("room").cum_sum().over("loan_id") - pl.col("room"))
    each = each.with_columns(
        asked_principal=pl.col("paid_principal") + pl.min_horizontal(filled.clip(0), "room")
    )
    rows = pl.concat(
        each.select(
            "loan_id",
            "instalment_no",
            pl.lit(component.value, dtype=pl.Int8).alias("component"),
            "due_date",
            amount=pl.col(amount),
            paid=pl.col(paid),
            fee_assessed="fee_assessed",
            business_date="business_date",
        )
        for component, amount, paid in (
            (Component.principal, "asked_principal", "paid_principal"),
            (Component.interest, "interest", "paid_interest"),
        )
    ).filter((pl.col("amount") > 0) | is_principal())
    kept = dues.join(coming_dues.select(DUE_KEY), on=DUE_KEY, how="anti")
    return pl.concat([kept, rows.select(dues.columns)]).sort(DUE_KEY)
