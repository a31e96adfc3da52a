"""Dagster's side of `loanbook maintain`: every night after the close; files are merged once a month."""

import dagster as dg

from loanbook.core.store.instance import read_instance
from loanbook.core.store.upkeep.maintenance import maintain
from loanbook.pipelines.asset_keys import PREFIX
from loanbook.pipelines.ingest.shelving import shelve
from loanbook.pipelines.resources import open_instance, settings

GROUP = "operations"
"""Assets that the daily run leaves out."""


@dg.asset(key_prefix=PREFIX, group_name=GROUP, kinds={"ducklake"})
def maintenance(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Small files of months that ended merged, old snapshots and files done away with; every version stays."""
    where = settings()
    if not where.has_ledger:
        return dg.MaterializeResult(metadata={"note": "there is no ledger yet"})
    rules = read_instance(where.home).maintenance
    did = maintain(
        where, rules, "service:maintenance",
        stage=lambda name, done, total: context.log.info(f"{done + 1} of {total}: {name}"),
    )  # fmt: skip
    ledger, policies = open_instance(where)
    with ledger:
        moved = shelve(ledger, policies) if rules.shelve else 0
    return dg.MaterializeResult(
        metadata={
            "merged_to": str(did.month or "no month ended"),
            "tables_merged": len(did.tables),
            "snapshots_expired": did.expired,
            "landed_files_shelved": moved,
            "files_deleted": did.cleaned + did.orphans,
            "files_before": did.before.files,
            "files_after": did.after.files,
            "bytes_before": did.before.bytes,
            "bytes_after": did.after.bytes,
            "catalogue_bytes_before": did.before.catalogue,
            "catalogue_bytes_after": did.after.catalogue,
        }
    )


maintenance_run = dg.define_asset_job(
    "maintenance_run",
    selection=dg.AssetSelection.assets(maintenance),
    description="Merge files of months that ended, expire old snapshots, clean up by age.",
)
maintenance_schedule = dg.ScheduleDefinition(
    name="maintenance_nightly", job=maintenance_run, cron_schedule="0 5 * * *",
    execution_timezone="UTC",
)  # fmt: skip
