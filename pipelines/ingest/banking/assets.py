"""Dagster's asset of banks' entries: what each file told, tied, and what waits. Thin: read, compare, metadata."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from loanbook.core.policy.payments.matching import ReceiptMatching
from loanbook.core.store.banking.reading import CONSERVED, DAYS, SUSPENSE
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.asset_keys import PREFIX, key
from loanbook.pipelines.ingest.assets import intake
from loanbook.pipelines.resources import policies_of, settings

CHECKS = {
    "entries_are_conserved": "Every entry of every file has one outcome; numbers and money sum to the file's.",
    "accounts_tie": "Opening balance and entries of a day make the closing balance, and a day opens as the one before closed.",
    "suspense_is_young": "No entry waits longer than `old_after_days` of receipt_matching; `loanbook payments suspense`.",
}
"""What each check asserts; the last two warn."""


def _checks() -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            name,
            asset=key("bank_entries"),
            description=says,
            blocking=name == "entries_are_conserved",
        )
        for name, says in CHECKS.items()
    ]


@dg.asset(
    key_prefix=PREFIX, deps=[intake], group_name="ingest", kinds={"duckdb"}, check_specs=_checks()
)
def bank_entries() -> Iterator[Any]:
    """Entries of banks and collectors: applied, settled, in suspense, outside the book, known, or refused."""
    reader = LedgerReader(settings())
    files = reader.query(CONSERVED)
    lost = files.filter(~pl.col("conserved"))
    last = files["business_date"].max()
    days = reader.query(DAYS, {"first": last, "last": last}) if last else files.clear()
    off = days.filter(~(pl.col("ties") & pl.col("follows"))).height if days.height else 0
    waits = reader.query(SUSPENSE, {"on": last}) if last else files.clear()
    policies = [p for _, p in policies_of(reader).policies if isinstance(p, ReceiptMatching)]
    most = max((p.old_after_days for p in policies), default=0)
    old = waits.filter(pl.col("days") > most).height if waits.height else 0
    for name, broken, of in (
        ("entries_are_conserved", lost.height, f"{files.height} files"),
        ("accounts_tie", off, f"{days.height} accounts of the last date"),
        ("suspense_is_young", old, f"{waits.height} entries, older than {most} days"),
    ):
        yield dg.AssetCheckResult(
            check_name=name, passed=broken == 0, severity=_severity(name),
            metadata={"figures": f"{broken} of {of}"},
        )  # fmt: skip
    counts = files.select(pl.col("^.*_count$").sum()).to_dicts()[0] if files.height else {}
    yield dg.MaterializeResult(
        metadata={"files": files.height}
        | {n.removesuffix("_count"): int(v or 0) for n, v in counts.items()}
    )


def _severity(name: str) -> dg.AssetCheckSeverity:
    hard = name == "entries_are_conserved"
    return dg.AssetCheckSeverity.ERROR if hard else dg.AssetCheckSeverity.WARN
