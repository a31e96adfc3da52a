"""What becomes of an entry that a bank tells."""

from __future__ import annotations

OUTCOMES = ("applied", "settled", "returned", "suspense", "outside", "duplicate", "quarantined")
"""Applied: a payment of a loan. Settled: money whose payments another file brought. Returned: it brings a payment
back, which is taken back. Suspense: it waits for people. Outside: not the book's, by rule. Duplicate: known.
Quarantined: it can't be read."""
