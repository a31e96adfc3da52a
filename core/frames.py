"""Frames of a schema, and what its columns say of themselves: meaning, unit, value at opening.

Empty frames are made once: one costs milliseconds, a close needs many.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import cache
from typing import Any, Literal, TypeVar

import dataframely as dy
import polars as pl

LARGE = 2**16
"""Rows from which the start of threads or of the streaming engine is worth its milliseconds."""

Result = TypeVar("Result")
_TWO = pl.DataFrame({"one": [1], "other": [1]})


def within_pool(work: Callable[[], Result], rows: int) -> Result:
    """What `work` over frames of so many `rows` returns or raises; few are worked on by a thread of
    Polars' own pool.

    A question to Polars from outside its pool is handed to a thread there and back, which costs
    small frames more than the answer; from within it is answered on the spot. `work` must not wait
    for another thread that asks Polars itself: the pool may have no thread left for that.
    """
    if rows >= LARGE:
        return work()
    done: list[Result] = []
    failed: list[BaseException] = []
    context = copy_context()

    def run(column: pl.Series) -> pl.Series:
        try:
            done.append(context.run(work))
        except BaseException as error:  # Polars would make its own error of it
            failed.append(error)
        return column

    # two columns: one alone is worked out by the thread that asks
    _TWO.select(pl.col("one").map_batches(run, return_dtype=pl.Int64), pl.col("other") + 1)
    if failed:
        raise failed[0]
    return done[0]


def engine_for(frame: pl.DataFrame) -> Literal["streaming", "in-memory"]:
    """What collects a plan over the frame: streaming, which Polars takes unasked, costs small frames twice
    the answer to begin with."""
    return "streaming" if frame.height >= LARGE else "in-memory"


def codes(frame: pl.DataFrame, column: str) -> frozenset[int]:
    """The small-integer codes that occur in a column."""
    found = frame.get_column(column)
    least = found.min()
    if least == found.max():  # one code, most often; a search for more costs a hundred times that
        return frozenset() if least is None else frozenset({int(least)})  # type: ignore[arg-type]
    return frozenset(found.unique().to_list())


def some_loans(rows: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    """Those of `rows`, one a loan, that are of loans `ids`: few of many are searched for, where rows stand by loan."""
    of = rows["loan_id"]
    if not of.is_sorted():
        return rows.filter(of.is_in(ids.implode()))
    asked = ids.unique().sort()
    places = of.search_sorted(asked)
    there = places < rows.height
    found, asked = rows[places.filter(there)], asked.filter(there)
    return found.filter(found["loan_id"] == asked)


def extended(schema: type[dy.Schema], columns: dict[str, dy.Column]) -> type[dy.Schema]:
    """The schema with further columns behind its own, as rows of a catalogue name them."""
    return type(f"{schema.__name__}Extended", (schema,), dict(columns))


@cache
def empty(schema: type[dy.Schema]) -> pl.DataFrame:
    """A frame with the schema's columns and types and no rows."""
    return pl.DataFrame(schema=dict(schema.create_empty().schema))


def typed(frame: pl.DataFrame, schema: type[dy.Schema]) -> pl.DataFrame:
    """The frame with its columns cast to the schema's types."""
    types = empty(schema).schema
    return frame.cast({name: types[name] for name in frame.columns if name in types})


MINOR, PPB_YEAR, PPB, DATE, DAYS, COUNT, FLAG, EXACT, KEY = (
    "minor units",
    "parts per billion a year",
    "parts per billion",
    "date",
    "days",
    "count",
    "yes or no",
    "exact remainder over the period's denominator",
    "key",
)
"""Units that many columns are in; a code's unit names the list that it is of."""
COMPUTED = "computed"
"""The `zero` of a column that no loan begins alike: opening, or the loan tape, works it out."""


def column(
    meaning: str,
    unit: str,
    zero: Any = COMPUTED,
    *,
    changes: bool = False,
    source: str | None = None,
    group: str | None = None,
) -> dict[str, Any]:
    """Metadata of a column: what it means, its unit, and its value where a loan begins.

    `changes`: a change of the contract may set it on a loan that lives. `source`: the field of a
    product's policy file that a parameter is read from. `group`: it is stored for those loans alone
    that have something in the group, and is `zero` of the others; None: every loan has it.
    """
    return {
        "meaning": meaning, "unit": unit, "zero": zero, "changes": changes, "source": source,
        "group": group,
    }  # fmt: skip


def metadata(schema: type[dy.Schema], key: str) -> dict[str, Any]:
    """One entry of the metadata (`meaning`, `unit`, `zero`, `changes`, `source`, `group`) by column name."""
    return {name: (of.metadata or {})[key] for name, of in schema.columns().items()}


@cache
def zeros(schema: type[dy.Schema]) -> dict[str, pl.Expr]:
    """What a loan's columns are at opening, in their types; but those that are worked out."""
    types = empty(schema).schema
    return {
        name: pl.lit(value, dtype=types[name])
        for name, value in metadata(schema, "zero").items()
        if value is not COMPUTED
    }


def completed(frame: pl.DataFrame, schema: type[dy.Schema]) -> pl.DataFrame:
    """The frame with the schema's columns that it lacks, as they are where a loan begins."""
    lacks = {name: zero for name, zero in zeros(schema).items() if name not in frame.columns}
    return frame.with_columns(**lacks)


def changing(*schemas: type[dy.Schema]) -> tuple[str, ...]:
    """Columns of the schemas that a change of the contract may set, in their order."""
    return tuple(name for each in schemas for name, may in metadata(each, "changes").items() if may)


_SQL = {
    pl.Int8: "TINYINT",
    pl.Int16: "SMALLINT",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.UInt64: "UBIGINT",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.String: "VARCHAR",
    pl.Datetime: "TIMESTAMP",
}


def sql_types(schema: type[dy.Schema]) -> dict[str, str]:
    """The SQL type of each column, with its value at opening as the default where it has one.

    As `ALTER TABLE ... ADD COLUMN name` takes it: a migration's text is printed from it once,
    and frozen.
    """
    opening = metadata(schema, "zero")
    return {
        name: _SQL[type_.base_type()] + _default(opening[name])
        for name, type_ in empty(schema).schema.items()
    }


def _default(zero: Any) -> str:
    return "" if zero is COMPUTED or zero is None else f" DEFAULT {str(zero).lower()}"


def neighbours_summed(rows: pl.DataFrame, key: str, summed: Sequence[str]) -> pl.DataFrame:
    """The last row of each run of equal `key` (never null), with its `summed` columns added up.

    Rows of a key stand together. Running sums and their differences are two to three times
    faster than a group for every key. The summed columns are whole numbers, null as 0.
    """
    last = (pl.col(key) != pl.col(key).shift(-1)).fill_null(True)
    run = rows.with_columns(pl.col(summed).fill_null(0).cum_sum()).filter(last)
    return run.with_columns(pl.col(summed) - pl.col(summed).shift(1, fill_value=0))


def begins(*keys: str) -> pl.Expr:
    """The first row of each run of equal `keys` (never null)."""
    return pl.any_horizontal((pl.col(k) != pl.col(k).shift(1)).fill_null(True) for k in keys)


def since_begin(run: str, key: str) -> pl.Expr:
    """A running sum over all rows, less what it was where the run of equal `key` begins.

    Many times faster than a sum a group. Rows of a key stand together.
    """
    return pl.col(run) - pl.when(begins(key)).then(run).forward_fill()


def largest(values: pl.Series) -> int:
    """The largest of whole numbers; 0: there are none."""
    found = values.max()
    return found if isinstance(found, int) else 0


def hashes(texts: pl.Series) -> pl.Series:
    """SHA-256 of each text, in hexadecimal, under the name of the texts."""
    found = [hashlib.sha256(each.encode()).hexdigest() for each in texts]
    return pl.Series(texts.name, found, dtype=pl.String)


def content_hashes(rows: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """SHA-256 over canonical typed fields of each row; nothing else of it takes part."""
    text = pl.concat_str(pl.col(columns).cast(pl.String).fill_null(""), separator="\x1f")
    return hashes(rows.select(body_hash=text).to_series())
