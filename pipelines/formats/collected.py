"""Files of those who collect for the lender: a row a payment or what is taken off, and what is handed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from loanbook.core.errors import IntakeError
from loanbook.core.policy.payments.collections import COLLECTION_OPTIONAL, CollectionMapping
from loanbook.pipelines.formats.bank import lockbox
from loanbook.pipelines.formats.columns import FileColumn
from loanbook.pipelines.formats.mapped import canonical, plain
from loanbook.pipelines.formats.payments import exact_minor
from loanbook.pipelines.formats.table import Bad, date_in

COLLECTED = (
    FileColumn("reference", "the collector's own reference (`key` of the mapping); the same again is the same row", "text"),
    FileColumn("kind", "payment, refund, chargeback, fee or total, by the words of the mapping's `kinds`", "text"),
    FileColumn("amount", "gross amount", "decimal, or as the mapping's `amounts` say", "by mapping"),
    FileColumn("currency", "its currency", "ISO 4217: USD", "by mapping"),
    FileColumn("value_date", "day that the payer paid", "YYYY-MM-DD, or the mapping's `date_format`", "by mapping"),
    FileColumn("loan_key", "loan that was paid, or a reference that names one", "text", "by mapping"),
    FileColumn("group", "payout or till that the row is of", "text", "by mapping"),
    FileColumn("fee", "what the collector keeps of the row", "decimal", "by mapping"),
    FileColumn("payer", "name of the payer", "text", "by mapping"),
    FileColumn("note", "what the payer wrote", "text", "by mapping"),
    FileColumn("original", "of a refund or chargeback: the payment's reference", "text", "by mapping"),
)  # fmt: skip
COLLECTED_NOTES = """What a processor of cards or wallets, an agent or a branch collected, by a mapping
(`policies/collection_files`). A lockbox's file in the BAI form (records 1, 2, 4 to 9; `lockbox` of the mapping) is read as well:
each cheque is a payment, told by what came with it, and each deposit a group. In each group payments less refunds, chargebacks and fees must come to the total
that the file states, or the file is refused whole with both figures. A payment becomes one of its loan and stands in
payment clearing until the total arrives at the bank under the group's name as reference, or by a rule of the bank account;
fees are an expense. A refund or chargeback takes the payment of its `original` back, as the mapping says (`refund_becomes`,
`chargeback_becomes`). A payment of which no loan is found waits in suspense, as does what takes back a payment that is not
known."""
RULES: Mapping[str, str] = {
    "kind_not_known": "the row's kind is none of the words of the mapping",
    "amount_not_read": "its amount can't be read",
    "value_date_not_a_date": "its date can't be read",
}


@dataclass(frozen=True)
class Collected:
    """Rows of a collector's file, read."""

    rows_in: int
    rows: pl.DataFrame
    """`line`, `reference`, `kind`, `minor`, `fee` (Int64 minor units), `currency`, `value_date`, and the texts."""
    totals: pl.DataFrame
    """Groups and what is handed over of each: `line`, `group`, `currency`, `total`, `computed`, `value_date`."""
    bad: Bad


def parse(data: bytes, mapping: CollectionMapping) -> Collected:
    """A collector's file. IntakeError if it is none, or a group does not tie to its total."""
    if mapping.lockbox:
        texts, broken = lockbox.canonical(data, mapping)
        words: dict[str, str] = {"payment": "payment", "total": "total"}
    else:
        texts, broken = canonical(data, mapping, "reference", COLLECTION_OPTIONAL)
        words = {word: kind for kind, each in mapping.kinds.items() for word in each}

    def minor(name: str) -> pl.Expr:
        return exact_minor(plain(pl.col(name), mapping.amounts).str.strip_prefix("-"))

    typed = texts.with_columns(
        kind=pl.col("kind").replace_strict(words, default=None, return_dtype=pl.String),
        minor=minor("amount"),
        fee=pl.when(pl.col("fee") == "").then(0).otherwise(minor("fee")),
        taken=plain(pl.col("amount"), mapping.amounts).str.starts_with("-"),
        value_date=date_in("value_date", mapping.date_format),
        group=pl.when(pl.col("group") == "").then(pl.lit(mapping.name)).otherwise("group"),
    )
    rules = {
        "kind_not_known": pl.col("kind").is_null(),
        "amount_not_read": pl.col("minor").is_null() | pl.col("fee").is_null(),
        "value_date_not_a_date": pl.col("value_date").is_null(),
    }
    rule = pl.coalesce(pl.when(breaks).then(pl.lit(name)) for name, breaks in rules.items())
    judged = typed.with_columns(rule=rule)
    unread = judged.filter(pl.col("rule").is_not_null())
    bad = broken + unread.select("line", "rule", found="reference").to_dicts()
    good = judged.filter(pl.col("rule").is_null()).drop("rule")
    totals = _tied(good, len(bad))
    rows = good.filter(pl.col("kind") != "total").drop("taken")
    return Collected(texts.height + len(broken) - totals.height, rows, totals, bad)


def _tied(rows: pl.DataFrame, unread: int) -> pl.DataFrame:
    """Groups with their totals; IntakeError where one has none, or more than one, or does not tie."""
    is_total = pl.col("kind") == "total"
    sign = pl.when(pl.col("kind") == "payment").then(1).otherwise(-1)
    keys = ["group", "currency"]
    made = (
        rows.filter(~is_total).group_by(keys)
        .agg(computed=(pl.col("minor") * sign - pl.col("fee")).sum())
    )  # fmt: skip
    stated = rows.filter(is_total).select(*keys, "line", "value_date", "taken", total="minor")
    if stated.select(keys).is_duplicated().any():
        raise IntakeError(
            "a group states its total twice; nothing of the file is taken: send it anew"
        )
    both = stated.join(made, on=keys, how="full", coalesce=True).sort(keys).with_columns(
        pl.col("computed").fill_null(0)  # a deposit without a cheque is one of nothing
    )  # fmt: skip
    # where more is taken back than was paid the collector is owed; some write what they hand over below zero
    owed = pl.col("taken") & (pl.col("computed") < 0)
    both = both.with_columns(total=pl.when(owed).then(-pl.col("total")).otherwise("total")).drop("taken")  # fmt: skip
    off = both.filter(~(pl.col("total") == pl.col("computed")).fill_null(False))
    if off.height:
        row = off.row(0, named=True)
        lines = f" ({unread} rows can't be read)" if unread else ""
        raise IntakeError(
            f"group {row['group']} in {row['currency']}: the file states a total of {row['total']}, its rows "
            f"make {row['computed']} (minor units){lines}; nothing of it is taken: send it anew"
        )
    return both
