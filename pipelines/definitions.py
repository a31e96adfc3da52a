"""Everything Dagster knows: `dagster dev -m loanbook.pipelines.definitions`."""

import dagster as dg

from loanbook.pipelines.agreements.assets import agreements
from loanbook.pipelines.alerts.assets import alerts
from loanbook.pipelines.collections.assets import queue_assignments
from loanbook.pipelines.documents.assets import closure_letters
from loanbook.pipelines.ingest.assets import intake, landing_files
from loanbook.pipelines.ingest.banking.assets import bank_entries
from loanbook.pipelines.operations.maintenance import (
    maintenance,
    maintenance_run,
    maintenance_schedule,
)
from loanbook.pipelines.origination.assets import application_cases, decisions, letters
from loanbook.pipelines.payments.assets import files_for_banks, return_rates
from loanbook.pipelines.reminders.assets import reminders, reminders_run, reminders_schedule
from loanbook.pipelines.reporting.assets import MART_ASSETS, misuse, reconciliation, trial_balance
from loanbook.pipelines.servicing.alerts import alert_on_failure
from loanbook.pipelines.servicing.assets import ledger_close
from loanbook.pipelines.servicing.jobs import daily_run
from loanbook.pipelines.servicing.schedules import landing_sensor, nightly

defs = dg.Definitions(
    assets=[
        landing_files,
        intake,
        bank_entries,
        decisions,
        application_cases,
        letters,
        ledger_close,
        *MART_ASSETS,
        reconciliation,
        trial_balance,
        misuse,
        alerts,
        queue_assignments,
        maintenance,
        agreements,
        closure_letters,
        files_for_banks,
        return_rates,
        reminders,
    ],
    jobs=[daily_run, maintenance_run, reminders_run],
    schedules=[nightly, maintenance_schedule, reminders_schedule],
    sensors=[landing_sensor, alert_on_failure],
)
