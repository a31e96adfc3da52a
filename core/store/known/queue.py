"""What the queue of late loans is made of, as both clocks have it."""

from __future__ import annotations

from loanbook.core.catalogue.components import CLAIM_ROLES, DUES
from loanbook.core.store.known.contacts import ENDS
from loanbook.core.store.queries import HOLDERS

LATE = f"""
    WITH late AS (
        SELECT loan_id, days_past_due, {" + ".join(DUES)} AS amount_due, {" + ".join(CLAIM_ROLES)} AS balance
        FROM positions_at($on, $known) WHERE days_past_due >= $days AND ($loan IS NULL OR loan_id = $loan)),
    place AS (
        SELECT loan_id, last(jurisdiction ORDER BY version) AS place FROM loans
        WHERE close_reason IS NULL AND version <= $known AND loan_id IN (SELECT loan_id FROM late) GROUP BY loan_id),
    speaks AS (
        SELECT loan_id, any_value(value) AS language FROM loan_attributes
        WHERE name = 'language' AND value <> '' GROUP BY loan_id),
    last AS (
        SELECT loan_id, max(occurred_at) AS occurred_at, arg_max(agent, (occurred_at, contact_id)) AS last_agent,
               arg_max(zone, (occurred_at, contact_id)) AS zone,
               arg_max(left(occurred_text, 10), (occurred_at, contact_id))::DATE AS last_contact_on
        FROM contacts WHERE known_on <= $booked AND left(occurred_text, 10) <= $on::VARCHAR AND agent <> ''
          AND loan_id IN (SELECT loan_id FROM late) GROUP BY loan_id)
    SELECT l.loan_id, k.loan_key, md5_number_lower(k.loan_key) AS key_hash, cu.name AS currency,
           split_part(pr.name, '@', 1) AS product, p.place, s.language, l.days_past_due, l.amount_due, l.balance,
           c.last_contact_on, ($on - c.last_contact_on) AS days_since_contact, c.last_agent, c.zone
    FROM late l JOIN loan_keys k ON k.loan_id = l.loan_id
    LEFT JOIN products pr ON pr.code = k.product LEFT JOIN currency_names cu ON cu.code = k.currency
    LEFT JOIN place p ON p.loan_id = l.loan_id LEFT JOIN speaks s ON s.loan_id = l.loan_id
    LEFT JOIN last c ON c.loan_id = l.loan_id
    ORDER BY l.loan_id
"""
"""Late loans of a date with what their points come of; `place` packed. A reminder, which nobody made, is no agent's contact."""
CONTACTS = """
    SELECT contact_id AS reference, loan_key, occurred_at, channel, direction, outcome, right_party, place, zone
    FROM contacts WHERE occurred_at >= $first AND occurred_at < $last AND known_on <= $booked
      AND ($loan IS NULL OR loan_id = $loan)
    ORDER BY loan_key, occurred_at, contact_id
"""
SAID = f"""
    SELECT preference_id AS reference, loan_key, stated_at, kind, channel, place, weekdays AS days, starts, ends, written
    FROM contact_preferences WHERE stated_at < $last AND known_on <= $booked AND ($loan IS NULL OR loan_id = $loan)
    UNION ALL
    SELECT notice_id, loan_key, stated_at, kind, '', '', NULL, NULL, NULL, written FROM notices
    WHERE stated_at < $last AND known_on <= $booked AND ($loan IS NULL OR loan_id = $loan)
    UNION ALL
    SELECT legal_id, loan_key, stated_at, CASE WHEN stage IN ({ENDS}) THEN 'legal_ended' ELSE 'legal' END, '', '', NULL, NULL, NULL, true
    FROM legal_steps WHERE stated_at < $last AND known_on <= $booked AND ($loan IS NULL OR loan_id = $loan)
    ORDER BY loan_key, stated_at, reference
"""
"""The contact log and what borrowers said, as a business date knew them."""
WORKED = """
    SELECT loan_id, count(*) AS attempts, count(*) FILTER (WHERE right_party) AS right_party FROM contacts
    WHERE direction = 'out' AND left(occurred_text, 10)::DATE BETWEEN $first AND $last AND known_on <= $booked
      AND agent <> '' GROUP BY loan_id
"""
"""Contacts that the lender began in a period, by loan."""
MADE = """
    SELECT c.agent, c.channel, count(*) AS attempts, count(*) FILTER (WHERE c.right_party) AS right_party,
           count(DISTINCT c.loan_id) AS loans
    FROM contacts c JOIN loan_keys k ON k.loan_id = c.loan_id
    WHERE c.direction = 'out' AND left(c.occurred_text, 10)::DATE BETWEEN $first AND $last AND c.known_on <= $booked
      AND k.currency = $currency GROUP BY c.agent, c.channel ORDER BY c.agent, c.channel
"""
"""Contacts that the lender began in a period about loans of a currency, by agent (empty: a reminder) and channel."""
PLACED = f"""
    SELECT placement_id AS reference, loan_id, loan_key, stated_at, stated_on, step, agency FROM placements
    WHERE stated_on <= $on AND known_on <= $booked AND ($loan IS NULL OR loan_id = $loan)
    {HOLDERS} ORDER BY loan_id, stated_at, placement_id
"""
"""What happened between lender and agencies, as a business date knew it."""
LEGAL = """
    SELECT k.loan_id, k.loan_key, c.name AS currency, min(l.stated_at) AS since, arg_max(l.stage, (l.stated_at, l.legal_id)) AS stage,
           max(l.stated_at) AS stage_since, arg_max(l.next_on, (l.stated_at, l.legal_id)) AS next_on, sum(l.cost)::BIGINT AS cost,
           count(*) AS steps
    FROM legal_steps l JOIN loan_keys k ON k.loan_id = l.loan_id JOIN currency_names c ON c.code = k.currency
    WHERE l.known_on <= $booked AND l.stated_at < $on + INTERVAL 2 DAY AND ($loan IS NULL OR l.loan_id = $loan)
    GROUP BY ALL ORDER BY next_on NULLS LAST, k.loan_key
"""
"""Loans under legal action, or that were, with the stage and the next date before the court."""
ROLLED = """
    SELECT from_status, from_days, to_status, to_days, sum(loans)::BIGINT AS loans, sum(from_principal)::BIGINT AS from_principal
    FROM roll WHERE version <= $known AND business_date <= $on AND business_date >= date_trunc('month', $on + 1) - INTERVAL 3 MONTH
    GROUP BY ALL HAVING sum(loans) <> 0
"""
"""Where the money of the last three month ends had stood a month before."""
