"""The two clocks: a business date, and the version by which it is known; and rows by both in SQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from loanbook.core.contract.dates.iso_dates import from_iso
from loanbook.core.errors import LedgerError
from loanbook.core.store.queries import PUBLISHED

Day = dt.date | str | None
"""A business date, as a date or an ISO string; None: the last one."""
Known = int | str | dt.date | None
"""What is believed: a version's number, or an instant (naive: UTC; a date: to its end); None: now."""

NOW = 2**62
"""A version above all: what is known by now."""
NOT_RESTATED = (
    "NOT EXISTS (SELECT 1 FROM {{lake}}.restated_loans r WHERE r.loan_id = {row}.loan_id "
    "AND r.version > {row}.version AND {row}.business_date BETWEEN r.from_date AND r.through_date "
    f"AND r.version IN {PUBLISHED.replace('{lake}', '{{lake}}')})"
)
"""Condition that no later restatement replaced a row; `{row}` is its alias."""
NOT_RESTATED_BY = NOT_RESTATED.removesuffix(")") + " AND r.version <= ?)"
"""The same of restatements up to a version, which is bound."""


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


def each_known_last(table: str, columns: str, joins: str) -> str:
    """SQL for what `known_last` gives, of every `business_date` and `version` in table `_dates` at once.

    Columns are of `p` and of what `joins` adds; the date is `known.on_date`, its version `known.at_version`.
    """
    return f"""
        WITH known AS (
            SELECT d.business_date AS on_date, d.version AS at_version, max(v.version) AS base
            FROM _dates d JOIN {{lake}}.versions v
              ON v.business_date = d.business_date AND v.version <= d.version
            WHERE v.version IN {PUBLISHED} GROUP BY ALL),
        again AS (
            SELECT k.on_date, k.at_version, r.loan_id, max(r.version) AS told
            FROM known k JOIN {{lake}}.restated_loans r
              ON r.from_date <= k.on_date AND r.through_date >= k.on_date
             AND r.version > k.base AND r.version <= k.at_version
            WHERE r.version IN {PUBLISHED} GROUP BY ALL)
        SELECT {columns}
        FROM known JOIN {{lake}}.{table} p ON p.business_date = known.on_date
        LEFT JOIN again ON again.on_date = known.on_date AND again.at_version = known.at_version
                       AND again.loan_id = p.loan_id
        {joins}
        WHERE p.version = coalesce(again.told, known.base)
        GROUP BY ALL"""


@dataclass(frozen=True)
class Clocks:
    """Both clocks as the ledger resolves them."""

    on: dt.date
    """The business date that is looked at."""
    version: int
    """The version that closed it, of those that are believed."""
    known: int
    """The last version that is believed: restatements of the date up to it count."""
    booked: dt.date
    """The business date of that version: what was booked by then counts."""
    is_now: bool = True
    """All that is published is believed."""


def clocks(
    query: Callable[[str, list[object]], pl.DataFrame], as_of: Day, known_at: Known
) -> Clocks:
    """The clocks of what is asked for; `query` reads the views of published versions.

    Raises LedgerError, with what to write instead, for what is no date, no version and no instant, for
    a version that never was, and for a date that no version answers for by then.
    """
    day, known = business_date(as_of), known_version(query, known_at)
    rows = query("SELECT version, business_date FROM versions ORDER BY version", [])
    if rows.is_empty():
        raise LedgerError(
            "no published version answers: nothing is published yet; run `loanbook run`"
        )
    by_then = rows if known is None else rows.filter(pl.col("version") <= known)
    last, booked = by_then.row(-1)
    found = by_then if day is None else by_then.filter(pl.col("business_date") == day)
    if found.is_empty():
        first, newest = (by_then["business_date"].sort()[place] for place in (0, -1))
        raise LedgerError(
            f"no published version answers for {day}"
            + (f" at version {known}" if known is not None else "")
            + f"; published are {first} to {newest}"
        )
    version, on = found.row(-1)
    return Clocks(on, version, last, booked, last == rows["version"][-1])


def business_date(as_of: Day) -> dt.date | None:
    """The date that is asked for; LedgerError if it is none."""
    if isinstance(as_of, dt.datetime):
        return as_of.date()
    if as_of is None or isinstance(as_of, dt.date):
        return as_of
    try:
        return from_iso(as_of)
    except ValueError:
        raise LedgerError(f"{as_of!r} is no business date; write it like 2018-06-30") from None


def known_version(
    query: Callable[[str, list[object]], pl.DataFrame], known_at: Known
) -> int | None:
    """The version that is believed: the one that is named, or the last by an instant; None: now."""
    if isinstance(known_at, str) and known_at.strip().isascii() and known_at.strip().isdigit():
        known_at = int(known_at)
    if known_at is None or known_at == NOW:
        return None
    if isinstance(known_at, int):
        return _numbered(query, known_at)
    instant = _instant(known_at)
    found = query(
        "SELECT max(version) AS version, (SELECT min(settled_at) FROM publications "
        "WHERE state = 'published') AS first FROM publications "
        "WHERE state = 'published' AND settled_at <= ?",
        [instant],
    )
    version, first = found.row(0)
    if version is None:
        raise LedgerError(
            f"nothing was published by {instant:%Y-%m-%d %H:%M:%S} UTC"
            + (f"; the first version was at {first:%Y-%m-%d %H:%M:%S}" if first else "")
            + "; known at is a time of the ledger's own clock, a business date is asked for with as of"
        )
    return int(version)


def _numbered(query: Callable[[str, list[object]], pl.DataFrame], number: int) -> int:
    """A published version by its number; LedgerError names the nearest, and why it is not one."""
    versions = query("SELECT version FROM versions ORDER BY version", [])["version"].to_list()
    if number in versions:
        return number
    if not versions:
        raise LedgerError(
            f"there is no version {number}: nothing is published yet; run `loanbook run`"
        )
    nearest = max((each for each in versions if each < number), default=versions[0])
    told = ""
    if 0 <= number < NOW:
        why = query("SELECT state, reason FROM publications WHERE version = ?", [number])
        told = f" ({why['state'][0]}: {why['reason'][0]})" if why.height else ""
    raise LedgerError(
        f"version {number} was never published{told}; published are {versions[0]} to "
        f"{versions[-1]}, the nearest is {nearest}"
    )


def _instant(known_at: str | dt.date) -> dt.datetime:
    """An instant in UTC without a zone, as the ledger keeps it; a date is meant to its end."""
    if isinstance(known_at, str):
        text = known_at.strip()
        try:
            known_at = from_iso(text) if len(text) <= 10 else dt.datetime.fromisoformat(text)
            if isinstance(known_at, dt.datetime) and known_at.tzinfo is not None:
                known_at = known_at.astimezone(dt.UTC).replace(tzinfo=None)
        except (ValueError, OverflowError):
            raise LedgerError(
                f"{known_at!r} is no version and no instant; write a number such as 73, or UTC such as "
                "2018-06-30T18:00"
            ) from None
    if not isinstance(known_at, dt.datetime):
        return dt.datetime.combine(known_at, dt.time.max)
    if known_at.tzinfo is not None:
        return known_at.astimezone(dt.UTC).replace(tzinfo=None)
    return known_at
