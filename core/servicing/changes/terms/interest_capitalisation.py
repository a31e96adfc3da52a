"""Capitalised interest: what was earned and not billed joins the principal, as when a deferment ends."""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.kinds import Kind
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.changes.terms.revision import revise
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.loan import balances, segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.opening import stub_within
from loanbook.core.servicing.loan.posting import DayState


def capitalise_interest(day: DayState, events: pl.DataFrame) -> None:
    """Take capitalisations, one a loan; the instalments to come follow the principal."""
    orders = with_payload(events, Kind.interest_capitalised)
    joined = _join_principal(day, orders)
    revise(day, orders.select("loan_id", "event_id", "keep", "from_date"), joined=joined)


def _join_principal(day: DayState, events: pl.DataFrame) -> pl.DataFrame | None:
    """Interest earned to the day and not billed joins the principal, rounded once: `loan_id`, `lent`.

    That of a claim that is off the books stays what it is.
    """
    off = pl.col("loan_id").is_in(day.charged_off().implode())
    orders = events.select("loan_id", "event_id", "keep").filter(~off)
    if orders.is_empty():
        return None
    mask = day.loans["loan_id"].is_in(orders["loan_id"].implode())
    before = day.loans.filter(mask)
    anew = orders.filter(pl.col("keep").fill_null("term") == "term")["loan_id"]
    is_anew = pl.col("loan_id").is_in(anew.implode()) & (pl.col("instalment_no") > 1)
    after = close_segment(before).with_columns(
        **stub_within(is_anew),
        **balances.grow_principal(pl.col("interest_accrued")),
        **balances.set_accrued(0),
        **segment.set_earned("accrued_prepaid"),
    )
    joins = before.select("loan_id", joined="interest_accrued").join(orders, on="loan_id")
    joins = joins.drop("keep")
    day.book(joins, "loan_principal", "interest_accrued", "joined")
    day.loans = replaced(day.loans, mask, before, after)
    return joins.select("loan_id", lent="joined")
