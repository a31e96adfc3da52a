"""What versions add to a mart's sums: of a date that is closed all rows, of a restated one the difference."""

from __future__ import annotations

import polars as pl

from loanbook.core.store.marts.mart import Mart, Rows
from loanbook.core.store.marts.news import News, between

COHORT = """
    JOIN (SELECT loan_id, date_trunc('month', min(disbursed_on))::DATE AS cohort FROM {lake}.loans
          WHERE close_reason IS NULL GROUP BY loan_id) b ON b.loan_id = l.loan_id
"""
"""Join of each loan's month of origination, as `b.cohort`."""


def of_table(table: str, *, month_ends: bool = False, joins: str = "") -> Rows:
    """How a table of rows by loan and date (`positions`, `allocations`) adds to a mart.

    Of every date, or of month ends alone. `joins`: more than loan_keys, for the mart's columns.
    """

    def rows(news: News, mart: Mart) -> pl.DataFrame:
        dates = news.closed(month_ends=month_ends)
        parts = [_closed(news, mart, part, (table, joins)) for part in _by_month(dates)]
        signed = news.signed
        if month_ends:
            signed = signed.filter(pl.col("on_date") == pl.col("on_date").dt.month_end())
        again = _restated(news, mart, signed, (table, joins))
        return pl.concat([mart.empty, *parts, again], how="vertical_relaxed")

    return rows


def _by_month(dates: pl.DataFrame) -> list[pl.DataFrame]:
    """Dates a month at a time: what is read at once stays small, whatever waits."""
    months = dates.with_columns(month=pl.col("business_date").dt.month_start())
    return [part.drop("month") for part in months.partition_by("month", maintain_order=True)]


def _closed(news: News, mart: Mart, dates: pl.DataFrame, source: tuple[str, str]) -> pl.DataFrame:
    """All rows of dates, as the versions that closed them wrote them."""
    table, joins = source
    return news.beside(
        f"""
        SELECT p.version, p.business_date, {mart.select()}
        FROM {{lake}}.{table} p JOIN _dates d
          ON d.version = p.version AND d.business_date = p.business_date
        JOIN {{lake}}.loan_keys l ON l.loan_id = p.loan_id {joins}
        WHERE {between(dates)} GROUP BY ALL
        """,
        _dates=dates,
    )


def _restated(
    news: News, mart: Mart, signed: pl.DataFrame, source: tuple[str, str]
) -> pl.DataFrame:
    """What restating versions changed of dates that had been closed."""
    if signed.is_empty():
        return mart.empty
    table, joins = source
    return news.beside(
        f"""
        SELECT * FROM (
            SELECT s.told AS version, s.on_date AS business_date, {mart.select("s.sign")}
            FROM _signed s JOIN {{lake}}.{table} p
              ON p.loan_id = s.loan_id AND p.business_date = s.on_date AND p.version = s.said
            JOIN {{lake}}.loan_keys l ON l.loan_id = p.loan_id {joins}
            WHERE {between(signed.select(business_date="on_date"))} GROUP BY ALL)
        WHERE {mart.changes_anything}
        """,
        _signed=signed,
    )
