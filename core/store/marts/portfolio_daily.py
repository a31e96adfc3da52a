"""The mart that pages read: the portfolio by day.

`portfolio_daily` has a row a business date, version that told it last, entity, product, currency,
status and days past due. A restated date gets rows of the restating version beside the older ones,
so that both clocks find theirs.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.components import DUES
from loanbook.core.store.history import known_last
from loanbook.core.store.lake import LAKE, insert, patiently, transaction
from loanbook.core.store.marts.mart import Mart
from loanbook.core.store.queries import PUBLISHED, Queries

PORTFOLIO = {
    "version": pl.Int64,
    "business_date": pl.Date,
    "entity": pl.Int16,
    "product": pl.Int16,
    "currency": pl.Int8,
    "status": pl.Int8,
    "days_past_due": pl.Int32,
    "loans": pl.Int64,
    "principal": pl.Int64,
    "overdue": pl.Int64,
}
"""Schema of `portfolio_daily`: loans counted, money in minor units."""
TOUCHED = f"""
    SELECT business_date, version FROM {{lake}}.versions WHERE version IN {PUBLISHED}
    UNION
    SELECT d.business_date, r.version FROM {{lake}}.restated_loans r JOIN
        (SELECT DISTINCT business_date FROM {{lake}}.versions WHERE version IN {PUBLISHED}) d
        ON d.business_date BETWEEN r.from_date AND r.through_date
    WHERE r.version IN {PUBLISHED}
"""
"""Every date with each published version that told something of it."""
_SUMS = f"""
    count(*)::BIGINT AS loans, sum(p.principal)::BIGINT AS principal,
    sum({" + ".join(f"p.{name}" for name in DUES)})::BIGINT AS overdue
"""
GROUPED = f"""
    SELECT p.days_past_due, p.status, {_SUMS}
    FROM positions_at(?, ?) p WHERE true {{where}} GROUP BY ALL ORDER BY ALL
"""
"""What the mart holds, straight from the positions of a date as known at a version."""


def refresh_portfolio(ledger: Queries) -> int:
    """Add what `portfolio_daily` lacks; returns the rows. Safe to repeat."""
    lacking = ledger.frame(
        f"SELECT business_date, version FROM ({TOUCHED}) EXCEPT "
        "SELECT business_date, version FROM {lake}.portfolio_daily ORDER BY version, business_date"
    )
    if lacking.is_empty():
        return 0
    bases = ledger.frame(
        f"SELECT business_date, max(version) AS version FROM {{lake}}.versions "
        f"WHERE version IN {PUBLISHED} GROUP BY business_date"
    )
    first_told = lacking.join(bases, on=["business_date", "version"], how="semi")
    restated = lacking.join(bases, on=["business_date", "version"], how="anti")
    parts = [_as_written(ledger, first_told), *_as_known(ledger, restated)]
    rows = pl.concat([part.select(*PORTFOLIO).cast(PORTFOLIO) for part in parts])  # type: ignore[arg-type]

    def write() -> None:
        with transaction(ledger.connection):
            insert(ledger.connection, "portfolio_daily", rows)

    patiently(write)
    return rows.height


def _as_written(ledger: Queries, dates: pl.DataFrame) -> pl.DataFrame:
    """Sums of dates as the versions that closed them wrote them: one query for all."""
    return ledger.beside(
        f"""
        SELECT p.version, p.business_date, l.entity, l.product, l.currency, p.status,
               p.days_past_due, {_SUMS}
        FROM {{lake}}.positions p JOIN _dates d
          ON d.version = p.version AND d.business_date = p.business_date
        JOIN {{lake}}.loan_keys l ON l.loan_id = p.loan_id
        GROUP BY ALL
        """,
        [],
        _dates=dates,
    )


def _as_known(ledger: Queries, dates: pl.DataFrame) -> list[pl.DataFrame]:
    """Sums of restated dates, each as known at the version that restated it."""
    found = []
    for date, version in dates.rows():
        rows = known_last("positions", "t.*", "t.loan_id")
        found.append(
            ledger.frame(
                f"""
                SELECT {version} AS version, DATE '{date}' AS business_date, l.entity, l.product,
                       l.currency, p.status, p.days_past_due, {_SUMS}
                FROM ({rows}) p JOIN {{lake}}.loan_keys l ON l.loan_id = p.loan_id GROUP BY ALL
                """,
                {"on": date, "known_at": version},
            )
        )
    return found


PORTFOLIO_ON = f"""
    WITH told AS (SELECT max(version) AS version FROM ({TOUCHED})
                  WHERE business_date = $on AND version <= $known_at)
    SELECT days_past_due, status, sum(loans)::BIGINT AS loans, sum(principal)::BIGINT AS principal,
           sum(overdue)::BIGINT AS overdue
    FROM {{lake}}.portfolio_daily p, told WHERE p.version = told.version AND p.business_date = $on
    GROUP BY ALL ORDER BY ALL
""".format(lake=LAKE)
"""A date as known at a version, by days past due and status; no rows: the mart lacks it."""

MART = Mart(
    "portfolio_daily",
    "loans, principal and overdue amounts by date, product, currency, status and days past due",
    PORTFOLIO,
    refresh_portfolio,
)
