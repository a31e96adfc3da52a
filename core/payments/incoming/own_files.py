"""Files of ours and payouts of collectors that a bank books as one amount: the entry is tied to the file, a day or a batch of it.

A bank books a file whole, each day on which it settles, or each batch; gross, or less what it rejected before it
settled. Such an entry tells our own id, or its amount and day do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import polars as pl

from loanbook.core.payments.incoming.matching import words_of

BATCH = ["file_key", "effective", "sequence", "entry_class", "description"]
"""What payments share that a bank may book as one."""
BATCHES = {
    "file_key": pl.String, "effective": pl.Date, "sequence": pl.String, "entry_class": pl.String,
    "description": pl.String, "name": pl.String, "direction": pl.String, "currency": pl.String,
    "number": pl.Int64, "payments": pl.Int64, "amount": pl.Int64, "net": pl.Int64, "singly": pl.Int64,
}  # fmt: skip
"""Schema of batches of files that were sent and are not settled as one: `direction` of the other side's account,
`number` within its file, `net` of what was rejected, `singly` how many payments the bank told one by one."""
SETTLEMENTS = {"place": pl.Int64, **{name: BATCHES[name] for name in [*BATCH, "amount"]}}
"""Schema of batches that an entry (`place`) settles as one; `amount`: of the batch, gross."""
TIES = {"place": pl.Int64, "rule": pl.String}
AS_ONE, BY_AMOUNT = "file_settled_as_one", "file_settled_by_amount"
COLLECTED = "collected"
"""Entry class of what a collector hands over as one: the group is its file, the deposit's or the group's name its name."""
OF_COLLECTOR = "total_of_a_collector"
SINGLY, SEVERAL = "told_payment_by_payment", "several_files"
BEFORE_DAYS, AFTER_DAYS = 1, 4
"""A bank books a file within so many days of the day on which it settles, where the amount alone tells it."""


@dataclass(frozen=True)
class Tied:
    """Entries that are a file of ours: `place`, `rule` (schema `TIES`), and the batches that each settles."""

    entries: pl.DataFrame
    settled: pl.DataFrame
    named: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"place": pl.Int64}))
    """Entries that name a file of ours or a batch of it (`place`), whatever they come to; of ties by amount none."""


def tied_by_reference(entries: pl.DataFrame, batches: pl.DataFrame) -> Tied:
    """Entries (`loanbook.core.payments.incoming.entries`) that name a file of ours or a batch of it, and come to it."""
    if batches.is_empty():  # nothing can be named, so no words are looked for
        entries = entries.clear()
    totals = _totals(batches)
    told = words_of(entries, ("reference", "client_ref", "end_to_end_id", "remittance"))
    named = told.join(totals.select("total", value="refs").explode("value"), on="value")
    pairs = _come_to(entries, totals).join(named, on=["place", "total"], how="semi", maintain_order="left")  # fmt: skip
    tied = _tied(pairs, batches, AS_ONE)
    return replace(tied, named=named.select("place").unique(maintain_order=True))


def tied_by_amount(entries: pl.DataFrame, batches: pl.DataFrame) -> Tied:
    """Entries that come to a file of ours, a day or a batch of it, to the cent and near its day, where no other does.

    A file of one payment is told so only by an entry that names nobody: it could be of the payer alone.
    """
    pairs = coming_near(entries, batches)
    nearest = pairs.filter(_APART.abs() == _APART.abs().min().over("place"))
    return _tied(nearest, batches, BY_AMOUNT)


_APART = (pl.col("value_date") - pl.col("effective")).dt.total_days()
"""Days from the day on which a file settles to that of an entry."""


def coming_near(entries: pl.DataFrame, batches: pl.DataFrame) -> pl.DataFrame:
    """Entries (`place`) and what files, days and batches come to that may be theirs by amount and day (`_totals`)."""
    nobody = pl.col("counterparty").fill_null("").str.strip_chars() == ""
    return _come_to(entries, _totals(batches)).filter(
        _APART.is_between(-BEFORE_DAYS, AFTER_DAYS) & ((pl.col("payments") > 1) | nobody)
    )


def _totals(batches: pl.DataFrame) -> pl.DataFrame:
    """What files, their days and batches come to, each once: `total`, its `members` (places of batches), the `refs`
    that name it, `effective`, `direction`, `currency`, and the sums of `amount`, `net`, `payments`, `singly`.

    Of a batch of which the bank told some payments one by one nothing can be told as one.
    """
    whole = (pl.col("singly") == 0) | (pl.col("singly") == pl.col("payments"))
    money = batches.with_row_index("batch").filter((pl.col("amount") > 0) & whole)
    shared = ["file_key", "name", "direction", "currency"]
    levels = [
        money.with_columns(_of=of)
        .group_by(*shared, "_of", maintain_order=True)
        .agg(
            pl.col("effective", "number", "entry_class").first(), pl.col("amount", "net", "payments", "singly").sum(),
            members=pl.col("batch"),
        )
        for of in (pl.lit("file"), pl.col("effective").cast(pl.String), pl.col("batch").cast(pl.String))
    ]  # fmt: skip
    by_batch = pl.concat_str(
        pl.col("file_key").str.tail(28), pl.lit("-"), pl.col("number").cast(pl.String)
    )
    single = pl.col("members").list.len() == 1
    refs = pl.concat_list("file_key", "name", pl.when(single).then(by_batch).otherwise("file_key"))
    return (
        pl.concat(levels)
        .unique("members", keep="first", maintain_order=True)
        .with_columns(refs=refs.list.eval(pl.element().str.to_uppercase()).list.unique())
        .with_row_index("total")
        .drop("_of", "number")
    )


def _come_to(entries: pl.DataFrame, totals: pl.DataFrame) -> pl.DataFrame:
    """Entries and totals of one currency and amount, gross or net: what was debited comes in, what was credited goes out."""
    way = pl.when(pl.col("direction") == "debit").then(pl.lit("credit")).otherwise(pl.lit("debit"))
    kinds = [totals.with_columns(amount=name, direction=way) for name in ("amount", "net")]
    plain = entries.filter(~pl.col("reversal") & pl.col("returns").is_null())
    keys = ["currency", "direction", "amount"]
    return plain.select("place", *keys, "value_date", "counterparty").join(
        pl.concat(kinds).unique(["total", *keys], maintain_order=True), on=keys, maintain_order="left"
    )  # fmt: skip


def _tied(pairs: pl.DataFrame, batches: pl.DataFrame, rule: str) -> Tied:
    """One total an entry and one entry a batch, the first of the file first; an entry that several totals make waits."""
    several = pairs.filter(pl.col("total").n_unique().over("place") > 1)
    clear = pairs.join(several, on="place", how="anti", maintain_order="left").unique(
        "total", keep="first", maintain_order=True
    )
    of = clear.select("place", "total", batch="members").explode("batch")
    lost = of.filter(pl.int_range(pl.len()).over("batch") > 0)
    kept = clear.join(lost, on="place", how="anti", maintain_order="left")
    singly = pl.col("singly") == pl.col("payments")
    collected = pl.col("entry_class") == COLLECTED
    told = kept.select(
        "place", rule=pl.when(singly).then(pl.lit(SINGLY)).when(collected).then(pl.lit(OF_COLLECTOR)).otherwise(pl.lit(rule))
    )  # fmt: skip
    waits = several.select("place").unique(maintain_order=True).with_columns(rule=pl.lit(SEVERAL))
    fresh = kept.filter(~singly).select("place", batch="members").explode("batch")
    settled = fresh.join(batches.with_row_index("batch"), on="batch", maintain_order="left")
    return Tied(pl.concat([told, waits]), settled.select(*SETTLEMENTS))
