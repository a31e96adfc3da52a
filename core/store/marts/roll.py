"""Roll: where the money of a month end stood a month before, loan by loan, summed.

A row a pair of states: status and days past due at the month end before and at this one. Loans that were not
in the book before have no `from_status`; those that ended have that end as `to_status`. So rows of one `from` sum to
what stood there.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.store.marts.changes import COHORT
from loanbook.core.store.marts.mart import KEYS, LOAN, Column, Mart
from loanbook.core.store.marts.news import News, between
from loanbook.core.store.marts.state import COHORT_COLUMN

ENDED_AS = f"""
    CASE replace(e.close_reason, ' ', '_')
    {" ".join(f"WHEN '{each.name}' THEN {each.value}" for each in Status)} ELSE {Status.closed.value} END
"""
"""SQL of the status that an end `e` (`close_reason`) comes to."""


def _rows(news: News, mart: Mart) -> pl.DataFrame:
    ends = _with_before(news.closed(month_ends=True))
    parts = [_closed(news, mart, end) for end in ends.iter_slices(1)]
    return pl.concat([mart.empty, *parts, _restated(news, mart)], how="vertical_relaxed")


def _with_before(ends: pl.DataFrame) -> pl.DataFrame:
    """Month ends (`business_date`) with the one `before`."""
    return ends.with_columns(before=pl.col("business_date").dt.month_start() - pl.duration(days=1))


_PAIRS = f"""
    SELECT s.version, s.business_date, {{select}} FROM _states s
    JOIN {{{{lake}}}}.loan_keys l ON l.loan_id = s.loan_id {COHORT.replace("{lake}", "{{lake}}")}
    LEFT JOIN (
        SELECT k.loan_id, k.known, last(o.closed_on ORDER BY o.version, o.closed_on NULLS LAST) AS closed_on,
               last(o.close_reason ORDER BY o.version, o.closed_on NULLS LAST) AS close_reason
        FROM (SELECT DISTINCT loan_id, known FROM _states WHERE to_status IS NULL) k
        JOIN {{{{lake}}}}.loans o ON o.loan_id = k.loan_id AND o.version <= k.known
        WHERE o.close_reason IS NOT NULL AND o.version IN (SELECT version FROM _published)
        GROUP BY ALL) e ON e.loan_id = s.loan_id AND e.known = s.known
    GROUP BY ALL
"""
"""Sums over `_states`: `loan_id`, `version`, `business_date`, `known` (version), `sign`, and both states."""


def _closed(news: News, mart: Mart, end: pl.DataFrame) -> pl.DataFrame:
    """All loans of a month end and of the one before, the latter as known at its close."""
    states = news.beside(
        f"""
        WITH base AS (SELECT max(v.version) AS version FROM _published v, _end
                      WHERE v.business_date = _end.before),
        again AS (
            SELECT r.loan_id, max(r.version) AS told FROM {{lake}}.restated_loans r, base, _end
            WHERE _end.before BETWEEN r.from_date AND r.through_date AND r.version > base.version
              AND r.version <= _end.version AND r.version IN (SELECT version FROM _published) GROUP BY r.loan_id),
        f AS (
            SELECT p.loan_id, p.status, p.days_past_due, p.principal FROM {{lake}}.positions p
            LEFT JOIN again ON again.loan_id = p.loan_id, base
            WHERE {between(end.select(business_date="before"))}
              AND p.version = coalesce(again.told, base.version)),
        t AS (
            SELECT p.loan_id, p.status, p.days_past_due, p.principal
            FROM {{lake}}.positions p JOIN _end ON _end.version = p.version
            WHERE {between(end)})
        SELECT coalesce(t.loan_id, f.loan_id) AS loan_id, _end.version, _end.business_date,
               _end.version AS known, 1 AS sign, f.status AS from_status, f.days_past_due AS from_days,
               f.principal AS from_principal, t.status AS to_status, t.days_past_due AS to_days,
               t.principal AS to_principal
        FROM f FULL JOIN t ON t.loan_id = f.loan_id, _end
        """,
        _end=end,
    )
    return _summed(news, mart, states)


def _restated(news: News, mart: Mart) -> pl.DataFrame:
    """What restating versions changed of a month end or of the one before it, which had been closed."""
    told = news.signed.filter(
        (pl.col("sign") > 0) & (pl.col("on_date") == pl.col("on_date").dt.month_end())
    )
    this = told.select("loan_id", business_date="on_date", version="told")
    following = this.with_columns(
        (pl.col("business_date") + pl.duration(days=1)).dt.month_end().alias("business_date")
    )
    closed = news.published.rename({"version": "base"})
    touched = _with_before(
        pl.concat([this, following]).unique()
        .join(closed, on="business_date").filter(pl.col("base") < pl.col("version")).drop("base")
    )  # fmt: skip
    if touched.is_empty():
        return mart.empty
    points = pl.concat(
        [touched.with_columns(known=pl.col("version") - back, sign=pl.lit(sign, dtype=pl.Int32))
         for back, sign in ((0, 1), (1, -1))]
    )  # fmt: skip
    states = points.select("loan_id", "version", "business_date", "known", "sign")
    for side, on in (("from", "before"), ("to", "business_date")):
        at = _states_at(news, points.select("loan_id", "known", on_date=on).unique())
        named = at.rename({c: f"{side}_{c}" for c in ("status", "days", "principal")})
        keyed = points.select("loan_id", "version", "business_date", "known", "sign", on_date=on)
        found = keyed.join(named, on=["loan_id", "known", "on_date"], how="left")
        states = states.join(
            found.drop("on_date"), on=["loan_id", "version", "business_date", "known", "sign"]
        )
    lived = states.filter(pl.col("from_status").is_not_null() | pl.col("to_status").is_not_null())
    return _summed(news, mart, lived)


def _states_at(news: News, points: pl.DataFrame) -> pl.DataFrame:
    """`status`, `days`, `principal` of loans on dates (`on_date`), each as known at a version (`known`)."""
    return news.beside(
        f"""
        WITH stood AS (
            SELECT q.loan_id, q.on_date, q.known, greatest(b.version, coalesce(max(r.version), 0)) AS said
            FROM _points q JOIN _published b ON b.business_date = q.on_date AND b.version <= q.known
            LEFT JOIN {{lake}}.restated_loans r ON r.loan_id = q.loan_id AND r.version <= q.known
              AND q.on_date BETWEEN r.from_date AND r.through_date AND r.version IN (SELECT version FROM _published)
            GROUP BY q.loan_id, q.on_date, q.known, b.version)
        SELECT a.loan_id, a.on_date, a.known, p.status, p.days_past_due AS days, p.principal
        FROM stood a JOIN {{lake}}.positions p
          ON p.loan_id = a.loan_id AND p.business_date = a.on_date AND p.version = a.said
        WHERE {between(points.select(business_date="on_date"))}
        """,
        _points=points,
    )


def _summed(news: News, mart: Mart, states: pl.DataFrame) -> pl.DataFrame:
    sql = _PAIRS.format(select=mart.select("s.sign"))
    return news.beside(f"SELECT * FROM ({sql}) WHERE {mart.changes_anything}", _states=states)


MART = Mart(
    "roll",
    "Where the money of a month end stood a month before: loans and principal by the states at both, "
    "product, currency and month of origination.",
    {
        **KEYS,
        **LOAN,
        "cohort": COHORT_COLUMN,
        "from_status": Column(
            pl.Int8, "status a month before; null: not in the book", "code of status_names", "s.from_status"
        ),
        "from_days": Column(pl.Int32, "days past due a month before", "days", "s.from_days"),
        "to_status": Column(
            pl.Int8, "status now, or the end that came meanwhile", "code of status_names",
            f"coalesce(s.to_status, {ENDED_AS})",
        ),
        "to_days": Column(pl.Int32, "days past due now; null: ended", "days", "s.to_days"),
        "loans": Column(pl.Int64, "how many loans", "count", total_of="1"),
        "from_principal": Column(
            pl.Int64, "their principal a month before", "minor units",
            total_of="coalesce(s.from_principal, 0)",
        ),
        "to_principal": Column(
            pl.Int64, "their principal now", "minor units", total_of="coalesce(s.to_principal, 0)"
        ),
    },
    _rows,
)  # fmt: skip
