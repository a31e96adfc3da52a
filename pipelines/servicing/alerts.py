"""Word of a failed run, by a program of the lender's own choice: `[alerts]` in `loanbook.toml`."""

from __future__ import annotations

import dagster as dg

from loanbook.core.store.instance import FILE, read_instance
from loanbook.pipelines.operations.maintenance import maintenance_run
from loanbook.pipelines.resources import settings
from loanbook.pipelines.servicing.jobs import daily_run
from loanbook.pipelines.servicing.messages import send


@dg.run_failure_sensor(
    monitored_jobs=[daily_run, maintenance_run],
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
)
def alert_on_failure(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    """A run that failed is told to the program that `[alerts]` of loanbook.toml names, if any."""
    run, where = context.dagster_run, settings()
    sent = send(
        where,
        {
            "event": "run_failed",
            "instance": str(where.home),
            "lender": read_instance(where.home).entity,
            "job": run.job_name,
            "run_id": run.run_id,
            "first": run.tags.get("dagster/asset_partition_range_start"),
            "last": run.tags.get("dagster/asset_partition_range_end"),
            "message": _cause(context),
        },
    )
    return None if sent else dg.SkipReason(f"{FILE} names no program below [alerts]")


def _cause(context: dg.RunFailureSensorContext) -> str:
    """What the step that failed said, else what the run says."""
    for event in context.get_step_failure_events():
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            return data.user_failure_data.description
        if data.error:
            return data.error.message.strip()
    return context.failure_event.message or "the run failed"
