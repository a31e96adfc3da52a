"""Where a loan is made, as ISO 3166 has it: a country, or one of its subdivisions."""

from __future__ import annotations

import polars as pl

CODE = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"
"""A country (`US`) or a subdivision (`US-CA`)."""
_SIGNS = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LENGTH = 6


def packed(code: str) -> int:
    """A code as one number: its signs in base 38, from the left; 0 is nowhere."""
    number = 0
    for place in range(_LENGTH):
        number = number * 38 + (_SIGNS.index(code[place]) + 1 if place < len(code) else 0)
    return number


def pack(text: pl.Expr) -> pl.Expr:
    """`packed` of a column of codes (Int64); null where a text is none."""
    total = pl.lit(0, dtype=pl.Int64)
    signs = {sign: place + 1 for place, sign in enumerate(_SIGNS)} | {"": 0}
    for place in range(_LENGTH):
        sign = text.str.slice(place, 1)
        total = total * 38 + sign.replace_strict(signs, default=0, return_dtype=pl.Int64)
    return pl.when(text.str.contains(CODE)).then(total)


def unpacked(number: int | None) -> str:
    """The code of a number; nowhere is empty."""
    signs = []
    while number:
        number, sign = divmod(number, 38)
        signs.append(_SIGNS[sign - 1] if sign else "")
    return "".join(reversed(signs))
