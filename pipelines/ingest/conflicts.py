"""What a row says otherwise than what was taken in before under its reference."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.events import ROW
from loanbook.core.contract.terms import Terms

_OF_EVENTS = {
    "loan_id": "loan_key", "value_date": "value_date", "amount": "amount", "currency": "currency",
    "actor": "maker", "checker": "checker", "reason": "reason",
}  # fmt: skip
"""What every event says, by the name that files have for it."""
_OF_FILES = {
    "rate_ppb": "rate_percent", "principal_agreed": "principal", "emi": "instalment",
    "matures_on": "maturity_date", "stub_interest_agreed": "stub_interest", "product": "product",
    "schedule_fixed_on": "agreed_schedule", "due_date_changes": "anchor_day",
}  # fmt: skip
"""Names that files have for what a payload says, where they have another."""
NOT_OF_THE_ROW = ("loan_id", "product", "taken_over_on")
"""Terms of a loan that its row does not say: its number, the version of its product, the file's date."""


def with_what_differs(rows: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """`rows` (events without id) with `differs`: what they say otherwise than the events of their keys
    `before`, in the words of files, with commas between; empty where that is not known."""
    stood = before.unique("idempotency_key", keep="first", maintain_order=True)
    both = rows.join(
        stood, on="idempotency_key", how="left", suffix="_before", maintain_order="left"
    )
    parts = []
    for (kind,), some in both.partition_by("kind", as_dict=True).items():
        of_kind = Kind(kind)
        names = {f.name: f.order or f.name for f in ROW[of_kind].payload}
        if of_kind is Kind.loan_boarded:
            names = {name: name for name in Terms.column_names() if name not in NOT_OF_THE_ROW}
        both_named = some.with_columns(  # a loan that is boarded has no number yet
            loan_id=pl.coalesce("loan_id", "loan_id_before")
        )
        told = [
            _word(pl.col(name), pl.col(f"{name}_before"), word) for name, word in _OF_EVENTS.items()
        ]
        told += [
            _word(_said("payload", name), _said("payload_before", name), _OF_FILES.get(name, word))
            for name, word in names.items()
        ]
        known = pl.col("kind_before").is_not_null()
        words = (
            pl.concat_list(told).list.drop_nulls().list.unique(maintain_order=True).list.join(", ")
        )
        parts.append(
            both_named.with_columns(differs=pl.when(known).then(words).otherwise(pl.lit("")))
        )
    every = [*rows.columns, "differs"]
    told_rows = pl.concat([part.select(every) for part in parts]) if parts else None
    return rows.with_columns(differs=pl.lit("")) if told_rows is None else told_rows.sort("line")


def found(reference: str, differs: str) -> pl.Expr:
    """What quarantine quotes of a row that contradicts: its reference, and what it says otherwise."""
    said = pl.concat_str(pl.lit(": another "), pl.col(differs))
    return pl.concat_str(reference, pl.when(pl.col(differs) != "").then(said).otherwise(pl.lit("")))


def under_another_command(
    rows: pl.DataFrame, known: pl.DataFrame, kinds: Iterable[Kind]
) -> pl.Series:
    """Which orders have the reference of another kind of order of their sender, taken in before or in an earlier
    line (Boolean).

    `rows`: `kind`, `entity_name`, `source_system`, `source_ref`, in their order. `known`: events by
    reference (`source_system`, `source_ref`, `kind`, `idempotency_key`, that begins with the entity).
    """
    codes = [kind.value for kind in kinds]
    on = ["entity_name", "source_system", "source_ref"]
    before = known.filter(pl.col("kind").is_in(codes)).select(
        "source_system", "source_ref", "kind",
        entity_name=pl.col("idempotency_key").str.split("/").list.first(),
    )  # fmt: skip
    earlier = before.group_by(on).agg(kinds="kind")
    told = rows.join(earlier, on=on, how="left", maintain_order="left").with_columns(
        first=pl.col("kind").first().over(on)
    )
    new = pl.col("kinds").is_null()
    other = pl.when(new).then(pl.col("kind") != pl.col("first"))
    return told.select(
        other.otherwise(~pl.col("kind").is_in(pl.col("kinds"))).fill_null(False)
    ).to_series()


def _said(payload: str, name: str) -> pl.Expr:
    return pl.col(payload).str.json_path_match(f"$.{name}")


def _word(now: pl.Expr, before: pl.Expr, word: str) -> pl.Expr:
    return pl.when(now.ne_missing(before)).then(pl.lit(word))
