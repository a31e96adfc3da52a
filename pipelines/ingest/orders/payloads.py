"""Orders as events: what an order says of each field of its event's payload."""

from __future__ import annotations

from enum import IntEnum

import polars as pl

from loanbook.core.catalogue.components import Component
from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.catalogue.kinds import Command, EventKind, Field
from loanbook.core.contract.dates.due_dates import Unit


def as_events(orders: pl.DataFrame) -> pl.DataFrame:
    """Orders as events: what they carry, as the payload of their kind."""
    payloads = [
        pl.when(pl.col("command") == verb).then(_encoded(said, row))
        for verb, (row, command) in COMMANDS.items()
        if (said := _said(row, command))
    ]
    return orders.with_columns(
        pl.col("checker").replace("", None),
        currency="loan_currency",
        amount="minor",
        source_ref="command_ref",
        actor="maker",
        payload=pl.coalesce(payloads),
    )


def _encoded(said: list[pl.Expr], row: EventKind) -> pl.Expr:
    """The payload as JSON: without the fields of later releases that the order leaves out."""
    text = pl.struct(said).struct.json_encode()
    for field in row.payload:
        if field.since:
            before = [one for one in said if one.meta.output_name() != field.name]
            left_out = pl.col(field.order).is_null()
            text = pl.when(left_out).then(pl.struct(before).struct.json_encode()).otherwise(text)
    return text


def _said(row: EventKind, command: Command) -> list[pl.Expr]:
    """Fields of an event's payload that its command or the order gives; the rest comes later."""
    values = []
    for field in row.payload:
        if field.name in command.sets:
            word = pl.lit(_code(field, command.sets[field.name]), dtype=field.type)
            values.append(word.alias(field.name))
        elif field.order:
            values.append(_value(field).alias(field.name))
    return values


_CODES: dict[str, type[IntEnum]] = {"component": Component, "unit": Unit}
"""Fields of payloads whose words are stored as codes."""


def _code(field: Field, word: str | bool) -> object:
    """What a word of a command is in the payload."""
    codes = _CODES.get(field.name)
    return codes[str(word)].value if codes else word


def _value(field: Field) -> pl.Expr:
    """What an order says of a field of its event's payload."""
    if field.order == "rate_percent":
        return pl.col("rate_ppb")
    if field.name in _CODES:
        codes = {name: code.value for name, code in _CODES[field.name].__members__.items()}
        return pl.col(field.order).replace_strict(codes, default=None, return_dtype=field.type)
    value = pl.col(field.order)
    if field.type is pl.String:
        return value.replace("", field.left_out)
    return value.cast(pl.String) if field.type is pl.Date else value
