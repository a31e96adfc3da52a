"""Dagster assets of the daily close. Thin: read, one call into the run, metadata."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from loanbook.core.contract.money import to_major
from loanbook.core.errors import LoanbookError
from loanbook.pipelines.ingest.assets import intake
from loanbook.pipelines.partitions import business_days
from loanbook.pipelines.resources import open_instance, provenance
from loanbook.pipelines.servicing.days import DayReport, close_days, missing_days
from loanbook.pipelines.servicing.progress import published

LAWS = (
    "payments_are_allocated", "claim_of_quiet_loans", "claim_principal", "claim_interest",
    "claim_charges", "positions_show_their_dues", "ledger_equals_positions", "trial_balance",
    "positions_are_sane",
)  # fmt: skip
GATES = ("before_publishing", "loans_follow_from_yesterday")


def _checks() -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(name, asset="ledger_close", blocking=True) for name in (*LAWS, *GATES)
    ]


@dg.asset(
    partitions_def=business_days(),
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[
        intake,
        dg.AssetDep(
            "ledger_close",
            partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1),
        ),
    ],
    check_specs=_checks(),
    group_name="servicing",
    kinds={"polars", "ducklake"},
)
def ledger_close(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """The portfolio's day as one ledger version: accrued, billed, allocated, aged, published.

    A range of partitions is one run that closes, checks, commits and publishes day by day.
    Days that are published already are left as they are.
    """
    ledger, policies = open_instance()
    wanted = set(context.partition_keys)
    days = [day for day in missing_days(ledger) if day.isoformat() in wanted]
    seen: list[DayReport] = []
    try:
        for report in close_days(ledger, policies, days, provenance(policies, context.run_id)):
            seen.append(report)
            published.get()(report.date)
            context.log_event(
                dg.AssetMaterialization(
                    context.asset_key, partition=report.date.isoformat(), metadata=_metadata(report)
                )
            )
    except LoanbookError as error:
        yield from _results(seen, failure=str(error))
        raise dg.Failure(
            description=str(error),
            metadata={"published_days": len(seen), "days_asked": len(days)},
            allow_retries=False,
        ) from error
    finally:
        ledger.close()
    yield from _results(seen, failure=None)
    yield dg.MaterializeResult(
        metadata={
            "days": len(seen),
            "already_published": len(wanted) - len(days),
            **(_metadata(seen[-1]) if seen else {}),
        }
    )


def _metadata(report: DayReport) -> dict[str, Any]:
    money = {
        name: f"{to_major(amount, 'USD')} (all currencies' minor units / 100)"
        for name, amount in report.totals.items()
    }
    return {
        "version": report.version,
        "business_date": report.date.isoformat(),
        "loans": report.loans,
        "events": report.events,
        **money,
        "seconds": round(sum(report.seconds.values()), 3),
    }


def _results(seen: list[DayReport], failure: str | None) -> Iterator[dg.AssetCheckResult]:
    """What every law and gate saw over the range; the last figures stand in the metadata."""
    rows = pl.concat([r.checks for r in seen]) if seen else pl.DataFrame(
        schema={"suite": pl.String, "name": pl.String, "passed": pl.Boolean, "figures": pl.String}
    )  # fmt: skip
    for name in (*LAWS, *GATES):
        one = rows.filter(
            pl.col("suite") == "great_expectations"
            if name == "before_publishing"
            else pl.col("name") == name
        )
        broken = failure is not None and (
            name in failure or (name == "before_publishing" and "rejected" in failure)
        )
        yield dg.AssetCheckResult(
            check_name=name,
            passed=bool(one["passed"].all()) and not broken,
            metadata={
                "days": one.height if name != "before_publishing" else len(seen),
                "last_figures": str(one["figures"][-1]) if one.height else "no day passed",
                **({"failure": failure} if broken and failure else {}),
            },
        )
