"""Queries of the lists that a data team, a risk analyst or an auditor asks for: changes of contracts,
what came for loans that had ended, the borrowers' credit."""

from __future__ import annotations

KNOWN = """NOT EXISTS (
            SELECT 1 FROM restated_loans r WHERE r.loan_id = p.loan_id AND r.version > p.version
              AND r.version <= $version
              AND p.business_date BETWEEN r.from_date AND r.through_date)"""
"""Condition that a row of positions `p` is the one known at `$version`."""
MODIFIED = f"""
    WITH changes AS (
        SELECT event_id, loan_id, value_date, kind, reason, actor, checker FROM events
        WHERE event_id IN (SELECT unnest($changes)) AND ($loan IS NULL OR loan_id = $loan)),
    late AS (
        SELECT p.loan_id, p.business_date, p.days_past_due FROM positions p
        WHERE p.days_past_due > 0 AND p.version <= $version
          AND p.loan_id IN (SELECT loan_id FROM changes) AND {KNOWN}),
    rates AS (SELECT event_id, last(rate_ppb < rate_before ORDER BY version) AS lower_rate
              FROM changed_terms WHERE version <= $version GROUP BY event_id),
    products_of AS (SELECT loan_id, first(product ORDER BY version) AS product FROM loans
                    GROUP BY loan_id)
    SELECT c.*, p.product, r.lower_rate,
           coalesce(max(l.days_past_due), 0)::INTEGER AS most_days_past_due
    FROM changes c LEFT JOIN rates r USING (event_id) LEFT JOIN products_of p USING (loan_id)
    LEFT JOIN late l ON l.loan_id = c.loan_id AND l.business_date < c.value_date
      AND l.business_date >= c.value_date - to_months($months)
    GROUP BY ALL ORDER BY c.loan_id, c.value_date, c.event_id
"""
"""Changes of contracts that stand, with the most days past due of the months before each."""
AFTER_CLOSURE = """
    WITH states AS (  -- of a version, whether the loan lives on after it, else its last ending
        SELECT loan_id, version,
               CASE WHEN bool_and(closed_on IS NOT NULL) THEN max(closed_on) END AS closed_on,
               last(close_reason ORDER BY closed_on NULLS LAST) AS close_reason
        FROM loans WHERE close_reason IS NOT NULL AND version <= $version GROUP BY loan_id, version),
    endings AS (
        SELECT *, lead(version) OVER (PARTITION BY loan_id ORDER BY version) AS until FROM states),
    came AS (
        SELECT e.loan_id, n.closed_on, n.close_reason, e.event_id, e.kind, e.value_date,
               e.booking_date, e.amount, e.actor, e.checker, e.reason
        FROM endings n JOIN versions v ON v.version = n.version
        JOIN events e ON e.loan_id = n.loan_id AND e.booking_date > v.business_date
        LEFT JOIN versions u ON u.version = n.until
        WHERE n.closed_on IS NOT NULL AND e.booking_date <= $on
          AND (u.business_date IS NULL OR e.booking_date <= u.business_date))
    SELECT c.*, coalesce(k.name, '') AS event, s.name AS status
    FROM came c LEFT JOIN event_kinds k ON k.code = c.kind
    LEFT JOIN (SELECT loan_id, status FROM positions_at($on, $version)) p USING (loan_id)
    LEFT JOIN status_names s ON s.code = p.status
    ORDER BY c.booking_date, c.event_id
"""
"""What came for loans after they had ended, until they came back."""
CREDITS = """
    SELECT p.loan_id, p.status, l.currency, p.credit, p.credit_unchanged_since AS since,
           (date_diff('month', p.credit_unchanged_since, $on::DATE)
            - (day($on::DATE) < day(p.credit_unchanged_since))::INTEGER)::INTEGER AS months
    FROM positions_at($on, $known) p
    JOIN (SELECT loan_id, first(currency ORDER BY version) AS currency FROM loans GROUP BY loan_id) l
      USING (loan_id)
    WHERE p.credit > 0 ORDER BY p.credit_unchanged_since NULLS FIRST, p.loan_id
"""
"""Loans whose borrowers have credit, the oldest first."""
RESUMED = """
    SELECT loan_id, business_date AS stops FROM changed_terms
    WHERE version <= $version AND coalesce(moratorium_left, 0) = 0 AND business_date <= $on
"""
"""Days from which a loan's terms have no moratorium that runs."""
ENDED_BY = """
    SELECT loan_id, true AS ended, closed_on, close_reason FROM (
        SELECT loan_id, last(closed_on ORDER BY version, closed_on NULLS LAST) AS closed_on,
               last(close_reason ORDER BY version, closed_on NULLS LAST) AS close_reason
        FROM loans WHERE close_reason IS NOT NULL AND version <= $version
          AND ($loan IS NULL OR loan_id = $loan) GROUP BY loan_id)
    WHERE closed_on <= $on
"""
"""Loans (or one) that had ended by a date, when and why."""
ALLOCATED = f"""
    SELECT p.business_date, p.event_id, p.instalment_no, p.component, p.timing, p.amount
    FROM allocations p
    WHERE p.loan_id = $loan AND p.version <= $version AND p.business_date <= $on AND {KNOWN}
    ORDER BY p.business_date, p.event_id, p.instalment_no, p.component
"""
"""What a loan's money met by a date."""
HELD_ON = """
    SELECT h.loan_id, k.loan_key, p.name AS product, h.since, h.good_until, h.law, h.figures, h.remedy
    FROM held_loans_at($on, $known) h LEFT JOIN loan_keys k ON k.loan_id = h.loan_id
    LEFT JOIN products p ON p.code = k.product ORDER BY k.loan_key, h.loan_id
"""
"""Loans that a date holds, as known at a version."""
