"""Money taken back: chargebacks, and refunds of the borrower's credit.

The borrower's credit is used first; the rest is owed anew. A chargeback makes it principal of the
next instalment, or asks again for the components that its payment had met, where the product has
an order for it and the event tells them (payload `interest`, `fee`, `penalty`, in minor units). Of a
loan that was written off nothing is owed anew: it is so much more that was given up.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import CHARGES, DEMANDED_AGAIN, Component, is_
from loanbook.core.catalogue.kinds import Kind
from loanbook.core.ledger.events import with_payload
from loanbook.core.servicing.interest.accrual import close_segment
from loanbook.core.servicing.loan import balances, line, segment
from loanbook.core.servicing.loan.book import replaced
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import charged_off
from loanbook.core.servicing.loan.posting import DayState
from loanbook.core.servicing.schedule.billing import whole_claim_due
from loanbook.core.servicing.schedule.coming_dues import (
    not_before_running,
    open_dues,
    show_principal_due,
)
from loanbook.core.servicing.schedule.fixed_schedule import instalment_of, point
from loanbook.core.servicing.schedule.statements import payment_due


def demanded_again(
    chargebacks: pl.DataFrame, paid: pl.DataFrame, ranks: pl.DataFrame
) -> pl.DataFrame:
    """What chargebacks ask again of interest, fees and penalties: the event's payload.

    `chargebacks`: `event_id`, `product`, `amount`, `target` (the payment's event). `paid`: its
    allocations (`event_id`, `component`, `amount`). `ranks`: `PolicyBook.chargeback_ranks`;
    products without an order ask for principal alone. Returns `event_id` and Int64 columns of
    `DEMANDED_AGAIN`.
    """
    met = paid.group_by("event_id", "component").agg(pl.col("amount").sum().alias("met"))
    lines = (
        chargebacks.join(met, left_on="target", right_on="event_id")
        .join(ranks, on=["product", "component"])
        .sort("event_id", "rank")
    )
    before = pl.col("met").cum_sum().over("event_id") - pl.col("met")
    poured = lines.with_columns(
        part=pl.min_horizontal("met", pl.col("amount") - before).clip(lower_bound=0)
    )
    return poured.group_by("event_id").agg(
        pl.col("part").filter(is_(code)).sum().alias(name) for name, code in DEMANDED_AGAIN.items()
    )


def chargeback(day: DayState, events: pl.DataFrame) -> None:
    """The card network takes payments back, one a loan; the payments stand."""
    orders = with_payload(events, Kind.chargeback)
    _take_back(
        day, orders.select("loan_id", "event_id", "amount", *DEMANDED_AGAIN), "payment_clearing"
    )


def refund_credit(day: DayState, events: pl.DataFrame) -> None:
    """Pay the borrower's credit back."""
    none = {name: pl.lit(0, dtype=pl.Int64) for name in DEMANDED_AGAIN}
    orders = events.select("loan_id", "event_id", "amount", **none)
    _take_back(day, orders, "payout_clearing")


def _take_back(day: DayState, events: pl.DataFrame, source: str) -> None:
    mask = day.loans["loan_id"].is_in(events["loan_id"].implode())
    before = day.loans.filter(mask)
    # nights before the day bear what was owed then
    day.loans = replaced(day.loans, mask, before, close_segment(before))
    charged_back = _split(day, events)
    again = [f"{name}_anew" for name in DEMANDED_AGAIN]
    sums = charged_back.select("loan_id", "used", "anew", "lost_anew", *again)
    joined = day.loans.join(sums, on="loan_id", how="left", maintain_order="left")
    joined = joined.with_columns(pl.col(sums.columns[1:]).fill_null(0))
    unpaid = pl.col("revolving") & (payment_due() >= BUSINESS_DATE)
    charges = {name: each for name, each in DEMANDED_AGAIN.items() if each in CHARGES}
    for name, each in charges.items():
        joined = joined.with_columns(**balances.grow_due(each, pl.col(f"{name}_anew")))
    day.loans = joined.with_columns(
        credit=pl.col("credit") - pl.col("used"),
        recoverable=pl.col("recoverable") + pl.col("lost_anew"),
        # a statement is not paid by money that is taken back
        **line.add_to_statement(pl.when(unpaid).then("anew").otherwise(0)),
        **balances.grow_principal(pl.col("anew")),
        **balances.grow_accrued(pl.col("interest_anew")),
        **segment.earn_more(pl.col("interest_anew")),
        interest_taxed=pl.col("interest_taxed") + pl.col("interest_anew"),
    ).select(day.loans.columns)
    off = charged_off()
    on_books, off_books = charged_back.filter(~off), charged_back.filter(off)
    day.book(charged_back, "borrower_credit", source, "used")
    day.book(on_books, "loan_principal", source, "anew")
    day.book(on_books, "interest_accrued", source, "interest_anew")
    for name, each in charges.items():
        day.book(on_books, each.row.receivable, source, f"{name}_anew")
    day.book(charged_back, "write_off_expense", source, "lost_anew")
    day.book(off_books, "credit_loss", source, "anew")
    day.book(off_books, "memo_claim", "memo_contra", "anew")
    owed = pl.sum_horizontal("anew", *again)
    # of a line it is a debit of its balance, which the next statement asks a share of
    back = charged_back.filter((owed > 0) & ~pl.col("revolving"))
    if not back.is_empty():
        _ask_again(day, back)


def _split(day: DayState, events: pl.DataFrame) -> pl.DataFrame:
    """Loans with what comes of their credit (`used`), and what is owed anew, by component."""
    loans = day.loans.join(
        events.rename({"amount": "asked"}), on="loan_id", maintain_order="left"
    ).with_columns(pl.col(*DEMANDED_AGAIN).fill_null(0))
    gone = pl.col("written_off_on").is_not_null()
    loans = loans.with_columns(
        *(
            pl.when(charged_off() | gone).then(0).otherwise(name).alias(name)
            for name in DEMANDED_AGAIN
        ),
        used=pl.min_horizontal("credit", "asked"),
    )
    left = pl.col("asked") - pl.col("used")
    for name in DEMANDED_AGAIN:
        loans = loans.with_columns(pl.min_horizontal(pl.col(name), left).alias(f"{name}_anew"))
        left = left - pl.col(f"{name}_anew")
    lost = pl.when(gone).then(left).otherwise(0)
    return loans.with_columns(anew=left - lost, lost_anew=lost)


def _ask_again(day: DayState, back: pl.DataFrame) -> None:
    """What is owed anew falls due with the next instalment, or the last on its own day."""
    calendars = day.policies.calendars
    maturity = instalment_of(back.with_columns(on=BUSINESS_DATE, strictly=pl.lit(False)), calendars)
    on_the_last = (maturity["number"] == maturity["instalments"]) & (
        maturity["falls"] == maturity["on"]
    )
    placed = instalment_of(back.with_columns(on=BUSINESS_DATE, strictly=~on_the_last), calendars)
    placed = not_before_running(placed)
    # of a claim that is off the books, all is due
    at_once = whole_claim_due()
    placed = placed.with_columns(
        number=pl.when(at_once)
        .then((pl.col("instalments") + 1).cast(pl.Int16))
        .otherwise("number"),
        falls=pl.when(at_once).then(BUSINESS_DATE).otherwise("falls"),
    )
    for column, component in (
        ("anew", Component.principal),
        *((f"{name}_anew", code) for name, code in DEMANDED_AGAIN.items()),
    ):
        open_dues(day, placed, pl.lit(component.value, dtype=pl.Int8), column)
    mask = day.loans["loan_id"].is_in(back["loan_id"].implode())
    show_principal_due(day, mask)
    _bill_at_once(day, placed)
    whole = mask & day.loans["materialised"]
    if whole.any():
        day.loans = point(day.loans, day.dues, whole)


def _bill_at_once(day: DayState, placed: pl.DataFrame) -> None:
    """Interest asked again of loans that bill step by step, where it is due today: no later instalment
    bills it."""
    now = (pl.col("falls") <= BUSINESS_DATE) & ~pl.col("materialised")
    asked = placed.filter(now & (pl.col("interest_anew") > 0)).select(
        "loan_id", "event_id", "interest_anew"
    )
    if asked.is_empty():
        return
    more = pl.col("interest_anew").fill_null(0)
    day.loans = (
        day.loans.join(asked.drop("event_id"), on="loan_id", how="left", maintain_order="left")
        .with_columns(**balances.bill_interest(more), **segment.earn_more(-more))
        .drop("interest_anew")
    )
    day.book_within_claim(asked, "interest_due", "interest_accrued", "interest_anew")
