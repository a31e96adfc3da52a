"""Returns, changes and what was asked of a loan, as people read them."""

from __future__ import annotations

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
