"""Dagster's asset of reminders, by the hour and not with the daily run: each goes out at the borrower's own time."""

import datetime as dt
from contextlib import closing

import dagster as dg

from loanbook.core.errors import PolicyError
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.asset_keys import PREFIX
from loanbook.pipelines.operations.maintenance import GROUP
from loanbook.pipelines.reminders.sending import send
from loanbook.pipelines.resources import open_instance, policies_of


@dg.asset(key_prefix=PREFIX, group_name=GROUP, kinds={"apprise"})
def reminders() -> dg.MaterializeResult:
    """Reminders of the day after the last published date: sent, or suppressed with the reason; each once."""
    ledger, _ = open_instance()
    with ledger:
        with closing(LedgerReader(ledger.settings)) as reader:
            policies = policies_of(reader)
        try:
            done = send(ledger, policies, dt.datetime.now(dt.UTC))
        except PolicyError as lacking:  # of an instance of an earlier release
            return dg.MaterializeResult(metadata={"note": f"nothing was sent: {lacking}"})
    return dg.MaterializeResult(metadata=dict(done.group_by("state").len().sort("state").rows()))


reminders_run = dg.define_asset_job(
    "reminders_run",
    selection=dg.AssetSelection.assets(reminders),
    description="Send the reminders that may go out now.",
)
reminders_schedule = dg.ScheduleDefinition(
    name="reminders_hourly", job=reminders_run, cron_schedule="5 * * * *", execution_timezone="UTC",
)  # fmt: skip
