"""Reminders as the ledger keeps them: what they are of, what became of each, and how two senders are kept apart.

A reminder that is to go out is recorded as `sending` before anything leaves, and what became of it after: of a run that was
killed between both it is known that it may have gone out.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import ENDED
from loanbook.core.catalogue.components import DUES
from loanbook.core.errors import LedgerConflictError
from loanbook.core.store.lake import LAKE, insert, patiently, transaction, utc_now
from loanbook.core.store.queries import Queries

_ROW: dict[str, pl.DataType | type[pl.DataType]] = {
    "reminder_id": pl.String, "loan_id": pl.Int64, "loan_key": pl.String, "step": pl.String, "day": pl.Date,
    "due_date": pl.Date, "amount": pl.Int64, "state": pl.String, "channel": pl.String, "template": pl.String,
    "person": pl.String, "reason": pl.String, "allowed_at": pl.Datetime("us"), "decided_at": pl.Datetime("us"), "zone": pl.String,
    "actor": pl.String, "known_on": pl.Date,
}  # fmt: skip
REMINDERS = pl.Schema(_ROW)
"""A row of what became of a reminder: `state` of `STATES`, instants in UTC, `template` as POLICY@VERSION/NUMBER."""
STATES = {
    "suppressed": "it was not to go out: `reason` says why",
    "sending": "it is being sent, or the run that sent it was killed",
    "sent": "a service took it",
    "failed": "no service took it",
    "unsure": "the run that sent it was killed: it may have gone out",
}
"""What becomes of a reminder. The last row of one counts."""
REMINDABLE = f"""
    WITH of AS (
        SELECT loan_id, days_past_due, oldest_due_date, next_due_date, {" + ".join(DUES)} AS amount_due
        FROM positions_at($on, $known)
        WHERE status NOT IN ({", ".join(map(str, ENDED))})
          AND (days_past_due > 0 OR next_due_date BETWEEN $on + 1 AND $horizon OR loan_id IN (SELECT unnest($loans)))),
    place AS (
        SELECT loan_id, last(jurisdiction ORDER BY version) AS place FROM loans
        WHERE close_reason IS NULL AND version <= $known AND loan_id IN (SELECT loan_id FROM of) GROUP BY loan_id),
    speaks AS (
        SELECT loan_id, any_value(value) AS language FROM loan_attributes
        WHERE name = 'language' AND value <> '' GROUP BY loan_id),
    last AS (
        SELECT loan_id, arg_max(zone, (occurred_at, contact_id)) AS zone FROM contacts
        WHERE known_on <= $booked AND agent <> '' AND loan_id IN (SELECT loan_id FROM of) GROUP BY loan_id)
    SELECT l.loan_id, k.loan_key, cu.name AS currency, split_part(pr.name, '@', 1) AS product, p.place, s.language, c.zone,
           l.days_past_due, l.oldest_due_date, l.amount_due, l.next_due_date BETWEEN $on + 1 AND $horizon AS comes, en.name AS lender
    FROM of l JOIN loan_keys k ON k.loan_id = l.loan_id
    LEFT JOIN products pr ON pr.code = k.product LEFT JOIN entities en ON en.code = k.entity
    LEFT JOIN currency_names cu ON cu.code = k.currency
    LEFT JOIN place p ON p.loan_id = l.loan_id LEFT JOIN speaks s ON s.loan_id = l.loan_id
    LEFT JOIN last c ON c.loan_id = l.loan_id
    ORDER BY l.loan_id
"""
"""Loans that are late, of which something falls due by a horizon, or that are named; `place` packed. Where a reminder took its borrower
to be says nothing of where they are."""
_NOW = """
    SELECT * EXCLUDE (recorded_at), recorded_at,
           count(*) FILTER (WHERE state = 'failed') OVER (PARTITION BY reminder_id) AS failures
    FROM {table} WHERE {among}
    QUALIFY row_number() OVER (PARTITION BY reminder_id ORDER BY recorded_at DESC, state = 'sending') = 1
    ORDER BY day, loan_key, reminder_id
"""
NOW = _NOW.format(
    table="reminders", among="known_on <= $booked AND ($loan IS NULL OR loan_id = $loan)"
)
"""Each reminder with what became of it last, and how often no service took it."""
_TRIES = 5
COUNTED = """
    WITH now AS (
        SELECT r.* FROM reminders r JOIN loan_keys k ON k.loan_id = r.loan_id
        WHERE r.known_on <= $last + 1 AND r.day BETWEEN $first AND $last + 1 AND k.currency = $currency
        QUALIFY row_number() OVER (PARTITION BY r.reminder_id ORDER BY r.recorded_at DESC, r.state = 'sending') = 1)
    SELECT step, count(*) AS reminders, count(*) FILTER (WHERE state = 'sent') AS sent,
           count(*) FILTER (WHERE state = 'suppressed') AS suppressed,
           count(*) FILTER (WHERE state NOT IN ('sent', 'suppressed')) AS other,
           mode(reason) FILTER (WHERE state = 'suppressed') AS most_often
    FROM now GROUP BY step ORDER BY reminders DESC, step
"""
"""Reminders for the days of a period by step, of loans of a currency, with the reason that suppressed most."""
SENT = ("sending", "sent", "unsure")
"""States of reminders that went out, or may have."""


def reminders_of(ledger: Queries, ids: list[str]) -> pl.DataFrame:
    """Reminders that are known among ids: `REMINDERS`, `failures`, `recorded_at`."""
    return ledger.frame(_latest("reminder_id IN (SELECT unnest($ids))"), {"ids": ids})


def _latest(among: str) -> str:
    return _NOW.format(table="{lake}.reminders", among=among)


def unfinished(ledger: Queries, before: dt.datetime) -> pl.DataFrame:
    """Reminders of which a run says, since before an instant (UTC), that it is sending them: it was killed."""
    now = f"SELECT * FROM ({_latest('true')}) WHERE state = 'sending' AND recorded_at <= $before"
    return ledger.frame(now, {"before": before})


def last_sent(ledger: Queries, loans: pl.Series, but: list[str]) -> pl.DataFrame:
    """`loan_id`, `last_sent_on` of loans of which a reminder went out, or may have; `but` of ids that are decided anew."""
    return ledger.beside(
        f"SELECT loan_id, max(day) AS last_sent_on FROM ({_latest('loan_id IN (SELECT loan_id FROM _ids)')}) "
        f"WHERE state IN ({', '.join(repr(each) for each in SENT)}) AND reminder_id NOT IN (SELECT unnest($but)) "
        "GROUP BY loan_id",
        {"but": but},
        _ids=loans.to_frame("loan_id"),
    )


def claim(ledger: Queries, rows: pl.DataFrame, known: dict[str, str]) -> bool:
    """Record reminders (`REMINDERS`) as being sent, unless another run took one of them since `known` (state by id) was read: when
    it was decided that they go.

    One row moves with each claim, so that of two senders the second is refused, whatever keeps the catalogue.
    """

    def add() -> bool:
        with transaction(ledger.connection):
            ledger.connection.execute(f"UPDATE {LAKE}.reminder_claims SET claims = claims + 1")
            now = reminders_of(ledger, rows["reminder_id"].to_list())
            if dict(now.select("reminder_id", "state").rows()) != known:
                return False
            _insert(ledger, "reminders", rows)
        return True

    try:
        return patiently(add)
    except LedgerConflictError:
        return False


def keep(ledger: Queries, rows: pl.DataFrame, contacts: pl.DataFrame | None = None) -> None:
    """Record what became of reminders (`REMINDERS`), and those that went out in the contact log."""

    def add() -> None:
        with transaction(ledger.connection):
            _insert(ledger, "reminders", rows)
            if contacts is not None and contacts.height:
                _insert(ledger, "contacts", contacts)

    for _ in range(_TRIES - 1):
        try:
            return patiently(add)
        except LedgerConflictError:  # nothing of it was kept: another run committed first
            continue
    return patiently(add)


def _insert(ledger: Queries, table: str, rows: pl.DataFrame) -> None:
    now = pl.lit(utc_now()).cast(pl.Datetime("us"))
    insert(ledger.connection, table, rows.with_columns(recorded_at=now))
