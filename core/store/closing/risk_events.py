"""The outbox of risk events: rows of a version, numbered; what had been said of days; what is said of a version that is
taken back.

Numbers go by version and part, so that parts number theirs apart and no number is given twice; there are gaps, and
order is all that they mean. Rows of versions that were rejected are never read.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import polars as pl

from loanbook.core.catalogue.recovery import LEGAL_ENDS
from loanbook.core.risk_events.catalogue import ENDED_BY, RISK_EVENTS, Cause
from loanbook.core.risk_events.changes import KEY, changes
from loanbook.core.risk_events.notices import NOTICES, notice_changes
from loanbook.core.risk_events.restating import CORRECTED, SAID
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.loan.book import Book
from loanbook.core.store.lake import LAKE, utc_now
from loanbook.core.store.queries import HOLDERS, TOLD, Queries

A_VERSION, A_PART = 10**13, 10**9
"""Numbers that a version has, and each part of it."""
TAKING_BACK = 9_999
"""The part of what is said when a version is taken back."""


def outbox_rows(
    corrected: pl.DataFrame, changed: pl.DataFrame, place: tuple[int, int]
) -> pl.DataFrame:
    """Rows of `risk_events` without the version: corrections (`CORRECTED`), then the day's changes (`CHANGES`)."""
    version, part = place
    assert part < TAKING_BACK, "parts of a version are counted below the one for taking it back"
    none = pl.DataFrame(schema=CORRECTED)
    if corrected.is_empty() and changed.is_empty():
        return none
    rows = pl.concat([none, corrected, changed], how="diagonal")
    first = version * A_VERSION + part * A_PART + 1
    return rows.with_columns(
        sequence=pl.int_range(first, first + rows.height, dtype=pl.Int64),
        recorded_at=pl.lit(utc_now()),
    )


@dataclass(frozen=True)
class Outbox:
    """What the next version has to tell that no version told."""

    opening: bool
    """Nothing was told of the ledger yet: versions that are published are of a release that told nothing."""
    notices: pl.DataFrame
    """Of loans that something came to be known of (`NOTICES`)."""
    since: dt.datetime | None
    """When the parent was committed; None: it waits for that itself, and knew all that was taken in."""

    def changes(self, before: Book, closed: DayClose) -> pl.DataFrame:
        """What a close changed (`CHANGES`), and what came to be known for it."""
        ids = closed.book.positions["loan_id"]
        heard = self.notices
        if heard.height:
            heard = heard.filter(pl.col("loan_id").is_in(ids.implode()))
        of_positions = changes(before, closed, opening=self.opening)
        return pl.concat([of_positions, notice_changes(heard, closed.date, self.since)])

    def next_day(self) -> Outbox:
        """Of the day after it in the same run."""
        return replace(self, opening=False, since=None)


_PARENT = f"""
    SELECT (SELECT committed_at FROM {{lake}}.versions WHERE version = $parent) AS committed_at,
           EXISTS (SELECT 1 FROM {{lake}}.risk_events WHERE version <= $parent AND version IN {TOLD}) AS told
"""
_HEARD = f"""
    WITH heard AS (
        SELECT loan_id, stated_at, preference_id AS reference, kind, known_on, recorded_at FROM {{lake}}.contact_preferences
        WHERE kind IN (SELECT unnest($kinds))
        UNION ALL
        SELECT loan_id, stated_at, notice_id, kind, known_on, recorded_at FROM {{lake}}.notices
        UNION ALL
        SELECT loan_id, stated_at, legal_id, CASE WHEN list_contains($over, stage) THEN 'legal_ended' ELSE 'legal' END, known_on, recorded_at
        FROM {{lake}}.legal_steps
        UNION ALL
        SELECT loan_id, stated_at, placement_id, CASE step WHEN 'placed' THEN 'placed' ELSE 'recalled' END, known_on, recorded_at
        FROM {{lake}}.placements {HOLDERS})
    SELECT * FROM heard WHERE loan_id IN (SELECT loan_id FROM heard WHERE known_on >= $first OR recorded_at > $since)
"""


def outbox_of(ledger: Queries, first: dt.date, parent: int) -> Outbox:
    """What is to be told from a date on, upon a version (0: none)."""
    with ledger.aside() as state:
        committed, told = state.one(_PARENT, {"parent": parent})
        since = committed if told else dt.datetime.min
        asked = {
            "kinds": [*ENDED_BY, *ENDED_BY.values()],
            "over": [*LEGAL_ENDS],
            "first": first,
            "since": since,
        }
        heard = state.frame(_HEARD, asked).cast(NOTICES)  # type: ignore[arg-type]
    return Outbox(bool(parent) and not told, heard, since)


def said_of(ledger: Queries, since: pl.DataFrame) -> pl.DataFrame:
    """What was said last (`SAID`) of loans and dates; `since`: `loan_id`, `from_date`."""
    rows = ledger.beside(
        f"SELECT {', '.join(f'r.{name}' for name in SAID)} FROM {{lake}}.risk_events r JOIN _since s USING (loan_id) "
        f"WHERE r.business_date >= ? AND r.business_date >= s.from_date AND r.version IN {TOLD} "
        f"AND r.kind IN ({_OF_POSITIONS}) "
        f"QUALIFY row_number() OVER (PARTITION BY {', '.join(f'r.{name}' for name in KEY)} ORDER BY r.sequence DESC) = 1",
        [since["from_date"].min()], _since=since,
    )  # fmt: skip
    return rows.cast(SAID)  # type: ignore[arg-type]


_OF_POSITIONS = ", ".join(str(each.code) for each in RISK_EVENTS if each.of_positions)
_DEFAULTS = ", ".join(
    f"({each.code}, {'NULL' if each.default is None else each.default}::INTEGER)"
    for each in RISK_EVENTS
)
_TAKEN_BACK = f"""
    INSERT INTO {LAKE}.risk_events BY NAME
    WITH told AS (
        SELECT * FROM {LAKE}.risk_events WHERE version BETWEEN $first AND $last AND version IN {TOLD.format(lake=LAKE)}
        QUALIFY row_number() OVER (PARTITION BY loan_id, business_date, kind ORDER BY sequence DESC) = 1),
    stood AS (
        SELECT * FROM {LAKE}.risk_events WHERE version < $first AND version IN {TOLD.format(lake=LAKE)}
          AND loan_id IN (SELECT loan_id FROM told)
        QUALIFY row_number() OVER (PARTITION BY loan_id, business_date, kind ORDER BY sequence DESC) = 1),
    holds AS (
        SELECT t.*, s.now AS holds, CASE WHEN s.business_date = t.business_date THEN s.before ELSE s.now END AS held
        FROM told t ASOF LEFT JOIN stood s
          ON s.loan_id = t.loan_id AND s.kind = t.kind AND t.business_date >= s.business_date)
    SELECT $last::BIGINT * {A_VERSION} + {TAKING_BACK * A_PART} + row_number() OVER (ORDER BY h.business_date, loan_id, kind) AS sequence,
           $last AS version, loan_id, h.business_date, kind, coalesce(held, d.state) AS before,
           coalesce(holds, d.state) AS now, {Cause.withdrawal.value} AS cause, NULL AS event_ids,
           h.sequence AS corrects, now()::TIMESTAMP AS recorded_at
    FROM holds h JOIN (VALUES {_DEFAULTS}) AS d(kind, state) USING (kind)
"""


def take_back(ledger: Queries, first: int, last: int) -> None:
    """Say of what published versions had told what held before them, within the transaction that takes them back."""
    ledger.connection.execute(_TAKEN_BACK, {"first": first, "last": last})
