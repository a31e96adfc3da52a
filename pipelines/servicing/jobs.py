"""The one job: landing to published versions and reports."""

from __future__ import annotations

import dagster as dg

from loanbook.pipelines.operations.maintenance import GROUP

daily_run = dg.define_asset_job(
    "daily_run",
    # money is asked for where someone means it, not with every run
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups(GROUP, "payments"),
    # steps write to one catalogue: beside each other, whoever commits second would fail
    executor_def=dg.in_process_executor,
    description="Take files in, close every missing day in order, publish, reconcile.",
)


def range_tags(first: str, last: str) -> dict[str, str]:
    """Run tags by which a range of daily partitions is one run."""
    return {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }
