"""What a right reader finds in a lockbox's file, beside what ours finds by a mapping with the typical places."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl

from loanbook.core.policy.payments.collections import CollectionMapping, LockboxPlaces
from loanbook.pipelines.formats import collected
from tests.payment_files.comparing import Comparison

PLACES = LockboxPlaces(cheque="37-46", payer="53-82", overflow="12-41")
"""The default places, and those of the record 6 that banks fill otherwise."""
MAPPING = CollectionMapping(
    name="lockbox", version=1, effective_from=dt.date(2000, 1, 1), source_system="lockbox", product="any",
    date_format="%y%m%d", constants={"currency": "USD"}, lockbox=PLACES,
)  # fmt: skip


def compare(expected: dict[str, Any], path: Path, to: Comparison) -> None:
    """Deposits and cheques, and that each ties."""
    read = collected.parse(path.read_bytes(), MAPPING)
    to.exactly("unread rows", 0, len(read.bad))
    cheques = [
        {"number": number, "amount": amount, "payer": payer, "memo": memo}
        for number, amount, payer, memo in read.rows.select(
            pl.col("reference").str.extract(r"([^-]*)$", 1), "minor", "payer", "note"
        ).rows()
    ]
    to.exactly("cheques", expected["checks"], cheques)
    of = read.rows["group"].value_counts().rows()
    deposits = [
        {
            "lockbox": group.split("-")[0],
            "date": date.isoformat(),
            "total": total,
            "checks": dict(of).get(group, 0),
        }
        for group, date, total in read.totals.select("group", "value_date", "total").rows()
    ]
    to.exactly("deposits", expected["deposits"], deposits)
