"""Notifications of change (NACHA): what a bank says that a mandate's account should be.

Source: Nacha Operating Rules, appendix 5 (change codes, and where each has its corrected data).
"""

from __future__ import annotations

import polars as pl

_PLACES = {
    "C01": {"account": (0, 17)},
    "C02": {"bank": (0, 9)},
    "C03": {"bank": (0, 9), "account": (12, 17)},
    "C05": {"kind": (0, 2)},
    "C06": {"account": (0, 17), "kind": (20, 2)},
    "C07": {"bank": (0, 9), "account": (9, 17), "kind": (26, 2)},
}
"""Where new particulars stand in the corrected data, by code: first place from 0, and length."""
CODES = tuple(_PLACES)
"""Codes that say a new account; others are listed for a person."""


def corrected() -> dict[str, pl.Expr]:
    """`bank`, `account` and `account_type` as `code` and `corrected` (text) have them; null: as they were."""

    def part(name: str) -> pl.Expr:
        told = (
            pl.when(pl.col("code") == code).then(
                pl.col("corrected").str.slice(*places[name]).str.strip_chars()
            )
            for code, places in _PLACES.items()
            if name in places
        )
        found = pl.coalesce(*told)
        return pl.when(found != "").then(found)

    kinds = {"2": "checking", "3": "savings"}
    kind = part("kind").str.slice(0, 1).replace_strict(kinds, default=None, return_dtype=pl.String)
    return {"bank": part("bank"), "account": part("account"), "account_type": kind}
