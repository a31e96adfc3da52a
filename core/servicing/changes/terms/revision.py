"""The revision of a contract: the schedule in force is closed and the next one opened, from the day on.

What is billed stays. What is to come is made anew from the unbilled principal: over the
instalments left at the level instalment that pays it off (`keep: term`, the default), or with
the instalment as it was, the last one absorbing the difference (`keep: instalment`).
"""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.dates.day_count import counts_days
from loanbook.core.contract.dates.due_dates import (
    anchor_at,
    changed_from,
    changes_of,
    due_date,
    first_due_for,
)
from loanbook.core.contract.dates.instalment_dates import due_of
from loanbook.core.contract.schedule.flat_total import with_flat_total
from loanbook.core.frames import codes
from loanbook.core.servicing.changes.roll_in_arrears import with_lifted
from loanbook.core.servicing.changes.terms.later_changes import (
    first_that_moves,
    with_earlier_levels,
)
from loanbook.core.servicing.interest import rate_ceilings
from loanbook.core.servicing.interest.accrual import close_segment, on_new_period
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.coming_dues import placed_anew, with_their_instalments
from loanbook.core.servicing.schedule.equal_parts import (
    is_fixed,
    redated,
    share_arrears,
    shares_arrears,
    spread_evenly,
)
from loanbook.core.servicing.schedule.fixed_schedule import (
    charges_follow,
    first_coming,
    point,
    respread,
    waiting_interest,
    with_paid_kept,
)
from loanbook.core.servicing.schedule.level_instalment import (
    STANDS,
    not_on_time,
    stepped,
    with_what_stands,
)

ORDER = {
    "loan_id": pl.Int64,
    "event_id": pl.Int64,
    "new_rate": pl.Int64,  # the yearly rate from the day on, parts per billion
    "more": pl.Int16,  # instalments added to the term
    "moved_to": pl.Date,  # due date of the first instalment that moves
    "keep": pl.String,  # term | instalment; null: term
    "from_date": pl.Date,  # a materialised schedule, and due dates, change from here on, not at once
}
"""What a revision may change of a loan's terms; null: it stays."""
NOTHING_LIFTED = pl.DataFrame(
    schema={"loan_id": pl.Int64, "lifted_principal": pl.Int64, "lifted_interest": pl.Int64}
)
"""No arrears go back to what is to come."""


def revise(
    day: DayState,
    orders: pl.DataFrame,
    lifted: pl.DataFrame = NOTHING_LIFTED,
    in_parts: pl.Series | None = None,
    joined: pl.DataFrame | None = None,
) -> None:
    """Revise contracts, one order a loan.

    `orders`: `loan_id`, `event_id` and of `ORDER` what they change. `lifted`: arrears that go back
    to what is to come (`roll_in`); `in_parts`: loans whose interest of it has dues of its own. `joined` (`loan_id`, `lent`):
    interest that joins the principal today.
    """
    orders = _complete(orders)
    mask = day.loans["loan_id"].is_in(orders["loan_id"].implode())
    before = close_segment(day.loans.filter(mask))
    ordered = before.join(orders, on="loan_id", how="left", maintain_order="left")
    ordered = ordered.with_columns(start=pl.coalesce("from_date", BUSINESS_DATE))
    ceilings = day.policies.duty_ceilings
    ordered = _within_ceiling(ordered.drop("from_date"), ceilings)
    ordered = first_that_moves(first_coming(ordered, day.dues), day.policies.calendars)
    ordered = with_lifted(ordered, lifted)
    revised = _revised(ordered)
    materialised = revised["materialised"]
    fixed, level = revised.filter(materialised), revised.filter(~materialised)
    if fixed.height:
        day.dues = _spread_anew(fixed, day)
    if level.height:
        unrevised = ordered.filter(~materialised)
        level = _solved_anew(level, unrevised, day, in_parts, joined)
        elsewhere = level.filter(pl.any_horizontal(pl.col("more", "moved_to").is_not_null()))
        if elsewhere.height:
            dues = with_their_instalments(day.dues, unrevised, elsewhere, day.policies.calendars)
            day.dues = placed_anew(dues, unrevised, elsewhere, day.policies.calendars)
    after = pl.concat([fixed, level.select(fixed.columns)]).sort("loan_id")
    day.loans = replaced(day.loans, mask, day.loans.filter(mask), after)
    if fixed.height:
        day.loans = point(day.loans, day.dues, mask & day.loans["materialised"])
    day.changed.append(orders.select("loan_id", "event_id"))


def _complete(orders: pl.DataFrame) -> pl.DataFrame:
    """`orders` with every column of `ORDER`."""
    absent = {name: pl.lit(None) for name in ORDER if name not in orders.columns}
    return orders.with_columns(**absent).select(
        pl.col(name).cast(dtype) for name, dtype in ORDER.items()
    )


def _solved_anew(
    level: pl.DataFrame,
    unrevised: pl.DataFrame,
    day: DayState,
    in_parts: pl.Series | None,
    joined: pl.DataFrame | None,
) -> pl.DataFrame:
    """Loans that bill step by step, `level` as revised and `unrevised` before, at their new instalment."""
    # the nights so far bore the rate that was in force
    stands = with_what_stands(_on_moved_period(unrevised, level), day.dues, joined)
    level = level.with_columns(stands.select(STANDS))
    if in_parts is not None:  # it comes on top of the level instalment
        apart = pl.col("loan_id").is_in(in_parts.implode())
        level = level.with_columns(
            lifted_interest=pl.when(apart).then(0).otherwise("lifted_interest"),
            share=pl.when(apart).then(0).otherwise("share"),
        )
    solved = on_new_period(unrevised, stepped(with_flat_total(level), day.policies.calendars))
    return with_earlier_levels(solved.with_columns(**not_on_time()), unrevised, day)


def _on_moved_period(unrevised: pl.DataFrame, level: pl.DataFrame) -> pl.DataFrame:
    """Loans before their revision, those whose due date moves in the period that ends on the new one: its
    nights to come bear what it gives them, those so far what they bore."""
    moves = level["moved_to"].is_not_null()
    if not moves.any():
        return unrevised
    before, moved = unrevised.filter(moves), level.filter(moves)
    moved = moved.with_columns(period_end=due_of(pl.col("instalment_no").cast(pl.Int32), moved))
    return replaced(unrevised, moves, before, on_new_period(before, moved))


def _spread_anew(loans: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """Dues with the instalments to come of materialised schedules; some keep their interest."""
    longer = is_fixed() & pl.col("more").is_not_null()
    stays = is_fixed() & ~longer & (pl.col("lifted_principal") + pl.col("lifted_interest") == 0)
    shares = ~longer & ~stays & shares_arrears()
    others = loans.filter(~longer & ~stays & ~shares)
    dues = respread(others, day.dues, day.policies.calendars)
    dues = redated(loans.filter(stays), dues, day.policies.calendars)
    fixed = loans.filter(longer).with_columns(lent=pl.lit(0, dtype=pl.Int64))
    spread = spread_evenly(fixed, dues, day.policies.calendars)
    dues = with_paid_kept(merge_dues(charges_follow(dues, fixed, spread), spread), fixed)
    sharing = loans.filter(shares)
    grown = share_arrears(sharing, dues)
    return merge_dues(merge_dues(dues, grown), waiting_interest(sharing, grown))


def _within_ceiling(ordered: pl.DataFrame, ceilings: pl.DataFrame) -> pl.DataFrame:
    """Loans with `new_rate` no more than a ceiling by law allows on its day, and what was agreed beside it."""
    moves = pl.col("moved_to").is_not_null()  # dates of a later day, at the rate of today
    on = pl.when(moves).then(BUSINESS_DATE).otherwise("start")
    ordered = rate_ceilings.as_of(ordered, ceilings, on)
    agreed = pl.coalesce("new_rate", "rate_agreed", "rate_ppb")
    return ordered.with_columns(
        new_rate=rate_ceilings.capped(agreed), rate_agreed=rate_ceilings.uncapped_rate(agreed)
    )


def _revised(ordered: pl.DataFrame) -> pl.DataFrame:
    """Terms as the events have them."""
    new = pl.coalesce("new_rate", "rate_ppb")
    changes = new != pl.col("rate_ppb")
    rated = ordered.with_columns(
        # two changes from the same day on: what was in force before the first one stays
        rate_before=pl.when(changes & ~(pl.col("rate_until") == pl.col("start")).fill_null(False))
        .then("rate_ppb")
        .otherwise("rate_before"),
        rate_until=pl.when(changes).then("start").otherwise("rate_until"),
        rate_ppb=new,
        instalments=(pl.col("instalments") + pl.col("more").fill_null(0)).cast(pl.Int16),
        to="moved_to",
        # a maturity that was fixed is no more where the last instalment moves
        matures_on=pl.when(pl.col("more").is_null() & pl.col("moved_to").is_null()).then(
            "matures_on"
        ),
    )
    if rated["to"].is_null().all():
        return rated.drop("to")
    return _moved(rated)


def _moved(loans: pl.DataFrame) -> pl.DataFrame:
    """Due dates counted so that the instalment after `first_no` falls due on `to`.

    Where it is the next one, all are counted so; else those from it on, and those before it stay.
    """
    to = pl.col("to")
    next_one = to.is_not_null() & (pl.col("first_no") < pl.col("instalment_no"))
    first = first_due_for(to, pl.col("first_no"))
    ends = pl.col("end_of_month") & (to == to.dt.month_end()).fill_null(False)
    anchor = pl.when(ends).then(31).otherwise(anchor_at(to).cast(pl.Int32))
    later = changed_from(pl.col("first_no") + 1, to, anchor, changes_of(loans))
    moved = loans.with_columns(
        first_due_date=pl.when(next_one).then(first).otherwise("first_due_date"),
        anchor_day=pl.when(next_one).then(anchor_at(to)).otherwise("anchor_day"),
        end_of_month=pl.when(next_one).then(ends).otherwise("end_of_month"),
        due_date_changes=pl.when(to.is_null()).then("due_date_changes").when(~next_one).then(later),
        _next=next_one,
    ).drop("to")
    # of a later period than the first it says that an order may have made it longer or shorter
    whole = due_date(pl.lit(0), codes(moved, "unit")) == pl.col("disbursed_on")
    odd = ~counts_days() & ~(whole & (pl.col("instalment_no") == 1))
    return moved.with_columns(has_stub=pl.when("_next").then(odd).otherwise("has_stub")).drop(
        "_next"
    )
