"""Every metric there is, by family: what pages, exports and the reference are made of."""

from __future__ import annotations

from loanbook.core.reporting import cohorts, collections, delinquency, metrics, roll_rates
from loanbook.core.reporting.forecast import expected_loss, projection

FAMILIES = {
    "Portfolio": metrics.PORTFOLIO,
    "Cohorts": cohorts.METRICS,
    "Roll rates": roll_rates.METRICS,
    "Delinquency": delinquency.METRICS,
    "Cash flow": collections.METRICS,
    "Forecast": (*projection.METRICS, *expected_loss.METRICS),
}
"""A new metric stands in the module of its family, and in that module's list."""
METRICS = tuple(metric for family in FAMILIES.values() for metric in family)
