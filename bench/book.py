"""A synthetic book in the middle of its life, and the events of its next days."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from loanbook.core.catalogue.codes import EventState, Kind
from loanbook.core.contract.boarding import payload
from loanbook.core.contract.terms import Terms
from loanbook.core.frames import completed, empty, typed
from loanbook.core.ledger.events import EVENT_COLUMNS, Events
from loanbook.core.ledger.transfers import account_movements, transfer
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.night import pass_night
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.loan.dues import Dues
from loanbook.core.servicing.loan.opening import agreed_terms, opened
from loanbook.core.servicing.loan.positions import STATE
from loanbook.core.servicing.replay.fast_forward import fast_forward
from loanbook.core.servicing.schedule.fixed_schedule import down_payment

PRODUCT = "instalment-act365@1"
DAY = dt.date(2024, 3, 20)
"""The measured day; the book stands the evening before."""
ON_TIME, AT_ANY_TIME = 0.95, 0.006
"""Share of the loans due on a day that pay it, and of all loans that pay out of turn: 3.6 % of
the book is billed on a day of the month, 4 % pays."""


TILE = 200_000
"""Loans drawn anew; a larger book repeats them under other ids."""


def book(loans: int, policies: PolicyBook) -> Book:
    """`loans` synthetic loans in their first period, due dates over 28 days of the month."""
    return _tiled(_drawn(min(loans, TILE), policies, seed=1), loans)


def _tiled(tile: Book, loans: int) -> Book:
    copies = -(-loans // TILE)

    def shifted(frame: pl.DataFrame) -> pl.DataFrame:
        parts = [frame.with_columns(pl.col("loan_id") + n * TILE) for n in range(copies)]
        return pl.concat(parts).filter(pl.col("loan_id") <= loans).rechunk()

    return Book(tile.date, shifted(tile.terms), shifted(tile.positions), shifted(tile.dues),
                tile.pending)  # fmt: skip


def _drawn(loans: int, policies: PolicyBook, seed: int) -> Book:
    draw = np.random.default_rng(seed)
    code = policies.registry.index(PRODUCT)
    due_in = draw.integers(0, 28, loans)
    raw = pl.DataFrame(
        {
            "principal_agreed": draw.integers(100_000, 4_000_000, loans),
            "rate_ppb": draw.integers(50_000_000, 300_000_000, loans),
            "instalments": np.where(draw.random(loans) < 0.7, 36, 60),
            "due_in": due_in,
        }
    )
    first = pl.lit(DAY) + pl.duration(days=pl.col("due_in"))
    day = pl.min_horizontal(first.dt.day().cast(pl.Int64), pl.lit(28))
    first = first.dt.month_start() + pl.duration(days=day - 1)
    frame = raw.with_columns(first_due_date=first).select(
        loan_id=pl.int_range(1, loans + 1, dtype=pl.Int64),
        product=pl.lit(code),
        entity=pl.lit(0),
        currency=pl.lit(0),
        principal_agreed="principal_agreed",
        rate_ppb="rate_ppb",
        instalments="instalments",
        every=pl.lit(1),
        unit=pl.lit(0),
        disbursed_on=pl.col("first_due_date").dt.offset_by("-1mo"),
        first_due_date="first_due_date",
        anchor_day=pl.col("first_due_date").dt.day(),
        end_of_month=pl.lit(False),
    )
    whole = completed(typed(frame, Terms), Terms).select(Terms.column_names())
    terms = agreed_terms(whole, policies.pins)
    wide = opened(terms, policies.calendars).with_columns(principal=pl.col("principal_agreed"))
    eve = DAY - dt.timedelta(days=1)
    wide = pass_night(dated(wide, eve)).drop("business_date")
    return Book(eve, terms, wide.select(STATE), empty(Dues), empty(Events))


def mixed(loans: int, policies: PolicyBook) -> Book:
    """As `book`, of all products alike: boarded and paid out by events, lived by the engine.

    Who owes a share at the payout pays it then: like the plain book's, no loan is past due.
    """
    return _tiled(_mixed(min(loans, TILE), policies), loans)


def _mixed(loans: int, policies: PolicyBook) -> Book:
    plain = _drawn(loans, policies, seed=3).terms.select(Terms.column_names())
    bounds = pl.DataFrame(
        [
            (code, *p.bounds.instalments, p.bounds.rate_ppb[1],
             p.bounds.amount_minor[1], p.floating is not None)
            for code, p in policies.products.items()
        ],
        schema=["product", "low", "high", "rate_high", "amount_high", "floats"], orient="row",
    ).with_row_index("nth")  # fmt: skip
    terms = (
        plain.drop("product")
        .with_columns(nth=(pl.col("loan_id") % bounds.height).cast(pl.UInt32))
        .join(bounds, on="nth")
        .join(policies.pins.select(pl.col("product").cast(pl.Int64), own="entity", paid="currency"),
              on="product")
        .with_columns(
            entity="own", currency="paid", emi=pl.lit(None, dtype=pl.Int64),
            instalments=pl.col("instalments").clip("low", "high"),
            rate_ppb=pl.min_horizontal("rate_ppb", "rate_high"),
            principal_agreed=pl.min_horizontal("principal_agreed", "amount_high"),
            spread_ppb=pl.when("floats").then(10_000_000),
        )
    )  # fmt: skip
    told = typed(terms, Terms).select(Terms.column_names()).sort("loan_id")
    on = pl.col("disbursed_on")
    shares = agreed_terms(told, policies.pins).select(
        "loan_id", "disbursed_on", share=down_payment(pl.col("principal_agreed"))
    )
    nothing = pl.lit(None, dtype=pl.String)
    told_of = [
        told.select("loan_id", value_date=on, kind=pl.lit(Kind.loan_boarded.value),
                    amount=pl.lit(None, dtype=pl.Int64), payload=payload(told)),
        told.select("loan_id", value_date=on, kind=pl.lit(Kind.disbursed.value),
                    amount="principal_agreed", payload=nothing),
        shares.filter(pl.col("share") > 0).select(
            "loan_id", value_date=on, kind=pl.lit(Kind.down_payment.value), amount="share",
            payload=nothing),
    ]  # fmt: skip
    events = pl.concat(told_of).with_columns(
        event_id=pl.int_range(pl.len(), dtype=pl.Int64), booking_date="value_date",
        idempotency_key=pl.format("{}/{}", "kind", "loan_id"),
        **{n: pl.lit("") for n in ("source_system", "source_ref", "body_hash", "file_id", "actor",
                                   "correlation_id")},
        **{n: pl.lit(None) for n in ("checker", "reason")},
        **{n: pl.lit(0) for n in ("currency", "state", "line")},
        recorded_at=pl.lit(dt.datetime(2024, 1, 1)),
    ).select(EVENT_COLUMNS)  # fmt: skip
    eve = DAY - dt.timedelta(days=1)
    start = Book.empty(policies.pins, empty(Events))
    return fast_forward(start, typed(events, Events), policies, eve).book(eve)


def balances(of: Book) -> pl.DataFrame:
    """General-ledger balances that fit the book: principal paid out, interest earned."""
    wide = of.wide().with_columns(loan_id=pl.lit(1, dtype=pl.Int64))
    sums = (
        wide.with_columns(business_date=pl.lit(of.date))
        .group_by("entity", "product", "currency", "loan_id", "business_date")
        .agg(pl.col("principal", "interest_accrued", "income_deferred").sum())
    )
    assert of.date is not None
    moves = pl.concat(
        [
            transfer(sums, "loan_principal", "payout_clearing", "principal"),
            transfer(sums, "interest_accrued", "interest_income", "interest_accrued"),
            transfer(sums, "payout_clearing", "deferred_fee_income", "income_deferred"),
        ]
    )
    return account_movements(moves).rename({"movement": "balance"})


def payments(of: Book, date: dt.date, seed: int) -> pl.DataFrame:
    """Events of a day: most loans due pay their instalment, a few pay an instalment or half of
    one out of turn (late or early)."""
    draw = np.random.default_rng(seed)
    chance = pl.Series(draw.random(of.loans))
    due = of.positions["period_end"] == date
    pays = (due & (chance < ON_TIME)) | (~due & (chance < AT_ANY_TIME))
    part = pl.col("principal_agreed") // pl.col("instalments")
    level = pl.when(pl.col("emi") > 0).then("emi").otherwise(part)
    paying = of.terms.filter(pays).select("loan_id", emi=level)
    count = paying.height
    part = pl.Series(draw.random(count) < 0.5) & ~due.filter(pays)
    return paying.select(
        event_id=pl.int_range(seed * 10**8, seed * 10**8 + count, dtype=pl.Int64),
        kind=pl.lit(Kind.payment_received.value, dtype=pl.Int8),
        loan_id="loan_id",
        value_date=pl.lit(date),
        booking_date=pl.lit(date),
        amount=pl.when(part).then(pl.col("emi") // 2).otherwise("emi"),
        currency=pl.lit(0, dtype=pl.Int8),
        source_system=pl.lit("bench"),
        source_ref=pl.lit("r"),
        idempotency_key=pl.lit("k"),
        body_hash=pl.lit(""),
        state=pl.lit(EventState.accepted.value, dtype=pl.Int8),
        file_id=pl.lit(""),
        line=pl.lit(0, dtype=pl.Int64),
        actor=pl.lit("bench"),
        checker=pl.lit(None, dtype=pl.String),
        reason=pl.lit(None, dtype=pl.String),
        correlation_id=pl.lit(""),
        payload=pl.lit(None, dtype=pl.String),
        recorded_at=pl.lit(dt.datetime(2024, 1, 1)).cast(pl.Datetime("us")),
    ).select(EVENT_COLUMNS)
