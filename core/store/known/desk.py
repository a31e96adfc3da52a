"""What the desk of one late loan shows, as both clocks have it."""

from __future__ import annotations

TIMELINE = """
    SELECT occurred_at AS instant, occurred_text AS at, CASE direction WHEN 'in' THEN 'contact by the borrower' ELSE 'contact' END AS what,
           channel || ': ' || outcome || CASE WHEN right_party THEN ', the borrower spoke' ELSE '' END AS told, agent AS by,
           NULL::BIGINT AS amount
    FROM contacts WHERE loan_id = $loan AND known_on <= $booked AND left(occurred_text, 10) <= $on::VARCHAR AND agent <> ''
    UNION ALL
    SELECT stated_at, strftime(stated_at, '%Y-%m-%dT%H:%M:%SZ'), 'preference',
           kind || CASE WHEN channel <> '' THEN ' ' || channel ELSE '' END
                || CASE WHEN written THEN ', in writing' ELSE '' END, '', NULL
    FROM contact_preferences WHERE loan_id = $loan AND known_on <= $booked AND stated_at < $on + INTERVAL 2 DAY
    UNION ALL
    SELECT stated_at, strftime(stated_at, '%Y-%m-%dT%H:%M:%SZ'), 'notice',
           kind || CASE WHEN reason <> '' THEN ', ' || reason ELSE '' END || CASE WHEN written THEN ', in writing' ELSE '' END,
           agent, NULL
    FROM notices WHERE loan_id = $loan AND known_on <= $booked AND stated_at < $on + INTERVAL 2 DAY
    UNION ALL
    SELECT stated_at, strftime(stated_at, '%Y-%m-%dT%H:%M:%SZ'), 'legal step',
           stage || CASE WHEN next_on IS NOT NULL THEN ', next on ' || next_on ELSE '' END, agent, nullif(cost, 0)
    FROM legal_steps WHERE loan_id = $loan AND known_on <= $booked AND stated_at < $on + INTERVAL 2 DAY
    UNION ALL
    SELECT stated_at, strftime(stated_at, '%Y-%m-%dT%H:%M:%SZ'), 'placement', step || ' ' || agency, agent, NULL
    FROM placements WHERE loan_id = $loan AND known_on <= $booked AND stated_on <= $on
    UNION ALL
    SELECT decided_at, strftime(decided_at, '%Y-%m-%dT%H:%M:%SZ'), 'reminder',
           step || ': ' || CASE state WHEN 'suppressed' THEN 'suppressed, ' || reason ELSE state || ' by ' || channel END, '', amount
    FROM reminders WHERE loan_id = $loan AND known_on <= $booked AND state <> 'sending' AND day <= $on + 1
    UNION ALL
    SELECT e.value_date::TIMESTAMP, e.value_date::VARCHAR, 'ledger', k.name, e.source_system, e.amount
    FROM events e JOIN event_kinds k ON k.code = e.kind
    WHERE e.loan_id = $loan AND e.booking_date <= $booked AND e.value_date <= $on
"""
"""Contacts of people, preferences, notices, reminders and events of a loan; promises come judged."""
OWED = """
    SELECT d.due_date, c.name AS component, sum(d.amount)::BIGINT AS amount, sum(d.paid)::BIGINT AS paid,
           sum(d.amount - d.paid)::BIGINT AS unpaid
    FROM dues_at($on, $known) d JOIN component_names c ON c.code = d.component
    WHERE d.loan_id = $loan AND d.due_date <= $on AND d.amount > d.paid
    GROUP BY ALL ORDER BY d.due_date, c.name
"""
