"""Payoff: what settles a loan on a date, by letting the engine take money that is surely enough.

Payoff(d) is the whole claim as of d less the borrower's credit. It is what a payment of more
than the claim would be allocated to the loan's components on that day, so it asks what the
close asks, to the minor unit, and a loan paid as quoted closes at zero.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.catalogue.codes import ENDED, EventState, Kind, Status
from loanbook.core.catalogue.components import PARTS, Component, is_
from loanbook.core.errors import EngineError
from loanbook.core.frames import empty
from loanbook.core.ledger.events import EVENT_COLUMNS, Events
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.night import pass_night
from loanbook.core.servicing.day.steps import run_day
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.replay.fast_forward import fast_forward

ONE_DAY = dt.timedelta(days=1)
ENOUGH = 10**14
"""More than any claim (`loanbook.core.contract.money.MAX_MINOR` bounds principal), in minor units."""


def quote(book: Book, policies: PolicyBook, on: dt.date) -> pl.DataFrame:
    """What settles each live loan of `book` if it is paid on `on`, after the book's date.

    Returns `loan_id`, the parts of the claim (`PARTS`: `principal`, `interest`, `fees`, ...),
    `credit` (used against them), `payoff`, `per_diem` (one night more), all Int64 minor units, and `expires_on`
    (Date), the last day on which payoff plus a per-diem a night holds: nothing else happens to
    the loan before. What waits in the book is taken in on its day. Raises EngineError if `on`
    is not after the book's date.
    """
    if book.date is None or on <= book.date:
        raise EngineError(f"the book stands at {book.date}: quote a payoff for a later date")
    # a quote is of the evening before, and of the day after all else that happens on it
    nothing = book.pending.clear()
    eve = fast_forward(book, nothing, policies, on - ONE_DAY).book(on - ONE_DAY)
    after = fast_forward(eve, nothing, policies, on).book(on)
    today, tomorrow = _quoted(eve, policies, on), _quoted(after, policies, on + ONE_DAY)
    nights = tomorrow.select("loan_id", next="payoff")
    last = after.wide().select("loan_id", expires_on=pl.col("period_end"))
    return (
        today.join(nights, on="loan_id", how="left", maintain_order="left")
        .join(last, on="loan_id", how="left", maintain_order="left")
        .with_columns(
            per_diem=(pl.col("next").fill_null(pl.col("payoff")) - pl.col("payoff")),
            expires_on=pl.max_horizontal(
                pl.lit(on), pl.min_horizontal("expires_on", pl.lit(on + VALID))
            ),
        )
        .drop("next")
    )


VALID = dt.timedelta(days=14)
"""Days for which a quote may be given at most; the next due date ends it earlier."""


def _quoted(book: Book, policies: PolicyBook, on: dt.date) -> pl.DataFrame:
    """What settles the loans of a book that stands at the day before `on`."""
    live = pl.col("status").is_in([*ENDED, Status.overpaid.value])
    waits = book.pending.filter(pl.col("value_date") == on)
    wide = pass_night(dated(book.wide().filter(~pl.col("status").is_in(ENDED)), on))
    loan_ids = wide.filter(~live)["loan_id"]
    return settling(wide, dated(book.dues, on), waits, loan_ids, policies)


def settling(
    wide: pl.DataFrame,
    dues: pl.DataFrame,
    events: pl.DataFrame,
    loan_ids: pl.Series,
    policies: PolicyBook,
) -> pl.DataFrame:
    """What settles the loans of `loan_ids` on their `business_date`, after all other `events` of it.

    `wide`: terms, positions earned to `business_date`; `dues` with `business_date`. Returns `loan_id`,
    `PARTS`, `credit`, `payoff` (Int64).
    """
    first = wide["business_date"].min()
    # no loan, no date: any version does
    since = first if isinstance(first, dt.date) else dt.date.max
    versions = policies.buckets_since("default", since)
    live = wide.filter(pl.col("loan_id").is_in(loan_ids.implode())).select(
        "loan_id", "currency", "credit", "business_date"
    )
    paid = run_day(wide, dues, pl.concat([events, _money(live)]), policies, versions)
    # what waited for the day and comes before the payoff is no part of it
    is_payoff = pl.col("component").is_not_null() & (pl.col("event_id") <= 0)
    placed = paid.allocations.filter(is_payoff).join(
        live.select("loan_id"), on="loan_id", how="semi"
    )

    def of(component: Component) -> pl.Expr:
        return pl.col("amount").filter(is_(component)).sum()

    whole = placed.group_by("loan_id").agg(
        **{part: of(each) for part, each in PARTS.items()},
        paid=pl.col("amount").sum(),
        by_credit=pl.col("amount").filter(pl.col("event_id") == 0).sum(),
    )
    # credit that met no due is still the borrower's
    credit = live.select("loan_id", "credit")
    unearned = _given_back(paid.transfers)
    return (
        whole.join(credit, on="loan_id", how="left")
        .join(unearned, on="loan_id", how="left", maintain_order="left")
        .with_columns(pl.col("given_back", "to_principal").fill_null(0))
        .with_columns(
            pl.col("principal") + pl.col("to_principal"),
            pl.col("interest") - pl.col("given_back"),
            pl.col("paid") + pl.col("to_principal") - pl.col("given_back"),
        )
        .with_columns(credit=pl.min_horizontal("credit", "paid"))
        .with_columns(payoff=pl.col("paid") - pl.col("credit"))
        .sort("loan_id")
        .select("loan_id", *PARTS, "credit", "payoff")
    )


def _given_back(transfers: pl.DataFrame) -> pl.DataFrame:
    """`loan_id`, `given_back`: interest that the payoff finds paid and not earned, of it `to_principal`."""
    of_payoff = transfers.filter(pl.col("event_id") < 0)
    credit, amount = ROLE["borrower_credit"], pl.col("amount")
    interest = [ROLE["interest_accrued"], ROLE["interest_income"]]
    back = (pl.col("credit") == credit) & pl.col("debit").is_in(interest)
    on = (pl.col("debit") == credit) & (pl.col("credit") == ROLE["loan_principal"])
    return of_payoff.group_by("loan_id").agg(
        given_back=amount.filter(back).sum(), to_principal=amount.filter(on).sum()
    )


def _money(live: pl.DataFrame) -> pl.DataFrame:
    """A receipt of more than enough for each loan; it is never booked."""
    # after all that waits for the day: "~" sorts behind the name of any source system
    missing = {
        "source_system": "~payoff-quote", "body_hash": "", "file_id": "", "actor": "payoff-quote",
        "correlation_id": "",
    }  # fmt: skip
    schema = empty(Events).schema
    receipts = live.with_columns(
        event_id=-pl.col("loan_id"),
        kind=pl.lit(Kind.payment_received.value),
        value_date="business_date",
        booking_date="business_date",
        amount=pl.lit(ENOUGH, dtype=pl.Int64),
        source_ref=pl.col("loan_id").cast(pl.String),
        idempotency_key=pl.col("loan_id").cast(pl.String),
        state=pl.lit(EventState.accepted.value),
        line=pl.lit(0),
        recorded_at=pl.lit(dt.datetime(1970, 1, 1)),
        **{name: pl.lit(value) for name, value in missing.items()},
    )
    nulls = {n: pl.lit(None) for n in EVENT_COLUMNS if n not in receipts.columns}
    return receipts.with_columns(**nulls).select(EVENT_COLUMNS).cast(dict(schema))  # type: ignore[arg-type]
