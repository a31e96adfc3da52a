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


@rule("another_pause_runs", kinds=(Kind.interest_paused,))
def pause_within_a_pause() -> pl.Expr:
    """An earlier pause of interest has not ended on the value date: a loan has one at a time, and the later
    one would take its place without a word. Quarantine names the pause that runs; order the next one once it
    has ended, or reverse it."""
    return pl.col("paused_until") > pl.col("value_date")


@rule("another_pause_runs", kinds=_PAUSES)
def pause_shares_a_day_with_another() -> pl.Expr:
    """Another pause of its kind that stands has a day in common with it; of interest, one is ordered before
    the other has ended: a loan has one at a time. Quarantine names that pause."""
    return pl.col("pause_beside")


@rule("no_instalment_was_billed_yet", kinds=(Kind.moratorium_granted,))
def no_instalment_was_billed_yet() -> pl.Expr:
    """The first instalment is still to come: a grace from the start is agreed with the loan."""
    return pl.col("instalment_no") <= 1


@rule("another_pause_runs", kinds=(Kind.moratorium_granted,))
def moratorium_within_a_pause() -> pl.Expr:
    """A pause of interest still runs on the value date: its nights would be passed over twice."""
    return pl.col("paused_until") >= pl.col("value_date")
