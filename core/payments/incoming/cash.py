"""What is booked of entries, beside the loans' own events: the bank, payment clearing, unidentified receipts.

| what | debit | credit |
|---|---|---|
| money in | bank | payment_clearing |
| money out | payment_clearing | bank |
| a payout goes out, alone or with its file | payout_clearing | bank |
| a payout comes back | bank | payout_clearing |
| it waits in suspense | payment_clearing | unidentified_receipts |
| suspense is assigned | unidentified_receipts | payment_clearing |
| a collector keeps its fee | payment_processing_expense | payment_clearing |
| suspense was not the book's | unidentified_receipts | bank |

The payment of a loan debits payment clearing by its own event, so that clearing comes to zero when money and
payments are both there. Source: the product's domain rules, Double entry.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.contract.money import CURRENCY_CODES
from loanbook.core.frames import empty
from loanbook.core.ledger.transfers import Transfers, all_of
from loanbook.core.payments.incoming.own_files import AS_ONE, BY_AMOUNT

MOVEMENTS = {
    "booking_date": pl.Date, "account": pl.String, "entity": pl.Int16, "product": pl.Int16,
    "currency": pl.Int8, "debit": pl.Int16, "credit": pl.Int16, "amount": pl.Int64,
    "why": pl.String, "entries": pl.Int64,
}  # fmt: skip
"""Schema of movements of money at banks, summed by file, account and reason; `entries`: how many."""
ARRIVED, WAITING, ASSIGNED, NOT_OURS, FEE = "arrived", "waiting", "assigned", "not_ours", "fee"
PAID_OUT = "paid_out"
_BOOKED = {
    PAID_OUT: ("bank", "payout_clearing"),
    ARRIVED: ("bank", "payment_clearing"),
    WAITING: ("payment_clearing", "unidentified_receipts"),
    ASSIGNED: ("unidentified_receipts", "payment_clearing"),
    NOT_OURS: ("unidentified_receipts", "bank"),
    FEE: ("payment_clearing", "payment_processing_expense"),  # of money out: the other way round
}
"""Debit and credit of money in by why it moves; of money out the other way round."""
_BY_OUTCOME: dict[str, tuple[str, ...]] = {"applied": (ARRIVED,), "settled": (ARRIVED,), "returned": (ARRIVED,),
               "suspense": (ARRIVED, WAITING), PAID_OUT: (PAID_OUT,)}  # fmt: skip
PAYOUT_BACK = "return_of_a_payout"
"""The rule of an entry that brings a payout back, which is taken back."""
_PAYOUTS = ("payout_settled", AS_ONE, BY_AMOUNT)
"""Rules by which money out is of payouts that were sent."""
_BY_DECISION: dict[str, tuple[str, ...]] = {
    "applied": (ASSIGNED,),
    "settled": (ASSIGNED,),
    "outside": (NOT_OURS,),
}


def of_entries(entries: pl.DataFrame, books: pl.DataFrame, date: dt.date) -> pl.DataFrame:
    """Movements (schema `MOVEMENTS`) of entries that came: `account`, `direction`, `amount`, `outcome`, `rule`.

    `books`: `account`, `entity`, `product` (codes), `currency` (name); `date`: when they are booked.
    """
    sent = (
        (pl.col("outcome") == "settled")
        & (pl.col("direction") == "debit")
        & pl.col("rule").is_in(_PAYOUTS)
    )
    back = (pl.col("outcome") == "returned") & (pl.col("rule") == PAYOUT_BACK)
    of = pl.when(sent | back).then(pl.lit(PAID_OUT)).otherwise("outcome")
    return _moved(entries.with_columns(outcome=of), _BY_OUTCOME, books, date)


def of_collected(entries: pl.DataFrame, books: pl.DataFrame, date: dt.date) -> pl.DataFrame:
    """Movements of what another collected, which is in clearing until its total arrives: what waits, and fees,
    those of rows of their own (`code`) and those kept of other rows (`fee`, minor units)."""
    fresh = entries.filter(~pl.col("outcome").is_in(["duplicate", "quarantined"]))
    kept = fresh.filter(pl.col("fee") > 0).with_columns(
        amount="fee", direction=pl.lit("debit"), outcome=pl.lit(FEE)
    )
    is_fee = pl.col("code") == FEE
    whole = fresh.with_columns(outcome=pl.when(is_fee).then(pl.lit(FEE)).otherwise("outcome"))
    return _moved(pl.concat([whole, kept]), {"suspense": (WAITING,), FEE: (FEE,)}, books, date)


def of_decisions(entries: pl.DataFrame, books: pl.DataFrame, date: dt.date) -> pl.DataFrame:
    """Movements of entries that were in suspense and have a new `outcome`."""
    return _moved(entries, _BY_DECISION, books, date)


def _moved(
    entries: pl.DataFrame, by: dict[str, tuple[str, ...]], books: pl.DataFrame, date: dt.date
) -> pl.DataFrame:
    sums = (
        entries.filter(pl.col("outcome").is_in(list(by)))
        .with_columns(
            why=pl.col("outcome").replace_strict(by, default=None, return_dtype=pl.List(pl.String))
        )
        .group_by("account", "direction", "why")
        .agg(pl.col("amount").sum(), entries=pl.len())
        .explode("why")
        .group_by("account", "direction", "why")
        .agg(pl.col("amount", "entries").sum())
        .join(books.select("account", "entity", "product", "currency"), on="account")
    )
    sides = {
        side: pl.col("why").replace_strict(
            {why: ROLE[roles[n]] for why, roles in _BOOKED.items()}, return_dtype=pl.Int16
        )
        for n, side in enumerate(("debit", "credit"))
    }
    out = pl.col("direction") == "debit"
    return (
        sums.with_columns(**sides)
        .with_columns(
            debit=pl.when(out).then("credit").otherwise("debit"),
            credit=pl.when(out).then("debit").otherwise("credit"),
            booking_date=pl.lit(date),
            currency=pl.col("currency").replace_strict(CURRENCY_CODES, return_dtype=pl.Int8),
        )
        .filter(pl.col("amount") > 0)
        .sort("account", "why", "direction")
        .select(pl.col(name).cast(type_) for name, type_ in MOVEMENTS.items())
    )


def transfers(movements: pl.DataFrame) -> pl.DataFrame:
    """Movements as transfers of no loan (schema `Transfers`, `loan_id` and `event_id` 0)."""
    nobody = pl.lit(0, dtype=pl.Int64)
    keys = ["entity", "product", "currency", "debit", "credit", "booking_date"]
    summed = movements.group_by(keys).agg(pl.col("amount").sum()).sort(keys)
    rows = summed.with_columns(loan_id=nobody, event_id=nobody, value_date="booking_date")
    types = empty(Transfers).schema
    return all_of([rows.select(pl.col(name).cast(type_) for name, type_ in types.items())])
