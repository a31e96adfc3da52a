"""Dagster assets of the daily close. Thin: read, one call into the run, metadata."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import polars as pl

from loanbook.core.errors import LoanbookError
from loanbook.core.servicing.loan.book import nobody_held
from loanbook.pipelines.asset_keys import PREFIX, key
from loanbook.pipelines.ingest.assets import intake
from loanbook.pipelines.partitions import business_days
from loanbook.pipelines.resources import open_instance, provenance
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.held import SHOWN, in_a_line
from loanbook.pipelines.servicing.messages import send_failed_payouts, send_held
from loanbook.pipelines.servicing.progress import published
from loanbook.pipelines.servicing.publishing import DayReport

LAWS = {
    "payments_are_allocated": "Allocations of a payment sum to it, or it is held unidentified.",
    "claim_of_quiet_loans": "Loans to which nothing happened owe what they owed and the night's interest.",
    "claim_principal": "Principal after is principal before and what the day's events say.",
    "claim_interest": "Interest after is interest before, what was earned and what the day's events say.",
    "claim_charges": "Charges after are charges before and what the day's events say.",
    "charges_have_grounds": "Charges are what orders say, or what dues, dates and bases of the loan give rise to, in the amounts that policies fix.",
    "no_due_is_overpaid": "No due is paid beyond its amount.",
    "positions_show_their_dues": "What a position shows as due equals its open dues, by component.",
    "ledger_equals_positions": "General-ledger accounts equal carrying amounts, memorandum ones the claims off the books.",
    "trial_balance": "Debits equal credits by currency, in the general ledger and in memorandum apart.",
    "positions_are_sane": "One position a loan, and no amount below zero that must not be.",
}
"""Laws that hold before a version is committed, and what each says."""
GATES = {
    "before_publishing": "Great Expectations over the committed version: types, ranges, keys.",
    "every_position_has_terms": "Loans that entered the book have terms in the ledger.",
    "loans_follow_from_yesterday": "Live loans are those of the day before and those boarded since.",
}
"""Checks of a committed version, before readers see it."""
HELD = "no_loan_is_held"
"""A warning: loans that broke a law are held, the others are published."""
warnings.filterwarnings(
    "ignore", message="Parameter `backfill_policy` of function `asset`", category=dg.BetaWarning
)  # a range of days as one run is what it is for; other warnings of Dagster stay


def _checks() -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(name, asset=key("ledger_close"), description=says, blocking=True)
        for name, says in (LAWS | GATES).items()
    ] + [
        dg.AssetCheckSpec(
            HELD, asset=key("ledger_close"), blocking=False,
            description="No loan is held at its last good position; `loanbook held` lists them.",
        )
    ]  # fmt: skip


@dg.asset(
    key_prefix=PREFIX,
    partitions_def=business_days(),
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[
        intake,
        dg.AssetDep(
            key("ledger_close"),
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
    where = ledger.settings
    wanted = set(context.partition_keys)
    days = [day for day in missing_days(ledger) if day.isoformat() in wanted]
    seen: list[DayReport] = []
    try:
        for report in close_days(ledger, policies, days, provenance(policies, context.run_id)):
            seen.append(report)
            published.get()(report.date)
            context.log_event(
                dg.AssetMaterialization(
                    context.asset_key,
                    partition=report.date.isoformat(),
                    metadata=day_metadata(report),
                )
            )
    except LoanbookError as error:
        yield from check_results(seen, failure=str(error))
        raise dg.Failure(
            description=str(error),
            metadata={"published_days": len(seen), "days_asked": len(days)},
            allow_retries=False,
        ) from error
    finally:
        ledger.close()
    untold = send_held(where, seen)
    if untold:
        context.log.warning(f"nobody was told of the loans that are held: {untold}")
    if silent := send_failed_payouts(where, seen):
        context.log.warning(f"nobody was told of payouts that came back: {silent}")
    yield from check_results(seen, failure=None)
    yield dg.MaterializeResult(
        metadata={
            "days": len(seen),
            "already_published": len(wanted) - len(days),
            **(day_metadata(seen[-1]) if seen else {}),
        }
    )


def day_metadata(report: DayReport) -> dict[str, Any]:
    """What Dagster shows of a published day; money in minor units, of all currencies together."""
    return {
        "version": report.version,
        "business_date": report.date.isoformat(),
        "loans": report.loans,
        "events": report.events,
        **{f"{name}_minor_units": amount for name, amount in report.totals.items()},
        "seconds": round(sum(report.seconds.values()), 3),
    }


def check_results(seen: Sequence[DayReport], failure: str | None) -> Iterator[dg.AssetCheckResult]:
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
    held = seen[-1].held if seen else nobody_held()
    yield dg.AssetCheckResult(
        check_name=HELD,
        passed=held.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "loans": held.height,
            "first": "; ".join(in_a_line(row) for row in held.head(SHOWN).to_dicts()) or "none",
        },
    )
