"""Returns, changes and what was asked of a loan, as people read them."""

from __future__ import annotations

from loanbook.core.store.banking.singly import BOOKED, TOLD

RETURNS = """
    SELECT r.returned_on, r.rail, r.originator, r.code, k.loan_key, r.mandate, r.amount, r.currency, r.outcome, r.why,
           i.due_date, i.attempt, i.effective, r.original, r.trace, r.instruction_key
    FROM payment_returns r LEFT JOIN loan_keys k ON k.loan_id = r.loan_id
    LEFT JOIN instructions i ON i.key = r.instruction_key
    WHERE r.returned_on BETWEEN $first AND $last AND ($loan IS NULL OR k.loan_key = $loan)
    ORDER BY r.returned_on, r.line
"""
"""Returns of a range of dates, with the debit that each brings back."""
CHANGES = """
    SELECT c.notified_on, c.rail, c.code, k.loan_key, c.mandate, c.outcome, c.why, c.original
    FROM account_changes c LEFT JOIN loan_keys k ON k.loan_id = c.loan_id
    WHERE c.notified_on BETWEEN $first AND $last AND ($loan IS NULL OR k.loan_key = $loan)
    ORDER BY c.notified_on, c.line
"""
"""Notifications of change of a range of dates."""
CHAIN = """
    SELECT i.due_date, i.purpose, i.attempt, i.effective, i.amount, i.currency, f.name AS file, h.handed_over_at,
           r.code, r.returned_on, r.outcome, r.why
    FROM instructions i JOIN loan_keys k ON k.loan_id = i.loan_id JOIN files_out f ON f.file_key = i.file_key
    LEFT JOIN files_handed_over h ON h.file_key = i.file_key
    LEFT JOIN payment_returns r ON r.instruction_key = i.key
    WHERE k.loan_key = $loan ORDER BY i.effective, i.due_date, i.attempt
"""
"""All that was asked of a loan, or paid out, with what came back."""
MET = """
    SELECT i.due_date AS asked_for, i.attempt, i.effective, a.instalment_no, coalesce(c.name, 'credit') AS component,
           sum(a.amount)::BIGINT AS amount, i.currency
    FROM instructions i JOIN loan_keys k ON k.loan_id = i.loan_id
    JOIN events e ON e.loan_id = i.loan_id AND e.source_ref = i.key
    JOIN allocations_now a ON a.loan_id = e.loan_id AND a.event_id = e.event_id
    LEFT JOIN component_names c ON c.code = a.component
    WHERE k.loan_key = $loan GROUP BY ALL ORDER BY i.effective, i.due_date, i.attempt, a.instalment_no, component
"""
"""Which instalments the payments met that were asked of a loan, as known now: of one that came back nothing."""
COMING = """
    SELECT i.effective, f.originator, i.direction, count(*) AS payments, sum(i.amount)::BIGINT AS amount, i.currency
    FROM instructions i JOIN files_out f ON f.file_key = i.file_key
    WHERE i.effective > $on AND f.business_date <= $on + INTERVAL 1 DAY AND i.amount > 0
      AND i.key NOT IN (SELECT instruction_key FROM payment_returns WHERE instruction_key IS NOT NULL
                        AND outcome IN ('reversal', 'chargeback', 'rejected') AND returned_on <= $on)
    GROUP BY ALL ORDER BY i.effective, f.originator, i.direction
"""
"""What clears after a date, by day: payments of files that were sent, less those that came back."""

SENT = f"""
    WITH made AS (SELECT * FROM files_out WHERE business_date BETWEEN $first AND $on),
    {TOLD.format(entries="bank_entries", when="")},
    booked AS (SELECT file_key, sum(amount)::BIGINT AS as_one FROM file_settlements WHERE entry_class <> 'collected'
               GROUP BY file_key),
    each AS (
        SELECT i.file_key, min(i.effective) AS effective,
               coalesce(sum(i.amount) FILTER (WHERE {BOOKED}), 0)::BIGINT AS singly,
               coalesce(sum(i.amount) FILTER (WHERE i.key IN (SELECT instruction_key FROM payment_returns
                                                              WHERE outcome IN ('reversal', 'chargeback', 'rejected'))), 0)::BIGINT AS back
        FROM instructions i WHERE i.file_key IN (SELECT file_key FROM made) GROUP BY i.file_key)
    SELECT f.business_date, f.name, f.originator, f.direction, f.payments, f.amount, f.currency, e.effective, h.handed_over_at,
           coalesce(b.as_one, 0) AS booked_as_one, e.singly AS booked_one_by_one, e.back AS came_back,
           CASE WHEN coalesce(b.as_one, 0) + e.singly >= f.amount THEN 'booked'
                WHEN coalesce(b.as_one, 0) + e.singly + e.back >= f.amount THEN 'booked or came back'
                WHEN coalesce(b.as_one, 0) + e.singly > 0 THEN 'booked in part'
                WHEN e.effective >= $on THEN 'settles later' ELSE 'not booked' END AS state
    FROM made f JOIN each e ON e.file_key = f.file_key LEFT JOIN booked b ON b.file_key = f.file_key
    LEFT JOIN (SELECT file_key, min(handed_over_at) AS handed_over_at FROM files_handed_over GROUP BY file_key) h
      ON h.file_key = f.file_key
    ORDER BY f.business_date DESC, f.name
"""
"""Files for banks of a range of dates, with what the bank booked of each: as one, or payment by payment."""
