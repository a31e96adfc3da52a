"""Changes to a contract: each closes the schedule in force and opens the next from its day on.

What is billed stays. What is to come is made anew from the unbilled principal: over the
instalments left at the level instalment that pays it off (`keep: term`, the default), or with
the instalment as it was, the last one absorbing the difference (`keep: instalment`).
A re-amortisation spreads arrears with it; a re-age is `loanbook.core.servicing.changes.reage`.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.due_dates import due_date, first_due_for
from loanbook.core.contract.figures import codes, counts_days
from loanbook.core.contract.schedule import with_flat_total
from loanbook.core.servicing.changes.roll_in_arrears import roll_in, split_interest, with_lifted
from loanbook.core.servicing.interest import rate_ceilings
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.interest.index_rates import rate
from loanbook.core.servicing.loan import balances, segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.dues import merge_dues
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.equal_parts import (
    is_fixed,
    share_arrears,
    shares_arrears,
    spread_evenly,
)
from loanbook.core.servicing.schedule.fixed_schedule import (
    charges_follow,
    first_coming,
    point,
    respread,
)
from loanbook.core.servicing.schedule.level_instalment import (
    lacks,
    prepaid_principal,
    stepped,
    with_late_interest,
)

BODY = pl.Struct(
    {
        "rate_ppb": pl.Int64,  # rate_changed: the new yearly rate
        "keep": pl.String,  # term | instalment
        "instalments": pl.Int16,  # extended: by how many
        "due_date": pl.String,  # due_date_moved: of the next instalment
        "index_ppb": pl.Int64,  # rate_reset: the value of the index
        "from_date": pl.String,  # a schedule that stands whole changes from here on, not at once
        "interest": pl.String,  # reamortised: split, the arrears' interest comes in equal parts
    }
)
"""What the payload of a change may say, as JSON."""


def change(day: DayState, events: pl.DataFrame) -> None:
    """Take changes of one kind, one a loan."""
    told = events.select(
        "loan_id", "event_id", pl.col("payload").str.json_decode(BODY).alias("body")
    ).unnest("body")
    told = told.rename({"rate_ppb": "new_rate", "instalments": "more", "due_date": "moved_to"})
    at = day.loans["loan_id"].is_in(told["loan_id"].implode())
    left = day.loans.filter(pl.col("instalment_no") <= pl.col("instalments"))["loan_id"]
    anew = (pl.col("kind") == Kind.reamortised.value) & pl.col("loan_id").is_in(left.implode())
    lifted, comes_in_parts = split_interest(day, told, roll_in(day, events.filter(anew)))
    _capitalise(day, events.filter(pl.col("kind") == Kind.interest_capitalised.value))
    before = close_segment(day.loans.filter(at))
    asked = before.join(told, on="loan_id", how="left", maintain_order="left")
    asked = asked.with_columns(start=pl.coalesce(pl.col("from_date").str.to_date(), BUSINESS_DATE))
    asked = _followed(asked.drop("from_date", "interest"))
    asked = with_lifted(first_coming(asked, day.dues), lifted)
    revised = _revised(asked)
    whole = revised["materialised"]
    stands, steps = revised.filter(whole), revised.filter(~whole)
    if stands.height:
        day.dues = _stand_anew(stands, day)
    if steps.height:
        split = pl.col("loan_id").is_in(comes_in_parts.implode())
        # the nights so far bore the rate that was in force
        stood = with_late_interest(prepaid_principal(asked.filter(~whole), day.dues), day.dues)
        nights = (pl.col("period_end") - BUSINESS_DATE).dt.total_days()
        steps = steps.with_columns(
            lacks(stood) + stood.select(pl.col("ahead") * nights).to_series(),
            *stood.select("standing", "ahead", "met", "late_interest"),
            # what comes in parts comes on top of the level instalment
            lifted_interest=pl.when(split).then(0).otherwise("lifted_interest"),
        )
        steps = stepped(with_flat_total(steps), day.policies.calendars)
    after = pl.concat([stands, steps.select(stands.columns)]).sort("loan_id")
    day.loans = replaced(day.loans, at, day.loans.filter(at), after)
    if stands.height:
        day.loans = point(day.loans, day.dues, at & day.loans["materialised"])
    day.changed.append(told.select("loan_id", "event_id"))


def _stand_anew(stands: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """Dues with the instalments to come of schedules that stand whole; some keep their interest."""
    longer = is_fixed() & pl.col("more").is_not_null()
    shares = ~longer & shares_arrears()
    dues = respread(stands.filter(~longer & ~shares), day.dues, day.policies.calendars)
    fixed = stands.filter(longer).with_columns(lent=pl.lit(0, dtype=pl.Int64))
    more = spread_evenly(fixed, dues, day.policies.calendars)
    dues = merge_dues(charges_follow(dues, fixed, more), more)
    return merge_dues(dues, share_arrears(stands.filter(shares), dues))


def _capitalise(day: DayState, events: pl.DataFrame) -> None:
    """Interest earned to the day and not billed joins the principal, rounded once.

    That of a claim that is off the books stays what it is.
    """
    off = pl.col("loan_id").is_in(day.charged_off().implode())
    told = events.select("loan_id", "event_id").filter(~off)
    if told.is_empty():
        return
    at = day.loans["loan_id"].is_in(told["loan_id"].implode())
    before = day.loans.filter(at)
    grown = close_segment(before).with_columns(
        **balances.grow_principal(pl.col("interest_accrued")),
        **balances.set_accrued(0),
        **segment.set_earned("accrued_prepaid"),
    )
    joins = before.select("loan_id", joined="interest_accrued").join(told, on="loan_id")
    day.book(joins, "loan_principal", "interest_accrued", "joined")
    day.loans = replaced(day.loans, at, before, grown)


def _followed(asked: pl.DataFrame) -> pl.DataFrame:
    """Loans with their `new_rate`: of those that reset, what the index value makes; no more than a
    ceiling by law allows, and what was agreed beside it."""
    resets = pl.col("index_ppb").is_not_null()
    kept = pl.when("resets_keep_instalment").then(pl.lit("instalment")).otherwise(pl.lit("term"))
    told = asked.with_columns(
        new_rate=pl.when(resets).then(rate()).otherwise("new_rate"),
        keep=pl.when(resets).then(kept).otherwise("keep"),
    ).drop("index_ppb")
    agreed = pl.coalesce("new_rate", "rate_agreed", "rate_ppb")
    return told.with_columns(
        new_rate=rate_ceilings.capped(agreed), rate_agreed=rate_ceilings.uncapped_rate(agreed)
    )


def _revised(asked: pl.DataFrame) -> pl.DataFrame:
    """Terms as the events have them."""
    new = pl.coalesce("new_rate", "rate_ppb")
    changes = new != pl.col("rate_ppb")
    rated = asked.with_columns(
        # two changes from the same day on: what was in force before the first one stays
        rate_before=pl.when(changes & ~(pl.col("rate_until") == pl.col("start")).fill_null(False))
        .then("rate_ppb")
        .otherwise("rate_before"),
        rate_until=pl.when(changes).then("start").otherwise("rate_until"),
        rate_ppb=new,
        instalments=(pl.col("instalments") + pl.col("more").fill_null(0)).cast(pl.Int16),
        to=pl.col("moved_to").str.to_date(),
        # a maturity that was fixed is no more where the last instalment moves
        matures_on=pl.when(pl.col("more").is_null() & pl.col("moved_to").is_null()).then(
            "matures_on"
        ),
    )
    if rated["to"].is_null().all():
        return rated.drop("to")
    return _moved(rated)


def _moved(loans: pl.DataFrame) -> pl.DataFrame:
    """Due dates counted so that the instalment after `first_no` falls due on `to`."""
    first = first_due_for(pl.col("to"), pl.col("first_no"))
    day = pl.col("to").dt.day().cast(pl.Int8)
    moved = loans.with_columns(
        first_due_date=pl.coalesce(first, "first_due_date"),
        anchor_day=pl.when(first.is_not_null()).then(day).otherwise("anchor_day"),
    ).drop("to")
    return moved.with_columns(
        has_stub=~counts_days()
        & (due_date(pl.lit(0), codes(moved, "unit")) != pl.col("disbursed_on"))
    )


def with_tranche(loans: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """Terms and positions with `payout` lent on top, where interest follows the balance.

    What is billed stays; the level instalment pays off what is unbilled, the payout included,
    over the instalments left. In the running period the balance lacks what was lent within it, for
    the nights before.
    """
    grown = close_segment(loans).with_columns(
        **balances.grow_principal(pl.col("payout")),
        keep=pl.lit("term"),
        lifted_interest=pl.lit(0, dtype=pl.Int64),
    )
    lent = _lent_today(grown, day)
    grown = with_late_interest(prepaid_principal(grown, day.dues), day.dues, lent)
    grown = grown.with_columns(lacks=lacks(grown))
    return stepped(grown, day.policies.calendars).select(loans.columns)


def _lent_today(grown: pl.DataFrame, day: DayState) -> pl.DataFrame:
    """`lent` by loan: the `payout` and those of the day before it, less the shares due at once."""
    principal = pl.col("debit") == ROLE["loan_principal"]
    shares = day.dues.filter((pl.col("instalment_no") < 0) & (pl.col("due_date") == BUSINESS_DATE))
    lent = pl.concat(
        [
            grown.select("loan_id", lent="payout"),
            *(m.filter(principal).select("loan_id", lent="amount") for m in day.transfers),
            shares.select("loan_id", lent=-pl.col("amount")),
        ]
    )
    return lent.group_by("loan_id").agg(pl.col("lent").sum())
