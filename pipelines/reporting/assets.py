"""Dagster assets of what is read of published versions. Thin: read, compare or count, metadata."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from loanbook.core.contract.money import major
from loanbook.core.policy.rights.misuse import MisuseRules
from loanbook.core.reporting.journal import trial_balance as of_accounts
from loanbook.core.store.marts import MARTS
from loanbook.core.store.marts.filling import fill
from loanbook.core.store.marts.mart import Mart
from loanbook.core.store.marts.ties import TIED, untied
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.alerts.telling import tell
from loanbook.pipelines.asset_keys import PREFIX, key
from loanbook.pipelines.reporting.misuse import RULES, found_on, to_report
from loanbook.pipelines.reporting.reconcile import summary
from loanbook.pipelines.resources import open_stored, policies_of, settings
from loanbook.pipelines.servicing.assets import ledger_close


@dg.asset(key_prefix=PREFIX, deps=[ledger_close], group_name="reporting", kinds={"duckdb"})
def reconciliation(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """The engine's balances against those the servicer reported, loan by loan."""
    ledger, policies = open_stored()
    with ledger:
        found = summary(LedgerReader(settings()), policies, settings().home)
    if found is None:
        return dg.MaterializeResult(metadata={"note": "no reported date is published yet"})
    as_of, _, counts = found
    return dg.MaterializeResult(
        metadata={
            "as_of": as_of.isoformat(),
            "loans": int(counts["loans"].sum()),
            "exact": int(counts["exact"].sum()),
            "within_3_cents": int(counts["within_3_cents"].sum()),
            "unexplained": int(counts["unexplained"].sum()),
        }
    )


TIES = "ties_to_the_general_ledger"


FOUND_NONE = "nothing_was_found"


@dg.asset(
    key_prefix=PREFIX, deps=[ledger_close], group_name="reporting", kinds={"polars"},
    check_specs=[
        dg.AssetCheckSpec(FOUND_NONE, asset=key("misuse"), blocking=False,
                          description="No order, and no pair of people, is beyond the policy `misuse_rules`."),
    ],
)  # fmt: skip
def misuse(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Orders that people give beyond their peers, of loans of their own, or with one who never says no; the program of
    `[alerts]` is told of each once in a window."""
    where = settings()
    reader = LedgerReader(where)
    _, last = reader.published_range()
    if last is None:
        raise dg.Failure("nothing is published yet", allow_retries=False)
    policies = policies_of(reader)
    found = found_on(reader, policies, last)
    new = tell(where, to_report(found), policies.in_force(MisuseRules, RULES, last).window_days)
    yield dg.AssetCheckResult(
        check_name=FOUND_NONE, passed=found.findings.is_empty(), severity=dg.AssetCheckSeverity.WARN,
        metadata={"findings": found.findings.height, "first": str(found.findings["why"].head(5).to_list())},
    )  # fmt: skip
    yield dg.MaterializeResult(
        metadata={"on": last.isoformat(), "findings": found.findings.height, "new": new.rows.height,
                  "rows_of_evidence": found.evidence.height}
    )  # fmt: skip


def _asset_of(mart: Mart) -> dg.AssetsDefinition:
    """A mart as an asset: brought up to date with what is published."""
    asset_key = key(mart.name)
    tie = dg.AssetCheckSpec(
        TIES, asset=asset_key, blocking=True,
        description="Its sums are the balances of the general ledger, by entity, product and currency.",
    )  # fmt: skip

    @dg.asset(
        key=asset_key, description=mart.meaning, deps=[ledger_close], group_name="reporting",
        kinds={"ducklake"}, check_specs=[tie] if mart.name in TIED else [],
    )  # fmt: skip
    def refreshed() -> dg.MaterializeResult:
        ledger, _ = open_stored()
        with ledger:
            added = fill(ledger, [mart])[mart.name]
            rows, dates = ledger.one(
                f"SELECT count(*), count(DISTINCT business_date) FROM {{lake}}.{mart.name} "
                "WHERE business_date IS NOT NULL"
            )
            broken = untied(ledger, mart.name) if mart.name in TIED else None
        checks = [] if broken is None else [_tied(broken)]
        return dg.MaterializeResult(
            metadata={"rows_added": added, "rows": rows, "dates": dates}, check_results=checks
        )

    return refreshed


def _tied(broken: pl.DataFrame) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=TIES, passed=broken.is_empty(),
        metadata={"accounts_that_differ": broken.height, "first": str(broken.head(5).to_dicts())},
    )  # fmt: skip


MART_ASSETS = [_asset_of(mart) for mart in MARTS]
"""An asset a mart, by the store's list."""


@dg.asset(key_prefix=PREFIX, deps=[ledger_close], group_name="reporting", kinds={"duckdb"})
def trial_balance(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """The trial balance of the newest version: by entity, currency and account, in units of the currency."""
    reader = LedgerReader(settings())
    on = reader.clocks().on
    lines = of_accounts(reader.balances(), policies_of(reader), on)
    shown = lines.with_columns(major(side) for side in ("debit", "credit"))
    rows = "\n".join(f"| {' | '.join(row)} |" for row in shown.rows())
    head = f"| {' | '.join(shown.columns)} |\n|-|-|-|-|-|-:|-:|\n"
    return dg.MaterializeResult(
        metadata={"as_of": on.isoformat(), "accounts": dg.MetadataValue.md(head + rows)}
    )
