"""Account roles as stored codes; the lender's own numbers come from the accounts policy."""

from __future__ import annotations

from core.policy.models import ROLES

ROLE = {name: code for code, name in enumerate(ROLES)}
"""Code of an account role, by name."""

MEMORANDUM = frozenset(
    {ROLE["memo_claim"], ROLE["memo_contra"], ROLE["memo_interest"], ROLE["memo_charges"]}
)
"""Roles kept off the general ledger, with a trial balance of their own."""
