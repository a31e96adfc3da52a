"""Characters, amounts and sums as files for banks have them, as expressions over a column."""

from __future__ import annotations

import polars as pl

from loanbook.core.errors import InstructionError

_SPELLED = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l",
    "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i",
    "‘": "'", "’": "'", "“": "'", "”": "'", "–": "-", "—": "-",
}  # fmt: skip
"""Letters that are no plain letter with a mark, as they are spelled without."""


def ascii_only(text: pl.Expr) -> pl.Expr:
    """Printable ASCII: marks are taken off letters, what is no letter of it is a question mark."""
    spelled = text.fill_null("").str.replace_many(list(_SPELLED), list(_SPELLED.values()))
    bare = spelled.str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    return bare.str.replace_all(r"[^\x20-\x7e]", "?")


def sepa_only(text: pl.Expr) -> pl.Expr:
    """The letters that every bank of SEPA takes; others are a full stop, and no text begins or ends with
    a slash. Source: EPC217-08, SEPA requirements for an extended character set, section 6.2."""
    plain = ascii_only(text).str.replace_all(r"[^A-Za-z0-9/\-?:().,'+ ]", ".")
    return plain.str.replace_all("//", "/.").str.strip_chars("/ ")


def left(text: pl.Expr, width: int) -> pl.Expr:
    """A field of letters: cut at its width, blanks behind."""
    return ascii_only(text).str.slice(0, width).str.pad_end(width)


def digits(number: pl.Expr, width: int) -> pl.Expr:
    """A field of digits, noughts before."""
    return number.cast(pl.String).str.zfill(width)


def must_fit(frame: pl.DataFrame, name: str, digits_: int, what: str) -> None:
    """Raise InstructionError where a number has more digits than its field."""
    most = frame[name].max()
    if isinstance(most, int) and most >= 10**digits_:
        raise InstructionError(
            f"{what}: {most} has more than the {digits_} digits that the format has room for; send it in parts"
        )
