"""A decision as it is kept: outcome, terms, reasons, trace, and the hashes of what it rests on."""

from __future__ import annotations

import polars as pl

DECISIONS = pl.Schema({
    "decision_id": pl.String(), "application_id": pl.String(), "policy": pl.String(), "policy_version": pl.Int32(),
    "role": pl.String(), "policy_hash": pl.String(), "input_hash": pl.String(), "decided_at": pl.Datetime("us"), "outcome": pl.String(),
    "product": pl.String(), "currency": pl.String(), "amount": pl.Int64(), "term": pl.Int64(), "rate_ppb": pl.Int64(),
    "grade": pl.String(), "points": pl.Int64(), "instalment": pl.Int64(), "affordable": pl.Int64(),
    "reasons": pl.String(), "missing": pl.String(), "mistyped": pl.String(), "hits": pl.Int64(), "unknowns": pl.Int64(),
    "points_by": pl.String(), "decision_hash": pl.String(),
})  # fmt: skip
"""A row a decision. `outcome`: approved, referred or rejected. `amount`: minor units that may be lent; null unless
approved. `rate_ppb`: a year, parts per billion. `reasons`, `missing`, `mistyped`: codes and inputs set apart by commas.
`hits`, `unknowns`: bits in the order of the policy's rules. `points_by`: points by characteristic, JSON."""
