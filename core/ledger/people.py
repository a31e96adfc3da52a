"""Names of people, told apart whatever way they are written.

Two people are asked for by two names. One name in other letters that look alike (a Cyrillic а), in another case
(STRASSE, straße), with or without a dot on its i, with spaces or signs that are not seen, is no second person. Letters
that look alike: the table of confusables of Unicode Technical Standard 39, as far as they look like a plain letter or
digit; letters that differ to the eye (é and e) make two names.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import polars as pl

_FILLERS = (
    0x034F,
    0x115F,
    0x1160,
    0x17B4,
    0x17B5,
    *range(0x180B, 0x1810),
    0x3164,
    *range(0xFE00, 0xFE10),
    0xFFA0,
)
"""Signs that are not seen and are no format signs (`Default_Ignorable_Code_Point`)."""
_DOT = 0x0307
"""The dot that a small letter keeps of a capital one: İ."""


def same_person(one: str, other: str) -> pl.Expr:
    """Whether two columns (String) name one person."""
    return _plain(one) == _plain(other)


def _plain(column: str) -> pl.Expr:
    """A name without what writing it changes; each that occurs is looked at once."""

    def names(told: pl.Series) -> pl.Series:
        found = told.unique().drop_nulls()
        plain = pl.Series([plain_name(name) for name in found], dtype=pl.String)
        return told.replace_strict(found, plain, default=None, return_dtype=pl.String)

    return pl.col(column).map_batches(names, return_dtype=pl.String)


def plain_name(name: str) -> str:
    """A name without what writing it changes: form and case of letters, spaces, what looks alike."""
    # a capital may look like a plain letter where its small one does not, and the other way round
    seen = unicodedata.normalize("NFKC", name).translate(_lookalikes())
    return seen.casefold().translate(_lookalikes()).translate(_SEEN)


@cache
def _lookalikes() -> dict[int, str]:
    """Signs that look like one plain letter or digit, and which."""
    from confusable_homoglyphs.confusables import confusables_data  # slow to import

    found = {}
    for sign, alike in confusables_data.items():
        plain = [each["c"] for each in alike if len(each["c"]) == 1 and each["c"].isascii()]
        letters = sorted(c for c in plain if c.isalnum())
        if len(sign) == 1 and not sign.isascii() and letters:
            found[ord(sign)] = letters[0]
    return found


class _Seen(dict[int, int | None]):
    """What `str.translate` reads of a sign: itself, or none of spaces, format signs, fillers and the dot."""

    def __missing__(self, code: int) -> int | None:
        unseen = unicodedata.category(chr(code)) in ("Cf", "Cc", "Zs", "Zl", "Zp")
        unseen |= code in _FILLERS or 0xE0100 <= code < 0xE01F0 or code == _DOT
        self[code] = None if unseen else code
        return self[code]


_SEEN = _Seen()
