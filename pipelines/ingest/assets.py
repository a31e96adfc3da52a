"""Dagster assets of the intake."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from loanbook.core.store.known.files import resting
from loanbook.pipelines.asset_keys import PREFIX, key
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.ingest.landing import named_dates
from loanbook.pipelines.ingest.quality import CHECKS, intake_suite
from loanbook.pipelines.instance import default_mapping
from loanbook.pipelines.resources import open_instance, settings
from loanbook.pipelines.waiting import landed_paths


@dg.asset(key_prefix=PREFIX, group_name="ingest", kinds={"csv"})
def landing_files() -> dg.MaterializeResult:
    """Files as they came, known by their content; never changed. Those of folders that rest are not counted."""
    where = settings()
    files = landed_paths(where.landing, resting(where))
    dates = named_dates(files)
    return dg.MaterializeResult(
        metadata={
            "files": len(files),
            "megabytes": round(sum(path.lstat().st_size for path in files) / 2**20, 2),
            "first": dates[0].isoformat() if dates else "none",
            "last": dates[-1].isoformat() if dates else "none",
        }
    )


@dg.asset(
    key_prefix=PREFIX,
    deps=[landing_files],
    group_name="ingest",
    kinds={"polars", "ducklake"},
    check_specs=[
        dg.AssetCheckSpec(name, asset=key("intake"), description=says, blocking=True)
        for name, says in CHECKS.items()
    ],
)
def intake(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Typed rows as loans and events; bad rows quarantined with file, line and rule."""
    ledger, policies = open_instance()
    with ledger:
        mapping = default_mapping(ledger.settings.home, policies)
        report = take_in(ledger, policies, mapping, correlation_id=context.run_id)
        verdicts = intake_suite(ledger, context.run_id)
    for name, passed, figures in verdicts:
        yield dg.AssetCheckResult(check_name=name, passed=passed, metadata={"figures": figures})
    yield dg.MaterializeResult(
        metadata={
            "new_files": report.files,
            "known_files": report.known,
            "refused_files": len(report.refused) + len(report.refused_before),
            "unfinished_files": len(report.unfinished),
            "rows_in": report.rows_in,
            "accepted": report.accepted,
            "quarantined": report.quarantined,
            "duplicates": report.duplicates,
        }
    )
