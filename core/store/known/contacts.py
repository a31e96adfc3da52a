"""The contact log as readers have it: contacts of a period with what came before and may count, and preferences."""

from __future__ import annotations

from loanbook.core.catalogue.recovery import LEGAL_ENDS

ENDS = ", ".join(repr(stage) for stage in LEGAL_ENDS)
CONTACTS = """
    SELECT contact_id AS reference, loan_key, occurred_at, channel, direction, outcome, right_party, place, zone
    FROM contacts WHERE occurred_at >= $first AND occurred_at < $last ORDER BY loan_key, occurred_at, contact_id
"""
PREFERENCES = f"""
    SELECT preference_id AS reference, loan_key, stated_at, kind, channel, place, weekdays AS days, starts, ends, written
    FROM contact_preferences WHERE stated_at < $last
    UNION ALL
    SELECT notice_id, loan_key, stated_at, kind, '', '', NULL, NULL, NULL, written FROM notices WHERE stated_at < $last
    UNION ALL
    SELECT legal_id, loan_key, stated_at, CASE WHEN stage IN ({ENDS}) THEN 'legal_ended' ELSE 'legal' END, '', '', NULL, NULL, NULL, true
    FROM legal_steps WHERE stated_at < $last
    ORDER BY loan_key, stated_at, reference
"""
"""What borrowers said of being contacted, notices and legal action that may hold contact."""
