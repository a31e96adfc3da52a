"""What a loan's state forbids: the table of states, one rule a refusal."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import ENDED, Kind, Status
from loanbook.core.servicing.orders.rule import rule
from loanbook.core.servicing.orders.states import ALLOWED, forbidden_in


def _forbidden(state: Status) -> pl.Expr:
    """Loans in the state, and an order that the table does not allow in it."""
    codes = [kind.value for kind in forbidden_in(state)]
    return (pl.col("status") == state.value) & pl.col("kind").is_in(codes)


_ONCE_ENDED = tuple(k for k in ALLOWED if any(k in forbidden_in(Status(s)) for s in ENDED))


@rule("loan_was_withdrawn")
def loan_was_withdrawn() -> pl.Expr:
    """The loan was withdrawn: it never was boarded, so nothing can be ordered of it."""
    return pl.col("withdrawn")


@rule("a_published_version_has_read_it", kinds=(Kind.boarding_withdrawn,))
def a_published_version_has_read_it() -> pl.Expr:
    """A published version holds the loan: what was said of it can't be unsaid, also of one that is held since.
    Settle it, write it off or reverse its payout; of one that is held, reverse first what its law names."""
    return pl.col("published")


@rule("nothing_is_paid_out", kinds=forbidden_in(None))
def nothing_is_paid_out() -> pl.Expr:
    """Nothing is paid out yet: there is no claim to change, to forgive or to give up."""
    return pl.col("status").is_null()


@rule("valued_before_boarding")
def valued_before_boarding() -> pl.Expr:
    """The order is valued before the loan entered the book: there was no contract yet to change, and no
    claim that money could meet."""
    return pl.col("value_date") < pl.col("disbursed_on")


@rule("loan_has_not_ended", kinds=forbidden_in(Status.active))
def loan_has_not_ended() -> pl.Expr:
    """The loan is active: only one that has ended is reopened."""
    return _forbidden(Status.active)


@rule("loan_has_ended", kinds=_ONCE_ENDED)
def loan_has_ended() -> pl.Expr:
    """The loan was paid off, settled or written off: nothing is left to order of it.

    Two people may reopen a paid-off or settled loan for a day; a write-off is final.
    """
    return pl.any_horizontal(_forbidden(Status(state)) for state in ENDED)


@rule("loan_owes_nothing", kinds=forbidden_in(Status.overpaid))
def loan_owes_nothing() -> pl.Expr:
    """The borrower paid more than was owed: only a new payout, charge or fee makes a claim again."""
    return _forbidden(Status.overpaid)


@rule("loan_is_charged_off", kinds=forbidden_in(Status.charged_off))
def loan_is_charged_off() -> pl.Expr:
    """The loan is off the books: the claim is recovered, settled or given up, but its contract does
    not change any more, nothing is lent or charged on it, and it is not charged off again."""
    return _forbidden(Status.charged_off)
