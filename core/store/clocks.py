"""The two clocks in SQL: the rows of a business date as known at a version."""

from __future__ import annotations

from loanbook.core.store.queries import PUBLISHED

NOW = 2**62
"""A version above all: what is known by now."""
NOT_RESTATED = (
    "NOT EXISTS (SELECT 1 FROM {{lake}}.restated_loans r WHERE r.loan_id = {row}.loan_id "
    "AND r.version > {row}.version AND {row}.business_date BETWEEN r.from_date AND r.through_date "
    f"AND r.version IN {PUBLISHED.replace('{lake}', '{{lake}}')})"
)
"""Condition that no later restatement replaced a row; `{row}` is its alias."""


def known_last(table: str, columns: str, order: str, where: str = "") -> str:
    """SQL for the rows of date `$on` as known at version `$known_at`.

    A restated loan's rows come of its last restatement, also when that has none: then the loan
    does not live on the date. Columns are of `t`; `{lake}` is left to be filled in.
    """
    return f"""
        WITH base AS (
            SELECT max(version) AS version FROM {{lake}}.versions
            WHERE business_date = $on AND version <= $known_at AND version IN {PUBLISHED}),
        again AS (
            SELECT r.loan_id, max(r.version) AS version FROM {{lake}}.restated_loans r, base
            WHERE r.from_date <= $on AND r.through_date >= $on AND r.version > base.version
              AND r.version <= $known_at AND r.version IN {PUBLISHED} GROUP BY r.loan_id)
        SELECT {columns} FROM {{lake}}.{table} t LEFT JOIN again ON again.loan_id = t.loan_id, base
        WHERE t.business_date = $on AND t.version >= base.version
          AND t.version = coalesce(again.version, base.version) {where}
        ORDER BY {order}"""
