"""Dagster's asset of alerts: a check for each sort, with its evidence. Thin: read, one call, metadata."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from loanbook.core.errors import PolicyError
from loanbook.core.policy.risk.alerts import AlertRules
from loanbook.core.reporting.alerts.alerts import CHECKS, Alerts
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.alerts.gathering import RULES, found_on
from loanbook.pipelines.alerts.telling import Findings, tell
from loanbook.pipelines.asset_keys import PREFIX, key
from loanbook.pipelines.resources import policies_of, settings
from loanbook.pipelines.servicing.assets import ledger_close

SHOWN = 20
"""Rows of evidence that a check shows; `loanbook alerts --evidence` has all."""


@dg.asset(
    key_prefix=PREFIX, deps=[ledger_close], group_name="reporting", kinds={"polars"},
    check_specs=[
        dg.AssetCheckSpec(name, asset=key("alerts"), blocking=False, description=says)
        for name, says in CHECKS.items()
    ],
)  # fmt: skip
def alerts(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Write-offs, waivers, reversals and failed payments beyond what is usual, what waits too long, contacts close to a
    breach; the program of `[alerts]` is told of each once in a window."""
    where = settings()
    reader = LedgerReader(where)
    _, last = reader.published_range()
    if last is None:
        raise dg.Failure("nothing is published yet", allow_retries=False)
    policies = policies_of(reader)
    try:
        found = found_on(reader, policies, last)
    except PolicyError as lacking:  # of an instance of an earlier release: the night goes on
        for name in CHECKS:
            yield dg.AssetCheckResult(
                check_name=name, passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"why": str(lacking)}
            )  # fmt: skip
        yield dg.MaterializeResult(metadata={"note": f"nothing was looked at: {lacking}"})
        return
    days = policies.in_force(AlertRules, RULES, last).history.window_days
    new = tell(where, findings_of(found), days)
    for name in CHECKS:
        yield _result(name, found)
    yield dg.MaterializeResult(
        metadata={"on": last.isoformat(), "findings": found.findings.height, "new": new.rows.height,
                  "rows_of_evidence": found.evidence.height}
    )  # fmt: skip


def findings_of(found: Alerts) -> Findings:
    """Alerts as they are told of."""
    key_ = ("rule", "measure", "dimension", "of", "currency")
    return Findings(found.on, found.findings, "alert.found", "alert", key_, "alerts_found", "loanbook alerts")  # fmt: skip


def _result(name: str, found: Alerts) -> dg.AssetCheckResult:
    mine = found.findings.filter(pl.col("check") == name)
    evidence = found.evidence.filter(pl.col("check") == name)
    return dg.AssetCheckResult(
        check_name=name, passed=mine.is_empty(), severity=dg.AssetCheckSeverity.WARN,
        metadata={"findings": mine.height, "why": str(mine["why"].head(SHOWN).to_list()),
                  "rows_of_evidence": evidence.height, "evidence": dg.MetadataValue.md(_table(evidence.head(SHOWN)))},
    )  # fmt: skip


def _table(rows: pl.DataFrame) -> str:
    shown = rows.select(name for name in rows.columns if rows[name].null_count() < rows.height)
    lines = [" | ".join(shown.columns), "|".join("-" * len(shown.columns))]
    cells = shown.select(
        pl.all().cast(pl.String).fill_null("–").str.replace_all("|", "/", literal=True)
    )
    return "\n".join(f"| {line} |" for line in [*lines, *(" | ".join(row) for row in cells.rows())])
