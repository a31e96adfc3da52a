"""Inputs of decisions: typed, whole, and known by the hash of their text."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from loanbook.core.catalogue.inputs import LARGEST, TYPES
from loanbook.core.policy.decisions.conditions import evaluable

_WHOLE = r"^-?[0-9]{1,16}$"


@dataclass(frozen=True)
class Inputs:
    """Inputs of applications, a row each, in one order."""

    rows: pl.DataFrame
    """Every input of the catalogue in its type; null: missing or mistyped."""
    mistyped: pl.DataFrame
    """The same columns as Booleans: something stood there that is none of the type."""

    @property
    def for_conditions(self) -> pl.DataFrame:
        """The rows as conditions are evaluated on them."""
        return evaluable(self.rows)


def typed(frame: pl.DataFrame) -> Inputs:
    """Inputs of a frame with columns named as inputs, of whatever type; columns that are not there are missing.

    A number is whole and no larger than `LARGEST`; text of a number is taken, a fraction is not.
    """
    found, wrong = {}, {}
    for name, type_ in TYPES.items():
        if name not in frame.columns:
            found[name], wrong[name] = pl.lit(None, dtype=type_), pl.lit(False)
            continue
        there = _empty_is_missing(pl.col(name), frame.schema[name])
        found[name] = _as_type(there, frame.schema[name], type_)
        wrong[name] = there.is_not_null() & found[name].is_null()
    return Inputs(
        frame.select(**found) if frame.width else pl.DataFrame(schema=TYPES),
        frame.select(**wrong)
        if frame.width
        else pl.DataFrame(schema=dict.fromkeys(TYPES, pl.Boolean)),
    )


def _empty_is_missing(value: pl.Expr, given: pl.DataType) -> pl.Expr:
    return pl.when(value.str.strip_chars() != "").then(value) if given == pl.String else value


def _as_type(value: pl.Expr, given: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """The value in the type that is wanted; null where it is none."""
    nothing = pl.lit(None, dtype=wanted)
    if wanted == pl.String:
        return value.str.strip_chars() if given == pl.String else nothing
    if wanted == pl.Boolean:
        if given == pl.String:
            words = {"true": True, "false": False, "yes": True, "no": False}
            return value.str.to_lowercase().replace_strict(
                words, default=None, return_dtype=pl.Boolean
            )
        return value if given == pl.Boolean else nothing
    if given == pl.String:
        plain = value.str.strip_chars()
        number: pl.Expr = pl.when(plain.str.contains(_WHOLE)).then(
            plain.str.to_integer(strict=False)
        )
    elif given.is_integer():
        number = value.cast(pl.Int64, strict=False)
    elif given.is_float():
        number = pl.when(value == value.floor()).then(value.cast(pl.Int64, strict=False))
    else:
        return nothing
    return pl.when(number.is_between(-LARGEST, LARGEST)).then(number)


def texts(inputs: pl.DataFrame) -> pl.Series:
    """Every input of a row as one JSON text, in the order of the catalogue: what its hash is of."""
    return inputs.select(pl.struct(*TYPES).struct.json_encode().alias("inputs")).to_series()


def from_texts(stored: pl.Series) -> pl.DataFrame:
    """Inputs of texts that `texts` made, whatever inputs were known then."""
    return stored.str.json_decode(pl.Struct(TYPES)).struct.unnest()
