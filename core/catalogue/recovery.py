"""Words of recovery beyond calls: stages of legal action, and loans placed with agencies that collect for the lender."""

from __future__ import annotations

LEGAL_STAGES = {
    "demand": "a letter before action went out",
    "filed": "the claim was filed with a court",
    "served": "it was served on the borrower",
    "hearing": "a hearing was set or held",
    "judgment": "the court gave judgment",
    "enforcement": "the judgment is enforced",
    "withdrawn": "the action was withdrawn",
    "ended": "the action came to its end",
}
"""Stages of legal action, and what each means."""
LEGAL_ENDS = ("withdrawn", "ended")
"""Stages after which contact is held no more."""
PLACEMENT_STEPS = {
    "placed": "the agency collects from now on",
    "recalled": "the lender takes the loan back",
    "returned": "the agency gives the loan back",
}
"""What happens between lender and agency."""
