"""Chargebacks and refunds in a collector's file: the payment that each takes back is found by its reference.

They are orders like those of a bank's returns: maker is the collector, checker its mapping. What a payout is less for
them, payment clearing is too, so that it still comes to zero when the payout arrives.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from loanbook.core.payments.incoming.emitting import RECEIVED
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.payments.collections import CollectionMapping
from loanbook.pipelines.ingest.banking.returning import (
    MONEY,
    ORDERED_AMOUNT,
    ordered,
    reference_of,
    with_orders,
)
from loanbook.pipelines.ingest.events import Known, Taken, keys_of, together, uncounted
from loanbook.pipelines.ingest.landing import LandingFile

WHY = {
    "unknown_original": "no payment of this collector that was applied has the reference that it takes back",
    "waits_by_policy": "the mapping says that a person looks at it",
}
"""Why a refund or chargeback waits in suspense, beside the rules of orders."""


def taken_back(
    entries: pl.DataFrame,
    given: Taken,
    mapping: CollectionMapping,
    file: LandingFile,
    policies: PolicyBook,
    known: Known,
) -> tuple[pl.DataFrame, Taken]:
    """The file's decided entries, those that take a payment back as returned, and what the file gives with their orders.

    `given`: what it gives without them; a payment and its refund may stand in one file.
    """
    back = entries.filter((pl.col("outcome") == "suspense") & pl.col("returns").is_not_null())
    if back.is_empty():
        return entries, given
    fresh = known
    if given.events is not None:  # not known to files that follow before this one is taken in
        fresh = replace(
            known,
            fresh=[*known.fresh, keys_of(given.events)],
            waiting=[*known.waiting, given.events],
        )
    becomes = {"refund": mapping.refund_becomes, "chargeback": mapping.chargeback_becomes}
    found = _with_payments(back, entries, mapping, fresh).with_columns(
        becomes=pl.col("returns").replace_strict(becomes, return_dtype=pl.String)
    )
    waits = pl.col("becomes") == "suspense"
    orders = _orders(found.filter(~waits & pl.col("paid").is_not_null()), mapping, file)
    taken = ordered(orders, file, policies, fresh)
    found = found.with_columns(
        waits=pl.when(waits).then(pl.lit("waits_by_policy")).when(pl.col("paid").is_null()).then(pl.lit("unknown_original"))
    )  # fmt: skip
    done = with_orders(entries, found, taken, WHY, pl.col("rule"))
    return done, together(given, uncounted(taken))


def _with_payments(
    back: pl.DataFrame, entries: pl.DataFrame, mapping: CollectionMapping, known: Known
) -> pl.DataFrame:
    """Rows with the payment that each takes back: `payment_ref` (its entry's id), `paid` (minor units, null: none is
    known) and `of_loan`."""
    names = pl.concat([back["original"], back["reference"]]).drop_nulls().unique()
    columns = ["reference", "entry_id", "account", "direction"]
    earlier = [each.select(columns) for each in known.entries]
    stored = [known.bank.entries_named(mapping.name, names)] if known.bank else []
    own = pl.concat([entries.select(columns), *earlier, *stored])
    ours = own.filter(
        (pl.col("account") == mapping.name) & (pl.col("direction") == "credit")
    ).unique("reference", keep="first", maintain_order=True)  # fmt: skip
    named = back.join(
        ours.select(original="reference", payment_ref="entry_id"),
        on="original", how="left", maintain_order="left",
    )  # fmt: skip
    events = known.events("source_ref", named["payment_ref"].drop_nulls().rename("source_ref"))
    paid = events.filter(pl.col("kind") == RECEIVED.value).select(
        payment_ref="source_ref", paid="amount", of_loan="loan_id"
    )
    return named.join(paid.unique("payment_ref"), on="payment_ref", how="left", maintain_order="left")  # fmt: skip


def _orders(rows: pl.DataFrame, mapping: CollectionMapping, file: LandingFile) -> pl.DataFrame:
    """Orders that take payments back: whole as if they had not come where the mapping says so, else charged back."""
    whole = (pl.col("becomes") == "reversal") & (pl.col("amount") == pl.col("paid"))
    return rows.select(
        "line", of="place", part=MONEY,
        command=pl.when(whole).then(pl.lit("reverse")).otherwise(pl.lit("chargeback")),
        loan_id="of_loan",
        target_ref=pl.concat_str(pl.lit(f"{RECEIVED.name}/"), "payment_ref"),
        amount=pl.when(whole).then(pl.lit("")).otherwise(ORDERED_AMOUNT),
        reason=pl.concat_str(pl.lit("collector_"), "returns"),
        command_ref=reference_of(pl.concat_str("returns", "entry_id", separator="/")),
        value_date=pl.lit(file.business_date), maker=pl.lit(f"collector:{mapping.name}"[:64]),
        checker=pl.lit("policy:collection_files"),
    )  # fmt: skip
