"""Gather what the servicer reported and what the ledger holds on that date, and compare."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import yaml

from loanbook.core.catalogue.codes import Status
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.reporting.reconciliation import Reason, compared, reasons_in, table
from loanbook.core.servicing.arrears.days_past_due import bucket
from loanbook.core.store.clocks import NOW
from loanbook.core.store.reader import LedgerReader
from loanbook.pipelines.instance import REASONS, default_mapping

_GATHER = """
WITH paid AS (
    SELECT loan_id,
           sum(amount) FILTER (WHERE component = 0 AND instalment_no = 0 AND timing = 2) AS extra
    FROM allocations_now WHERE business_date <= $as_of GROUP BY loan_id
), terms AS (
    SELECT loan_id, principal_agreed, rate_ppb, emi, disbursed_on, first_due_date FROM loans
    WHERE close_reason IS NULL
), ended AS (
    SELECT loan_id, closed_on FROM endings_now WHERE closed_on <= $as_of
)
SELECT r.loan_id, r.status, r.balance AS reported_balance, r.paid_late_fees AS late_fees,
       r.paid_total AS reported_paid, t.principal_agreed,
       coalesce(s.principal_paid + s.interest_paid + s.charges_paid, 0)::BIGINT AS paid,
       t.rate_ppb, t.emi, coalesce(p.extra, 0)::BIGINT AS extra,
       coalesce(s.principal, 0)::BIGINT AS claim, s.status AS engine_code,
       coalesce(s.days_past_due, 0) AS days_past_due, coalesce(s.instalment_no - 1, 1) AS instalments_paid,
       date_diff('day', t.disbursed_on, $as_of) AS age_days, e.closed_on
FROM reported r JOIN terms t USING (loan_id) LEFT JOIN paid p USING (loan_id)
LEFT JOIN positions_at($as_of, $known_at) s USING (loan_id)
LEFT JOIN ended e USING (loan_id)
WHERE r.as_of = $as_of ORDER BY r.loan_id
"""


def reported_dates(reader: LedgerReader) -> list[dt.date]:
    """Dates for which a servicer's figures came with a tape and a version is published."""
    rows = reader.query(
        "SELECT DISTINCT r.as_of FROM reported r JOIN versions v ON v.business_date = r.as_of "
        "ORDER BY 1"
    )
    return rows["as_of"].to_list()


def reasons_of(home: Path) -> tuple[Reason, ...]:
    """Why balances may differ, as the instance's `reconciliation.yaml` has it; none without it."""
    path = home / REASONS
    if not path.is_file():
        return ()
    try:
        return reasons_in(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError, PolicyError) as bad:
        raise PolicyError(f"{path}: {bad}") from bad


def summary(
    reader: LedgerReader, policies: PolicyBook, home: Path
) -> tuple[dt.date, pl.DataFrame, pl.DataFrame] | None:
    """The last reported date, its loans compared and the table of them; None without such a date."""
    dates = reported_dates(reader)
    if not dates:
        return None
    mapping, reasons = policies.tape(default_mapping(home, policies)), reasons_of(home)
    rows = reconcile(reader, policies, dates[-1], mapping.reported_buckets or "default", reasons)
    return dates[-1], rows, table(rows, reasons)


def reconcile(
    reader: LedgerReader,
    policies: PolicyBook,
    as_of: dt.date,
    buckets: str,
    reasons: Sequence[Reason],
) -> pl.DataFrame:
    """Every reported loan with the engine's figures of that date and the verdict."""
    reader.version_of(as_of)
    rows = reader.query(_GATHER, {"as_of": as_of, "known_at": NOW})
    ranges = policies.buckets(buckets, as_of)
    labels = {place: each.label for place, each in enumerate(ranges.ranges)}
    charged_off = pl.col("engine_code") == Status.charged_off.value
    gone = pl.col("closed_on").is_not_null() | (pl.col("claim") == 0)
    placed = rows.with_columns(
        carrying=pl.when(charged_off).then(0).otherwise("claim"),
        place=bucket(pl.col("days_past_due"), ranges),
    ).with_columns(
        engine_status=pl.when(charged_off)
        .then(pl.lit("Charged Off"))
        .when(gone)
        .then(pl.lit("Fully Paid"))
        .otherwise(pl.col("place").replace_strict(labels, return_dtype=pl.String))
    )
    return compared(placed, reasons)


__all__ = ["reasons_of", "reconcile", "reported_dates", "summary", "table"]
