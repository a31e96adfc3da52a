"""Metrics as objects: the same text stands in a page's help, under its chart and in exports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """What a figure is: numerator, denominator, unit, and whether charged-off loans stay in."""

    name: str
    title: str
    numerator: str
    denominator: str
    unit: str
    charged_off: str

    @property
    def definition(self) -> str:
        """The whole definition, for help texts and sidecars."""
        over = f" ÷ {self.denominator}" if self.denominator else ""
        return f"{self.numerator}{over}. Unit: {self.unit}. Charged-off loans: {self.charged_off}."


PRINCIPAL = Metric(
    "principal", "Principal", "Claim principal of live loans, billed or not", "",
    "currency", "left out",
)  # fmt: skip
LOANS = Metric("loans", "Loans", "Live loans with a claim", "", "count", "left out")
PAR_30 = Metric(
    "par_30", "PAR 30", "Principal of loans more than 30 days past due (the whole balance)",
    "principal of all live loans", "per cent", "left out of both",
)  # fmt: skip
OVERDUE = Metric(
    "overdue", "Overdue amount", "Billed and unpaid principal, interest, fees and penalties of "
    "loans at least 1 day past due", "", "currency", "left out",
)  # fmt: skip
BY_BUCKET = Metric(
    "share_by_bucket", "Principal by days past due", "Principal in the bucket",
    "principal of all live loans", "per cent", "left out of both",
)  # fmt: skip
DPD = Metric(
    "dpd_distribution", "Loans by days past due", "Loans at least 1 day past due, by ranges of "
    "five days", "", "count", "left out",
)  # fmt: skip
FLOWS = Metric(
    "monthly_flows", "Disbursed and collected", "Principal paid out, and money received that was "
    "allocated or credited, by month of value date", "", "currency", "recoveries are collected",
)  # fmt: skip
PORTFOLIO = (PRINCIPAL, LOANS, PAR_30, OVERDUE, BY_BUCKET, DPD, FLOWS)
"""Of the portfolio page; other families stand in their own modules (`dictionary`)."""
