"""Which instructions a bank booked one by one: an entry that is settled bears their trace or end-to-end id."""

from __future__ import annotations

TOLD = """told AS (SELECT DISTINCT unnest([reference, end_to_end_id, client_ref]) AS ref FROM {entries}
         WHERE outcome = 'settled'{when})"""
"""A common table of SQL: references of settled entries of `entries`; `when`: another condition, from its AND on."""
BOOKED = """(i.end_to_end_id IN (SELECT ref FROM told WHERE ref IS NOT NULL)
            OR i.trace IN (SELECT ref FROM told WHERE ref IS NOT NULL))"""
"""Whether an instruction `i` is among them."""
