"""What forbids a change of the contract, whatever the change."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import CHANGES, InterestMode, Kind
from loanbook.core.contract.figures import Amortisation
from loanbook.core.servicing.orders.rule import rule


@rule("flat_loans_do_not_change", kinds=tuple(k for k in CHANGES if k != Kind.rate_changed))
def flat_loans_do_not_change() -> pl.Expr:
    """Interest of a flat loan was reckoned on the first principal for the whole term, so nothing of
    its contract changes; a new rate alone may be ordered."""
    return pl.col("amortisation") == Amortisation.flat.value


@rule("rate_above_the_products_bound", kinds=(Kind.rate_changed,))
def rate_above_the_products_bound() -> pl.Expr:
    """The new rate is above the highest that the product lends at (its `bounds.rate_percent`)."""
    return pl.col("rate_ppb") > pl.col("highest_ppb")


@rule("contract_is_terminated", kinds=CHANGES)
def contract_is_terminated() -> pl.Expr:
    """The contract was terminated: the whole claim is due, and no terms are left to change."""
    return pl.col("accelerated_on").is_not_null()


@rule("another_change_on_the_day", kinds=CHANGES)
def another_change_on_the_day() -> pl.Expr:
    """The same change is ordered for the value date already, or another that makes the schedule anew:
    the last one would win without a word. Take the first back, or order the second for a later day."""
    return pl.col("rival")


@rule("schedule_is_agreed_row_by_row", kinds=tuple(k for k in CHANGES if k != Kind.reaged))
def schedule_is_agreed_row_by_row() -> pl.Expr:
    """The instalments were agreed one by one, so no rate, date or term makes them: a re-age makes a
    schedule anew."""
    return pl.col("rows_agreed")


@rule("a_moratorium_runs", kinds=CHANGES)
def a_moratorium_runs() -> pl.Expr:
    """A moratorium still passes over instalments: the contract changes again once it has ended."""
    return pl.col("moratorium_left") > 0


@rule(
    "interest_is_fixed_by_the_schedule",
    kinds=(Kind.moratorium_granted, Kind.contract_accelerated, Kind.interest_capitalised),
)
def change_of_fixed_interest() -> pl.Expr:
    """The schedule fixes each period's interest, whatever is owed: none is earned by days that could
    be passed over, cut off at a termination or joined to the principal."""
    return pl.col("interest_mode") == InterestMode.scheduled.value


@rule(
    "interest_is_fixed_by_the_schedule", kinds=(Kind.moratorium_granted, Kind.interest_capitalised)
)
def change_of_interest_that_a_reage_fixed() -> pl.Expr:
    """A re-age fixed the interest to come and spread it: no nights earn it that could be passed over, or
    join the principal. A level re-age makes the balance bear interest again."""
    return pl.col("interest_fixed")
