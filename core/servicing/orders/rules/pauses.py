"""What forbids a pause of interest or of delinquency, and a moratorium."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import InterestMode, Kind
from loanbook.core.servicing.orders.rule import rule

_PAUSES = (Kind.interest_paused, Kind.delinquency_paused)


@rule("no_interest_follows_the_balance", kinds=(Kind.interest_paused,))
def no_interest_follows_the_balance() -> pl.Expr:
    """The schedule fixes the interest, or a re-age did, or the rate is zero: no day's interest is there to
    pause."""
    scheduled = pl.col("interest_mode") == InterestMode.scheduled.value
    return scheduled | pl.col("interest_fixed") | (pl.col("rate_now") == 0)


@rule("pause_ends_before_it_begins", kinds=_PAUSES)
def pause_ends_before_it_begins() -> pl.Expr:
    """The last day of the pause is before its first: it has no days."""
    return pl.col("due_date") < pl.col("starts")


@rule("pause_longer_than_the_bound", kinds=_PAUSES)
def pause_longer_than_the_bound() -> pl.Expr:
    """The pause is longer than the product lets one be (its `bounds.pause_days`): a mistyped year would
    hide arrears, or interest, for a lifetime."""
    days = (pl.col("due_date") - pl.col("starts")).dt.total_days()
    return days > pl.col("pause_days")


@rule("pause_not_after_value_date", kinds=(Kind.interest_paused,))
def pause_not_after_value_date() -> pl.Expr:
    """The pause begins on the value date or before it: interest of those nights is earned already.

    What was earned is forgiven by a waiver of interest.
    """
    return pl.col("starts") <= pl.col("value_date")


@rule("another_pause_runs", kinds=(*_PAUSES, Kind.moratorium_granted))
def pause_shares_a_day_with_another() -> pl.Expr:
    """Another pause of its kind that stands has a day in common with it, or of a moratorium and a pause of
    interest the pause is not over on the moratorium's day: its nights would be passed over twice. Quarantine
    names that pause: take other days, order once it has ended, or reverse it."""
    return pl.col("pause_beside")


@rule("no_instalment_was_billed_yet", kinds=(Kind.moratorium_granted,))
def no_instalment_was_billed_yet() -> pl.Expr:
    """The first instalment is still to come: a grace from the start is agreed with the loan."""
    return pl.col("instalment_no") <= 1
