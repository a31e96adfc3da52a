"""Outcomes: a row a loan, with its terms at boarding and the first day of everything that befell it.

Cumulative measures of any cohort and filter are sums over these rows. An earlier business date is read by
leaving later days out; an earlier version by rows that were kept: a loan has one for each stretch of versions
between two that restated it (`since_version`), and of a stretch the last row (`version`) tells most.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.store.marts.mart import KEYS, LOAN, Column, Mart
from loanbook.core.store.marts.news import News, between

DAYS = (30, 60, 90)
"""Days past due whose first day is kept."""
_LATE = "(p.days_past_due >= 30 OR p.charged_off_on IS NOT NULL)"


_KEPT = f"""
    SELECT loan_id, since_version, version, charged_off_on, principal_charged_off,
           {", ".join(f"first_{days}_on, principal_{days}" for days in DAYS)}
    FROM {{lake}}.outcomes WHERE version IN (SELECT version FROM _published)
    QUALIFY row_number() OVER (PARTITION BY loan_id ORDER BY since_version DESC, version DESC) = 1
"""
"""What is kept of each loan last."""
_FIRST_TIME = " OR ".join(
    [f"(p.days_past_due >= {days} AND k.first_{days}_on IS NULL)" for days in DAYS]
    + ["(p.charged_off_on IS NOT NULL AND k.charged_off_on IS NULL)"]
)
"""A position `p` of a day on which something befell the loan that had not before, by what is kept (`k`)."""


def _changed_loans(news: News) -> pl.DataFrame:
    """Loans of which versions since told something that an outcome may have: `loan_id`, `anew` (days of before that
    are kept were told anew)."""
    new = f"version IN (SELECT version FROM _published WHERE version > {news.since})"
    return news.beside(
        f"""
        WITH kept AS ({_KEPT}),
        again AS (SELECT loan_id, version FROM {{lake}}.restated_loans WHERE version IN (SELECT version FROM _published)),
        changed AS (
            SELECT loan_id FROM {{lake}}.loans WHERE {new}
            UNION
            SELECT loan_id FROM again WHERE {new}
            UNION
            SELECT p.loan_id FROM {{lake}}.positions p LEFT JOIN kept k ON k.loan_id = p.loan_id
            WHERE p.{new} AND ({_FIRST_TIME}) AND {between(news.closed())})
        SELECT c.loan_id, coalesce(max(a.version) > coalesce(any_value(k.since_version), 0), false) AS anew
        FROM changed c LEFT JOIN kept k ON k.loan_id = c.loan_id LEFT JOIN again a ON a.loan_id = c.loan_id
        GROUP BY c.loan_id
        """
    )


_MARKS = " UNION ALL ".join(
    f"SELECT k.loan_id, k.version, k.{on} AS business_date, {days} AS days_past_due, {charged_off} AS charged_off_on, "
    f"k.{principal} AS principal FROM kept k JOIN _loans l ON l.loan_id = k.loan_id "
    f"WHERE NOT l.anew AND k.{on} IS NOT NULL"
    for on, days, charged_off, principal in [
        *((f"first_{days}_on", days, "NULL::DATE", f"principal_{days}") for days in DAYS),
        ("charged_off_on", 0, "k.charged_off_on", "principal_charged_off"),
    ]
)
"""What is kept of loans, as days on which it befell them."""


def _late_days(news: News, loans: pl.DataFrame) -> pl.DataFrame:
    """Days on which loans were late or charged off: `loan_id`, `version`, `business_date`, `days_past_due`,
    `charged_off_on`, `principal`.

    Of loans that were told anew every day there is. Of others the days since, and for all before them what is kept:
    so a night reads its own positions, however many there were.
    """
    positions = (
        "SELECT p.loan_id, p.version, p.business_date, p.days_past_due, p.charged_off_on, p.principal "
        "FROM {lake}.positions p JOIN _loans l ON l.loan_id = p.loan_id "
        f"WHERE {_LATE} AND p.version IN (SELECT version FROM _published)"
    )
    days = news.beside(
        f"WITH kept AS ({_KEPT}) {positions} AND NOT l.anew AND p.version > {news.since} "
        f"AND {between(news.closed())} UNION ALL {_MARKS}",
        _loans=loans,
    )
    anew = loans.filter("anew")
    if anew.is_empty():
        return days
    return pl.concat([days, news.beside(positions, _loans=anew)], how="vertical_relaxed")


_STRETCHES = """
    boarded AS (
        SELECT o.* FROM {lake}.loans o JOIN _loans USING (loan_id)
        WHERE o.close_reason IS NULL AND o.version IN (SELECT version FROM _published)
        QUALIFY row_number() OVER (PARTITION BY o.loan_id ORDER BY o.version) = 1),
    begun AS (
        SELECT loan_id, version AS since_version FROM boarded
        UNION
        SELECT r.loan_id, r.version FROM {lake}.restated_loans r JOIN boarded b USING (loan_id)
        WHERE r.version > b.version AND r.version IN (SELECT version FROM _published)),
    spans AS (
        SELECT loan_id, since_version,
               lead(since_version) OVER (PARTITION BY loan_id ORDER BY since_version) AS until FROM begun),
    stretches AS (
        SELECT s.loan_id, s.since_version, max(v.version) AS version
        FROM spans s JOIN _published v
          ON v.version >= s.since_version AND v.version < coalesce(s.until, $newest + 1)
        GROUP BY s.loan_id, s.since_version
        HAVING max(v.version) > $since)
"""
"""Stretches of versions between those that restated a loan, and the last version of each."""
_FIRST = ", ".join(
    f"min(business_date) FILTER (WHERE days_past_due >= {days}) AS first_{days}_on, "
    f"arg_min(principal, business_date) FILTER (WHERE days_past_due >= {days}) AS principal_{days}"
    for days in DAYS
)
_OUTCOMES = f"""
    WITH {_STRETCHES},
    late AS (
        SELECT s.loan_id, s.since_version, p.business_date, p.days_past_due, p.charged_off_on, p.principal
        FROM stretches s JOIN _late p ON p.loan_id = s.loan_id AND p.version <= s.version
        WHERE NOT EXISTS (
            SELECT 1 FROM {{lake}}.restated_loans r WHERE r.loan_id = p.loan_id AND r.version > p.version
              AND r.version <= s.version AND p.business_date BETWEEN r.from_date AND r.through_date
              AND r.version IN (SELECT version FROM _published))),
    firsts AS (
        SELECT loan_id, since_version, {_FIRST}, min(charged_off_on) AS charged_off_on,
               arg_min(principal, business_date) FILTER (WHERE charged_off_on IS NOT NULL)
                 AS principal_charged_off
        FROM late GROUP BY loan_id, since_version),
    ended AS (
        SELECT s.loan_id, s.since_version,
               last(o.closed_on ORDER BY o.version, o.closed_on NULLS LAST) AS closed_on,
               last(o.close_reason ORDER BY o.version, o.closed_on NULLS LAST) AS close_reason
        FROM stretches s JOIN {{lake}}.loans o ON o.loan_id = s.loan_id AND o.version <= s.version
        WHERE o.close_reason IS NOT NULL AND o.version IN (SELECT version FROM _published) GROUP BY s.loan_id, s.since_version)
    SELECT s.version, v.business_date, s.since_version, b.loan_id, l.entity, l.product, l.currency,
           b.boarded_on, b.disbursed_on, b.first_due_date, b.taken_over_on, b.principal_agreed AS amount,
           b.rate_ppb, (b.instalments * b.every)::INTEGER AS term, b.unit, {
    ", ".join(f"f.first_{days}_on, f.principal_{days}" for days in DAYS)
},
           f.charged_off_on, f.principal_charged_off, e.closed_on,
           CASE WHEN e.closed_on IS NOT NULL THEN e.close_reason END AS close_reason
    FROM stretches s JOIN boarded b USING (loan_id) JOIN {{lake}}.loan_keys l USING (loan_id)
    JOIN _published v ON v.version = s.version
    LEFT JOIN firsts f ON f.loan_id = s.loan_id AND f.since_version = s.since_version
    LEFT JOIN ended e ON e.loan_id = s.loan_id AND e.since_version = s.since_version
"""


def _rows(news: News, mart: Mart) -> pl.DataFrame:
    """Rows of loans whose outcome is another than the last one kept of the stretch."""
    loans = _changed_loans(news)
    if loans.is_empty():
        return mart.empty
    loans, late = loans.select("loan_id"), _late_days(news, loans)
    made = news.beside(
        _OUTCOMES, {"since": news.since, "newest": news.newest}, _loans=loans, _late=late
    ).select(mart.schema.keys())
    kept = news.beside(
        "SELECT * FROM {lake}.outcomes JOIN _loans USING (loan_id) WHERE version IN "
        "(SELECT version FROM _published) QUALIFY row_number() OVER (PARTITION BY loan_id, since_version "
        "ORDER BY version DESC) = 1",
        _loans=loans,
    ).select(mart.schema.keys())
    told = [name for name in mart.columns if name not in KEYS]
    made, kept = (each.cast(mart.schema) for each in (made, kept))  # type: ignore[arg-type]
    return made.join(kept.select(told), on=told, how="anti", nulls_equal=True)


def _dated(column: str, of: str) -> str:
    return f"CASE WHEN {column} <= $on OR $on IS NULL THEN {of} END AS {of}"


_KNOWN_COLUMNS = ", ".join(
    [f"{_dated(f'first_{days}_on', name)}" for days in DAYS
     for name in (f"first_{days}_on", f"principal_{days}")]
    + [_dated("charged_off_on", name) for name in ("charged_off_on", "principal_charged_off")]
    + [_dated("closed_on", name) for name in ("close_reason", "closed_on")]
)  # fmt: skip
READ = f"""
    WITH kept AS (
        SELECT * FROM outcomes WHERE since_version <= $known_at
        QUALIFY row_number() OVER (PARTITION BY loan_id ORDER BY since_version DESC, version DESC) = 1)
    SELECT version, business_date, since_version, loan_id, entity, product, currency, boarded_on,
           disbursed_on, first_due_date, taken_over_on, amount, rate_ppb, term, unit, {_KNOWN_COLUMNS}
    FROM kept WHERE $on IS NULL OR coalesce(boarded_on, disbursed_on) <= $on ORDER BY loan_id
"""
"""A row a loan, what came after the date left out. Of an earlier version ask for its business date too."""
MART = Mart(
    "outcomes",
    "A row a loan: terms at boarding, and the first day of 30, 60 and 90 days past due, charge-off and end.",
    {
        **KEYS,
        "since_version": Column(pl.Int64, "version since which the row is believed", "key"),
        "loan_id": Column(pl.Int64, "the loan", "key"),
        **LOAN,
        "boarded_on": Column(pl.Date, "business date that took it into the book", "date"),
        "disbursed_on": Column(pl.Date, "date of its first payout", "date"),
        "first_due_date": Column(pl.Date, "its first due date", "date"),
        "taken_over_on": Column(pl.Date, "taken over in mid-life; null: made here", "date"),
        "amount": Column(pl.Int64, "what was lent; of a line of credit, its limit", "minor units"),
        "rate_ppb": Column(pl.Int64, "nominal rate at boarding", "parts per billion a year"),
        "term": Column(pl.Int32, "its length, counted in `unit`", "count"),
        "unit": Column(pl.Int8, "what the length counts", "code of Unit"),
        **{
            name: column
            for days in DAYS
            for name, column in {
                f"first_{days}_on": Column(pl.Date, f"first day {days} days past due", "date"),
                f"principal_{days}": Column(pl.Int64, "its principal on that day", "minor units"),
            }.items()
        },
        "charged_off_on": Column(pl.Date, "day of its charge-off", "date"),
        "principal_charged_off": Column(pl.Int64, "its principal on that day", "minor units"),
        "closed_on": Column(pl.Date, "day of its end", "date"),
        "close_reason": Column(pl.String, "how it ended", "text"),
    },
    _rows,
    READ,
)
