"""When the close runs by itself: every night, and when files land."""

import dagster as dg

from loanbook.pipelines.ingest.landing import scan
from loanbook.pipelines.resources import open_instance, settings
from loanbook.pipelines.servicing.days import missing_days
from loanbook.pipelines.servicing.jobs import daily_run, range_tags


def _missing() -> list[str]:
    ledger, _ = open_instance()
    try:
        taken, refused = ledger.known_files()
        tried = {(file_id, name) for file_id, name, _ in refused}
        landed = [
            f
            for f in scan(settings().landing)
            if (f.file_id, f.business_date) not in taken and (f.file_id, f.path.name) not in tried
        ]
        days = [d.isoformat() for d in missing_days(ledger)]
        head = ledger.head().published_date
    finally:
        ledger.close()
    fresh = [
        f.business_date.isoformat()
        for f in landed
        if f.business_date and (head is None or f.business_date > head)
    ]
    return sorted({*days, *fresh})


@dg.sensor(job=daily_run, minimum_interval_seconds=60)
def landing_sensor() -> dg.RunRequest | dg.SkipReason:
    """Files that were not taken in yet start a run that catches up, in order."""
    days = _missing()
    if not days:
        return dg.SkipReason("every landed business date is published")
    return dg.RunRequest(run_key=f"{days[0]}..{days[-1]}", tags=range_tags(days[0], days[-1]))


@dg.schedule(job=daily_run, cron_schedule="30 2 * * *", execution_timezone="UTC")
def nightly() -> dg.RunRequest | dg.SkipReason:
    """At 02:30 UTC: close what is missing up to the last landed date."""
    days = _missing()
    if not days:
        return dg.SkipReason("every landed business date is published")
    return dg.RunRequest(run_key=f"nightly {days[-1]}", tags=range_tags(days[0], days[-1]))
