"""What forbids another schedule: a longer term, later dates, arrears spread anew."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import InterestMode, Kind
from loanbook.core.servicing.orders.rule import rule


@rule("interest_is_fixed_by_the_schedule", kinds=(Kind.reaged,))
def reage_of_fixed_interest() -> pl.Expr:
    """The schedule fixes the interest and does not stand whole: a re-age would have no rows of the
    instalments to come that it could end and begin anew."""
    return ~pl.col("materialised") & (pl.col("interest_mode") == InterestMode.scheduled.value)


@rule("no_instalment_to_come", kinds=(Kind.term_extended, Kind.due_date_moved))
def no_instalment_to_come() -> pl.Expr:
    """The last instalment was billed: none is left to be paid later or over a longer term."""
    return pl.col("instalment_no") > pl.col("instalments_agreed")


@rule("term_beyond_the_bound", kinds=(Kind.term_extended,))
def term_beyond_the_bound() -> pl.Expr:
    """The term would be longer than 600 instalments, or than the product lends for where that is more:
    each instalment to come is reckoned at every change of the contract."""
    return pl.col("term_after") > pl.col("most_instalments")


@rule("due_date_not_after_value_date", kinds=(Kind.due_date_moved, Kind.reaged))
def due_date_not_after_value_date() -> pl.Expr:
    """The new due date is no later than the day of the change: it would be due before it is known."""
    return pl.col("due_date") <= pl.col("value_date")


@rule("due_date_before_the_start_date", kinds=(Kind.due_date_moved,))
def due_date_before_the_start_date() -> pl.Expr:
    """The new due date lies before the date from which on instalments move: it could be no later than that
    of the instalment before it, which stays."""
    return pl.col("due_date") < pl.col("starts")


@rule("due_date_beyond_the_bound", kinds=(Kind.charge_assessed, Kind.due_date_moved, Kind.reaged))
def due_date_beyond_the_bound() -> pl.Expr:
    """The due date lies further ahead than the product lets an order reach (its `bounds.due_within_days`): a
    mistyped year would put it off for a lifetime."""
    return (pl.col("due_date") - pl.col("value_date")).dt.total_days() > pl.col("due_within_days")


@rule("charge_due_in_the_past", kinds=(Kind.charge_assessed,))
def charge_due_in_the_past() -> pl.Expr:
    """The charge would fall due before its own value date: late from the day on which it is asked."""
    return pl.col("due_date") < pl.col("value_date")


@rule("nothing_to_spread_anew_yet", kinds=(Kind.reamortised, Kind.reaged))
def nothing_to_spread_anew_yet() -> pl.Expr:
    """On the day of the first payout or before it, nothing is owed beside what was just agreed."""
    return pl.col("value_date") <= pl.col("disbursed_on")
