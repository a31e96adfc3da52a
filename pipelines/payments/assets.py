"""Dagster assets of money that goes out: made only when a person or a schedule of the lender's own asks for it."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg

from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.sending.instructions import not_handed_over
from loanbook.core.store.sending.rates import rates_at
from loanbook.pipelines.asset_keys import PREFIX, key
from loanbook.pipelines.payments.paying import instruct
from loanbook.pipelines.payments.presenting import Presented, present
from loanbook.pipelines.resources import open_instance, policies_of, settings
from loanbook.pipelines.servicing.assets import ledger_close

GROUP = "payments"
"""Not part of the daily run: money is asked for where someone means it."""
RECORDED = "every_file_is_handed_over"
WITHIN = "returns_are_within_the_limits"


@dg.asset(
    key_prefix=PREFIX, deps=[ledger_close], group_name=GROUP, kinds={"polars", "ducklake"},
    check_specs=[
        dg.AssetCheckSpec(RECORDED, asset=key("files_for_banks"), blocking=True,
                          description="No file is recorded and not handed over."),
    ],
)  # fmt: skip
def files_for_banks(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Debits and payouts of the day after the last published one, recorded and handed over, each once."""
    ledger, policies = open_instance()
    with ledger:
        _, published = ledger.published()
        if published is None:
            raise dg.Failure(
                "nothing is published yet, so nothing is known to be due", allow_retries=False
            )
        day = published + dt.timedelta(days=1)
        done = [work(ledger, policies, day, run_id=context.run_id) for work in (present, instruct)]
        waiting = len(not_handed_over(ledger))
    yield dg.AssetCheckResult(check_name=RECORDED, passed=not waiting, metadata={"files": waiting})
    yield dg.MaterializeResult(metadata={"day": day.isoformat(), **_figures(done)})


def _figures(done: list[Presented]) -> dict[str, Any]:
    files = [file for each in done for file in each.files]
    return {
        "files": len(files),
        "payments": sum(int(file.row["payments"]) for file in files),
        "amount_minor_units": sum(int(file.row["amount"]) for file in files),
        "not_presented": sum(each.passed.height for each in done),
    }


@dg.asset(
    key_prefix=PREFIX, deps=[ledger_close], group_name=GROUP, kinds={"duckdb"},
    check_specs=[
        dg.AssetCheckSpec(WITHIN, asset=key("return_rates"), blocking=False,
                          description="No originator's rate of returns is above a limit of its rail."),
    ],
)  # fmt: skip
def return_rates() -> Iterator[Any]:
    """Rates of returned debits by originator, against the limits of their rails."""
    reader = LedgerReader(settings())
    _, last = reader.published_range()
    if last is None:
        raise dg.Failure("nothing is published yet", allow_retries=False)
    rates = rates_at(reader.lake(), policies_of(reader), last)
    above = rates.filter("alarm")
    yield dg.AssetCheckResult(
        check_name=WITHIN, passed=above.is_empty(), severity=dg.AssetCheckSeverity.WARN,
        metadata={"above": above.height, "on": last.isoformat()},
    )  # fmt: skip
    told = rates.filter(rates["debits"] > 0).select("originator", "measure", "rate_percent").rows()
    yield dg.MaterializeResult(
        metadata={f"{name}_{measure}": rate or "none" for name, measure, rate in told}
    )
