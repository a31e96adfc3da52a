"""Dagster's asset of letters of loans that have ended: made with each run, with a check of what is too late."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import dagster as dg

from loanbook.core.documents.closure import breaches
from loanbook.core.errors import PolicyError
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.asset_keys import PREFIX, key
from loanbook.pipelines.documents.closing import make_letters, tasks_of
from loanbook.pipelines.resources import open_instance, policies_of
from loanbook.pipelines.servicing.assets import ledger_close

IN_TIME = "letters_and_collateral_in_time"
SHOWN = 20


@dg.asset(
    key_prefix=PREFIX, deps=[ledger_close], group_name="agreements", kinds={"polars", "typst"},
    check_specs=[dg.AssetCheckSpec(
        IN_TIME, asset=key("closure_letters"), blocking=False,
        description="No letter, and no collateral, of a loan that ended is too late.",
    )],
)  # fmt: skip
def closure_letters() -> Iterator[Any]:
    """Letters of loans that ended: no objection, paid in full, settlement, charge-off; each made once, and kept by its hash."""
    ledger, _ = open_instance()
    with ledger, closing(LedgerReader(ledger.settings)) as reader:
        policies = policies_of(reader)
        at = reader.clocks()
        try:
            made = make_letters(ledger, reader, policies, at)
        except PolicyError as lacking:  # of an instance of an earlier release: the night goes on
            yield dg.AssetCheckResult(check_name=IN_TIME, passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"why": str(lacking)})  # fmt: skip
            yield dg.MaterializeResult(metadata={"note": f"no letter was made: {lacking}"})
            return
    with closing(LedgerReader(ledger.settings)) as reader:
        late = breaches(tasks_of(reader, policies, at))
    open_ones = late.filter(late["done_on"].is_null())
    shown = open_ones.head(SHOWN).select("loan_key", "what", "reference", "days_late", "compensation", "currency")  # fmt: skip
    yield dg.AssetCheckResult(
        check_name=IN_TIME, passed=open_ones.is_empty(), severity=dg.AssetCheckSeverity.WARN,
        metadata={"too_late": open_ones.height, "first": str(shown.rows())},
    )  # fmt: skip
    yield dg.MaterializeResult(metadata={"made": made.height, "too_late_ever": late.height})
