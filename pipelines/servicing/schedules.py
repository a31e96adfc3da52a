"""When the close runs by itself: every night, and when files land."""

import datetime as dt
import hashlib
from dataclasses import dataclass

import dagster as dg

from loanbook.core.store.known.files import folders_at_rest, known_files
from loanbook.pipelines.ingest.landing import find, is_taken, near_dates
from loanbook.pipelines.resources import open_instance, provenance, settings
from loanbook.pipelines.servicing.days import missing_days
from loanbook.pipelines.servicing.jobs import daily_run, range_tags


@dataclass(frozen=True)
class _Waiting:
    """Business dates to close, and what a run of them would find."""

    days: list[str]
    found: str
    """Fingerprint of the landed files, the policies and the code."""


def _waiting() -> _Waiting:
    ledger, policies = open_instance()
    with ledger:
        files = find(settings(), folders_at_rest(ledger)).files
        taken, refused = known_files(ledger, {file.file_id for file in files})
        days = {day.isoformat() for day in missing_days(ledger)}
        head = ledger.head().published_date
    tried = {(file_id, name) for file_id, name, _ in refused}
    landed = [
        f.business_date
        for f in files
        if f.business_date
        and not is_taken(f, taken, policies)
        and (f.file_id, f.path.name) not in tried
    ]
    dates = [f.business_date for f in files if f.business_date]
    meant = near_dates([*dates, *([head] if head else [])], dt.datetime.now(dt.UTC).date())
    days |= {d.isoformat() for d in landed if d in meant and (head is None or d > head)}
    by = provenance(policies)
    inputs = [f"{f.file_id} {f.path.name}" for f in files] + [by.policy_hash, by.code_hash]
    return _Waiting(sorted(days), hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:12])


@dg.sensor(job=daily_run, minimum_interval_seconds=60)
def landing_sensor() -> dg.RunRequest | dg.SkipReason:
    """Files that were not taken in yet start a run that catches up, in order.

    Dagster asks for a run key once, also where its run failed: a range whose run failed is asked for
    again when a file, a policy or the code is another.
    """
    waiting = _waiting()
    if not waiting.days:
        return dg.SkipReason("every landed business date is published")
    first, last = waiting.days[0], waiting.days[-1]
    return dg.RunRequest(run_key=f"{first}..{last} {waiting.found}", tags=range_tags(first, last))


@dg.schedule(job=daily_run, cron_schedule="30 2 * * *", execution_timezone="UTC")
def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """At 02:30 UTC: close what is missing up to the last landed date."""
    days = _waiting().days
    if not days:
        return dg.SkipReason("every landed business date is published")
    night = context.scheduled_execution_time.date()
    return dg.RunRequest(run_key=f"nightly {night}", tags=range_tags(days[0], days[-1]))
