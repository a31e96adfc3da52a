"""Records of a NACHA file: 94 characters a line, each field at its place.

Source: Nacha Operating Rules, appendix 3 (record format specifications). Positions count from 1 and
include the last, as the rules write them.
"""

from __future__ import annotations

import polars as pl

from loanbook.pipelines.formats.bank.limits import unix

LENGTH = 94
BLOCK = 10
"""Records of a block: a file is padded with lines of nines to whole blocks."""
HASH = 10**10
"""An entry hash has ten digits; what is above is dropped."""


def at(first: int, last: int) -> pl.Expr:
    """A field of the record, blanks and all."""
    return pl.col("text").str.slice(first - 1, last - first + 1)


def word(first: int, last: int) -> pl.Expr:
    """A field of the record without the blanks around it."""
    return at(first, last).str.strip_chars()


def number(first: int, last: int) -> pl.Expr:
    """A field of digits as Int64; null where it is none."""
    plain = word(first, last)
    return (
        pl.when(plain.str.contains(r"^[0-9]{1,20}$"))
        .then(plain.str.to_integer(strict=False))
        .otherwise(None)
        .cast(pl.Int64)
    )


def day(first: int, last: int) -> pl.Expr:
    """A date of the form YYMMDD; null where it is none."""
    return at(first, last).str.to_date("%y%m%d", strict=False)


def records(text: str) -> pl.DataFrame:
    """Lines with something on them: `line` (from 1), `length`, `text` padded to 94, `kind` (`pad`: a line
    of nines), and to which batch and entry each belongs.

    `head`: number of batch headers so far. `batch`: the batch that is open (0: none), of a control the
    one that it closes. `entry`: the entry that an addenda belongs to (0: none), of an entry its own number.
    """
    body = unix(text).rstrip("\n")
    if "\n" in body.strip("\n"):
        lines = pl.Series("text", [body]).str.split("\n").explode()
    else:  # no line ends at all: records one behind the other
        lines = pl.Series("text", [body[n : n + LENGTH] for n in range(0, len(body), LENGTH)])
    kept = (
        lines.cast(pl.String)
        .to_frame()
        .with_row_index("line", offset=1)
        .with_columns(pl.col("line").cast(pl.Int64), length=pl.col("text").str.len_chars())
        .filter(pl.col("text").str.strip_chars() != "")
        .with_columns(pl.col("text").str.pad_end(LENGTH))
    )
    first = pl.col("text").str.slice(0, 1)
    nines = pl.col("text").str.contains(
        r"^9{55,} *$"
    )  # a control record has 55 characters at least
    kind = pl.when(nines).then(pl.lit("pad")).otherwise(first)
    return _placed(kept.with_columns(kind=kind))


def _placed(lines: pl.DataFrame) -> pl.DataFrame:
    kind = pl.col("kind")
    numbered = lines.with_columns(
        head=(kind == "5").cum_sum().cast(pl.Int64),
        _nth=(kind == "6").cum_sum().cast(pl.Int64),
    )
    open_ = pl.when(kind == "5").then("head").when(kind == "8").then(0).forward_fill().fill_null(0)
    owner = (
        pl.when(kind == "6")
        .then("_nth")
        .when(kind.is_in(["1", "5", "8", "9"]))
        .then(0)
        .forward_fill()
        .fill_null(0)
    )
    placed = numbered.with_columns(_open=open_, entry=owner)
    before = pl.col("_open").shift(1, fill_value=0)
    return placed.with_columns(batch=pl.when(kind == "8").then(before).otherwise("_open")).drop(
        "_nth", "_open"
    )
