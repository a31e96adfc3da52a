"""Loans that an entry may be of, by name, amount and due date, with a confidence from 0 to 1000.

A pair is looked at where the amount is one that the loan awaits, or a word of the names is the same. How alike
names are is worked out by the store (`loanbook.core.store.banking.names`), all pairs at once.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from loanbook.core.payments.incoming.matching import BY_SCORE
from loanbook.core.policy.payments.matching import ReceiptMatching

AWAITED = {
    "loan_id": pl.Int64, "currency": pl.String, "name": pl.String, "instalment": pl.Int64,
    "overdue": pl.Int64, "next_due_date": pl.Date,
}  # fmt: skip
"""Schema of what loans await: the level instalment, what is due and unpaid (minor units, null: not known)."""
CANDIDATES = {
    "place": pl.Int64, "rank": pl.Int16, "loan_id": pl.Int64, "confidence": pl.Int16,
    "name_score": pl.Int16, "amount_score": pl.Int16, "date_score": pl.Int16, "rule": pl.String,
}  # fmt: skip
FREQUENT = 200
"""A word that so many loans' names have tells none of them."""
SHORTEST = 4
"""Letters of a word that may tell a name."""
Alike = Callable[[pl.DataFrame], pl.Series]
"""How alike the texts of `one` and `other` are, row by row: 0 to 1000."""


def candidates(
    entries: pl.DataFrame, awaited: pl.DataFrame, alike: Alike, policy: ReceiptMatching
) -> pl.DataFrame:
    """The best loans of each entry (schema `CANDIDATES`), most confident first; those of one confidence in
    the order of their number."""
    pairs = _pairs(entries, awaited)
    if pairs.is_empty():
        return pl.DataFrame(schema=CANDIDATES)
    both = pairs.join(
        entries.select("place", "amount", "value_date", one=_name("counterparty")), on="place"
    ).join(awaited.rename({"name": "_name"}).with_columns(other=_name("_name")), on="loan_id")
    both = both.with_columns(name_score=alike(both.select("one", "other")).cast(pl.Int16))
    known = pl.col("one").ne("") & pl.col("other").ne("")
    floor = policy.name_floor
    # below the floor names are those of others; from there to sameness the score goes from 0 to 1000
    above = (
        (pl.col("name_score").cast(pl.Int32) - floor).clip(lower_bound=0)
        * 1000
        // max(1000 - floor, 1)
    )
    scored = both.with_columns(
        name_score=pl.when(known).then(above).otherwise(0),
        amount_score=_amount(),
        date_score=_date(policy),
    )
    weights = {
        "name": policy.name_weight,
        "amount": policy.amount_weight,
        "date": policy.date_weight,
    }
    confidence = sum((pl.col(f"{n}_score") * w for n, w in weights.items()), pl.lit(0)) // 1000
    ranked = scored.with_columns(confidence=confidence, rule=pl.lit(BY_SCORE)).sort(
        ["place", "confidence", "loan_id"], descending=[False, True, False]
    )
    ranked = ranked.with_columns(rank=pl.int_range(1, pl.len() + 1).over("place"))
    best = ranked.filter((pl.col("rank") <= policy.candidates) & (pl.col("confidence") > 0))
    return best.select(pl.col(name).cast(type_) for name, type_ in CANDIDATES.items())


def accepted(found: pl.DataFrame, policy: ReceiptMatching) -> pl.DataFrame:
    """Candidates that are sure enough to be applied: at most one a place."""
    second = (
        found.filter(pl.col("rank") == 2).select("place", second="confidence")
    )  # fmt: skip
    first = found.filter(pl.col("rank") == 1).join(
        second, on="place", how="left", maintain_order="left"
    )
    leads = pl.col("confidence") - pl.col("second").fill_null(0) >= policy.lead
    return first.filter((pl.col("confidence") >= policy.accept_at) & leads).drop("second")


def _pairs(entries: pl.DataFrame, awaited: pl.DataFrame) -> pl.DataFrame:
    """`place`, `loan_id` of entries and loans in one currency with an amount or a word in common."""
    keys = ["currency", "amount"]
    asked = pl.concat(
        awaited.select("loan_id", "currency", amount=name).filter(pl.col("amount") > 0)
        for name in ("instalment", "overdue")
    ).unique()
    many = asked.group_by(keys).len().filter(pl.col("len") <= FREQUENT)
    by_amount = entries.select("place", *keys).join(
        asked.join(many, on=keys, how="semi"), on=keys
    ).select("place", "loan_id")  # fmt: skip
    words = _words(awaited, "loan_id", "name")
    rare = words.group_by("currency", "word").len().filter(pl.col("len") <= FREQUENT)
    by_name = _words(entries, "place", "counterparty").join(
        words.join(rare, on=["currency", "word"], how="semi"), on=["currency", "word"]
    ).select("place", "loan_id")  # fmt: skip
    return pl.concat([by_amount, by_name]).unique()


def _words(rows: pl.DataFrame, key: str, name: str) -> pl.DataFrame:
    found = rows.filter(pl.col(name).is_not_null()).select(
        key, "currency", word=plain(name).str.extract_all(r"\p{L}+")
    ).explode("word")  # fmt: skip
    return found.filter(pl.col("word").str.len_chars() >= SHORTEST).unique()


def plain(column: str) -> pl.Expr:
    """A text in capitals, without accents."""
    return pl.col(column).str.to_uppercase().str.normalize("NFKD").str.replace_all(r"\p{M}", "")


def _name(column: str) -> pl.Expr:
    """A name as it is compared: words in capitals, in the order of the alphabet, since some write the
    family name first."""
    words = plain(column).fill_null("").str.extract_all(r"[\p{L}\p{N}]+")
    return words.list.sort().list.join(" ")


def _amount() -> pl.Expr:
    """1000 for an amount that the loan awaits; else as near as it comes, half of it at most."""
    amount = pl.col("amount")
    exact = (amount == pl.col("instalment")) | (amount == pl.col("overdue"))
    least = pl.min_horizontal(amount, pl.col("instalment"))
    most = pl.max_horizontal(amount, pl.col("instalment"))
    near = least * 500 // pl.when(most > 0).then(most)
    return pl.when(exact.fill_null(False)).then(1000).otherwise(near.fill_null(0))


def _date(policy: ReceiptMatching) -> pl.Expr:
    """1000 on the due date, 0 at `date_days` from it; what is overdue is awaited on every day."""
    apart = (pl.col("value_date") - pl.col("next_due_date")).dt.total_days().abs()
    near = (1000 - apart * 1000 // policy.date_days).clip(lower_bound=0).fill_null(0)
    late = (pl.col("overdue") > 0).fill_null(False) & (pl.col("amount") <= pl.col("overdue"))
    return pl.when(late.fill_null(False)).then(1000).otherwise(near)
