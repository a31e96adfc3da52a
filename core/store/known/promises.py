"""Promises and the money that judges them, as both clocks have them."""

from __future__ import annotations

from loanbook.core.catalogue.codes import Kind

PROMISES = """
    SELECT promise_id AS reference, loan_id, loan_key, promised_at, promised_on, due_date, amount, agent
    FROM promises WHERE promised_on <= $on AND known_on <= $booked AND ($loan IS NULL OR loan_id = $loan)
    ORDER BY loan_id, promised_at, due_date, promise_id
"""
MONEY = f"""
    SELECT event_id, loan_id, kind, value_date, amount, idempotency_key, payload, source_system FROM {{lake}}.events
    WHERE booking_date <= $booked AND (value_date <= $on AND value_date >= $first OR kind = {Kind.reversal.value})
      AND kind IN ({Kind.payment_received.value}, {Kind.chargeback.value}, {Kind.reversal.value},
                   {Kind.boarding_withdrawn.value})
      AND loan_id IN (SELECT loan_id FROM _promised)
"""
"""Payments of loans in `_promised` from the first promise on, and what takes any of them back: asked of the lake, for a role
that masks what events say would take a returned payment for one that stands."""
