"""Risk events in the form of CloudEvents 1.0 (structured JSON), and the JSON schema of what each type says.

Attributes `sequence` and `partitionkey` are those of the documented extensions of CloudEvents.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from loanbook.core.risk_events.catalogue import CAUSES, RISK_EVENTS, Cause, RiskEvent

TOLD: dict[str, Any] = {
    "sequence": pl.Int64, "kind": pl.Int8, "loan_id": pl.Int64, "loan_key": pl.String, "business_date": pl.Date,
    "before": pl.Int32, "now": pl.Int32, "cause": pl.Int8, "events": pl.List(pl.Int64), "corrects": pl.Int64,
    "news": pl.List(pl.Int64), "version": pl.Int64, "recorded_at": pl.Datetime("us"),
}  # fmt: skip
"""Schema of events as a reader tells them. `sequence`: the offset; `news`: what came late and made a correction."""


def cloud_events(told: pl.DataFrame, source: str) -> pl.Series:
    """Events (`TOLD`) as JSON texts, in their order. `source`: the CloudEvents attribute, a URI reference."""
    parts = [
        part.select(
            "place", text=pl.struct(*_attributes(each, source), data=pl.struct(*_data(each))).struct.json_encode()
        )
        for each in RISK_EVENTS
        if (part := told.with_row_index("place").filter(pl.col("kind") == each.code)).height
    ]  # fmt: skip
    if not parts:
        return pl.Series("text", dtype=pl.String)
    return pl.concat(parts).sort("place")["text"]


def _attributes(each: RiskEvent, source: str) -> list[pl.Expr]:
    text = pl.col("sequence").cast(pl.String)
    subject = pl.coalesce("loan_key", pl.format("#{}", "loan_id"))
    return [
        pl.lit("1.0").alias("specversion"),
        text.alias("id"),
        pl.lit(source).alias("source"),
        pl.lit(each.type).alias("type"),
        subject.alias("subject"),
        pl.col("recorded_at").dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ").alias("time"),
        pl.lit("application/json").alias("datacontenttype"),
        pl.lit(each.dataschema).alias("dataschema"),
        # left-padded, so that texts compare as the numbers do
        text.str.zfill(19).alias("sequence"),
        subject.alias("partitionkey"),
    ]


def _data(each: RiskEvent) -> list[pl.Expr]:
    causes = {cause.value: cause.name for cause in Cause}
    corrects = pl.col("corrects")
    nothing = corrects.is_not_null() & pl.col("before").eq_missing(pl.col("now"))
    return [
        pl.coalesce("loan_key", pl.format("#{}", "loan_id")).alias("loan"),
        pl.col("business_date").dt.to_string("%Y-%m-%d"),
        value(each, "before"),
        value(each, "now"),
        pl.col("cause").replace_strict(causes, return_dtype=pl.String),
        pl.col("events"),
        corrects.cast(pl.String),
        nothing.alias("withdrawn"),
        pl.col("news"),
        pl.col("version"),
    ]


def value(each: RiskEvent, column: str) -> pl.Expr:
    """A state as people read it."""
    code = pl.col(column)
    if each.names is not None:
        return code.replace_strict(each.names, default=None, return_dtype=pl.String)
    if each.bits is not None:
        named = [pl.when((code & bit) != 0).then(pl.lit(name)) for bit, name in each.bits.items()]
        return pl.concat_list(named).list.drop_nulls().alias(column)
    return (code != 0).alias(column) if each.boolean else code


def schema_of(each: RiskEvent) -> dict[str, Any]:
    """JSON schema of a type's `data`."""
    ids = {"type": "array", "items": {"type": "integer"}}
    told: dict[str, Any] = {
        "loan": {"type": "string", "description": "the loan's key, masked as for whoever reads"},
        "business_date": {"type": "string", "format": "date", "description": "date of the change"},
        "before": dict(each.schema) | {"description": "what held the evening before"},
        "now": dict(each.schema) | {"description": "what holds at the end of the date"},
        "cause": {"enum": [cause.name for cause in Cause],
                  "description": "; ".join(f"{cause.name}: {words}" for cause, words in CAUSES.items())},
        "events": ids | {"description": "ids of the ledger's events that made it"},
        "corrects": {"type": ["string", "null"], "description": "id of the event that this one takes the place of"},
        "withdrawn": {"type": "boolean", "description": "the event that it corrects is none: nothing changed on the date"},
        "news": ids | {"description": "ids of the ledger's events that came late, and made a correction"},
        "version": {"type": "integer", "description": "the ledger version that tells it"},
    }  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": each.dataschema,
        "title": each.name,
        "description": f"{each.words}. `before` and `now`: {each.says}.",
        "type": "object",
        "required": list(told),
        "properties": told,
    }


def in_words(told: pl.DataFrame) -> pl.DataFrame:
    """Events with `before` and `now` as text, in their order."""
    parts = [
        part.with_columns(_text(each, "before"), _text(each, "now"))
        for each in RISK_EVENTS
        if (part := told.filter(pl.col("kind") == each.code)).height
    ]
    nothing = told.clear().with_columns(pl.col("before", "now").cast(pl.String))
    return pl.concat([nothing, *parts]).sort("sequence")


def _text(each: RiskEvent, column: str) -> pl.Expr:
    shown = value(each, column)
    return (shown.list.join(" ") if each.bits is not None else shown.cast(pl.String)).alias(column)
