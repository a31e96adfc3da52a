"""What published versions have that a mart lacks: read once, for all marts that are filled together."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from loanbook.core.store.queries import PUBLISHED, Queries

SIGNED = """
    WITH told AS (
        SELECT r.loan_id, v.business_date AS on_date, v.version AS base, r.version AS told
        FROM {lake}.restated_loans r JOIN _published v
          ON v.business_date BETWEEN r.from_date AND r.through_date AND v.version < r.version
        WHERE r.version > $since AND r.version IN (SELECT version FROM _published)),
    before AS (
        SELECT t.loan_id, t.on_date, t.told, greatest(t.base, coalesce(max(o.version), 0)) AS said
        FROM told t LEFT JOIN {lake}.restated_loans o
          ON o.loan_id = t.loan_id AND o.version < t.told AND o.version > t.base
         AND t.on_date BETWEEN o.from_date AND o.through_date
         AND o.version IN (SELECT version FROM _published)
        GROUP BY t.loan_id, t.on_date, t.told, t.base)
    SELECT loan_id, on_date, told, told AS said, 1 AS sign FROM before
    UNION ALL SELECT loan_id, on_date, told, said, -1 FROM before
"""
_NONE = {
    "loan_id": pl.Int64,
    "on_date": pl.Date,
    "told": pl.Int64,
    "said": pl.Int64,
    "sign": pl.Int32,
}


@dataclass(frozen=True)
class News:
    """Published versions after `since`, beside all there are."""

    ledger: Queries
    since: int
    published: pl.DataFrame
    """`business_date`, `version`: every published version, one a date."""
    restated: pl.Series
    """Versions after `since` that restated loans."""

    def after(self, since: int) -> News:
        """The same for a mart that has more."""
        later = self.restated.filter(self.restated > since)
        news = News(self.ledger, since, self.published, later)
        if "signed" in self.__dict__:  # what was read once serves all
            news.__dict__["signed"] = self.signed.filter(pl.col("told") > since)
        return news

    @property
    def newest(self) -> int:
        """The last version."""
        return int(self.published["version"].max() or 0)  # type: ignore[arg-type]

    def closed(self, *, month_ends: bool = False) -> pl.DataFrame:
        """Dates that were closed since: `business_date`, `version`."""
        new = self.published.filter(pl.col("version") > self.since)
        is_end = pl.col("business_date") == pl.col("business_date").dt.month_end()
        return new.filter(is_end) if month_ends else new

    @cached_property
    def signed(self) -> pl.DataFrame:
        """Loans and dates that were restated since, twice: at the version that told them anew (`sign` 1), and
        as was said before (-1): `loan_id`, `on_date`, `told`, `said` (version of the rows), `sign`."""
        if self.restated.is_empty():
            return pl.DataFrame(schema=_NONE)
        return self.beside(SIGNED, {"since": self.since})

    def beside(
        self, sql: str, parameters: dict[str, int] | None = None, **tables: pl.DataFrame
    ) -> pl.DataFrame:
        """A query beside others, with `_published` and `tables` by name."""
        return self.ledger.beside(sql, parameters or [], _published=self.published, **tables)


def news_since(ledger: Queries, since: int) -> News:
    """What versions after one have; two small reads."""
    published = ledger.frame(
        f"SELECT business_date, max(version) AS version FROM {{lake}}.versions WHERE version IN {PUBLISHED} "
        "GROUP BY business_date ORDER BY version"
    )
    restated = ledger.frame(
        f"SELECT DISTINCT version FROM {{lake}}.restated_loans WHERE version > {since} "
        f"AND version IN {PUBLISHED}"
    )
    return News(ledger, since, published, restated["version"])


def between(dates: pl.DataFrame, alias: str = "p") -> str:
    """SQL condition that leaves files of other dates unread; `dates` has `business_date`."""
    if dates.is_empty():
        return "false"
    first, last = dates["business_date"].min(), dates["business_date"].max()
    assert isinstance(first, dt.date)
    assert isinstance(last, dt.date)
    return f"{alias}.business_date BETWEEN DATE '{first}' AND DATE '{last}'"
