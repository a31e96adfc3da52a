"""Running the Dagster job from the command: one run for a range of days."""

from __future__ import annotations


def run_job(first: str, last: str) -> tuple[bool, str]:
    """Run `daily_run` over a range of business dates in this process.

    Returns whether it succeeded, and the error of the step that failed. `prepare_home` first.
    """
    import dagster as dg  # slow to import: only where a run starts

    from loanbook.pipelines.definitions import defs
    from loanbook.pipelines.servicing.jobs import range_tags

    job = defs.resolve_job_def("daily_run")
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            instance=instance,
            tags=range_tags(first, last),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )
        if result.success:
            return True, ""
        for event in result.all_events:
            if event.is_step_failure:
                data = event.step_failure_data
                text = data.user_failure_data.description if data.user_failure_data else None
                return False, text or (data.error.message if data.error else "the run failed")
    return False, "the run failed; open `make dagster` to see the step"
