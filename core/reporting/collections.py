"""Due against received by month: efficiencies of collection, speeds of prepayment and default, as they were seen.

Four efficiencies, for the trade means different things by one word: Crisil's monthly collection ratio leaves out
prepayments, ICRA shows one with what was overdue and one with all, and the last divides by all that was owed.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.reporting.metrics import Metric
from loanbook.core.reporting.prepayment import cpr_of_smm, smm_observed


def _efficiency(name: str, title: str, numerator: str, denominator: str) -> Metric:
    return Metric(name, title, numerator, denominator, "per cent", "are not billed any more")


EFFICIENCIES = (
    _efficiency("ce_current", "Of the month's billing", "Money that met what fell due in the month",
                "what fell due in the month"),
    _efficiency("ce_with_overdue", "With overdue (Crisil)", "Money that met what fell due in the month or was overdue, "
                "prepayments left out", "what fell due in the month"),
    _efficiency("ce_total", "With all that came (ICRA)", "All money that was received on loans, prepayments among it; can "
                "pass 100 per cent", "what fell due in the month"),
    _efficiency("ce_demand", "Of all that was owed", "Money that met what fell due in the month or was overdue",
                "overdue at the beginning and what fell due in the month"),
)  # fmt: skip
CPR = Metric(
    "cpr", "CPR", "1 - (1 - SMM)^12, SMM being principal paid beyond what fell due, never below zero",
    "principal at the beginning less what fell due", "per cent a year", "left out",
)  # fmt: skip
CDR = Metric(
    "cdr", "CDR", "1 - (1 - MDR)^12, MDR being principal charged off in the month",
    "principal at the beginning, earlier charge-offs left out", "per cent a year", "are what is counted",
)  # fmt: skip
DUE_RECEIVED = Metric(
    "due_received", "Due against received", "What fell due in the month (what is unpaid at its end, less what was at its "
    "beginning, and what was paid of it), beside all money that was received; recoveries apart", "", "currency",
    "recoveries are shown apart, in the month of their value date",
)  # fmt: skip
POOL_FACTOR = Metric(
    "pool_factor", "Pool factor", "Principal of the pool's live loans", "amount originated of all its loans",
    "per cent", "left out of the numerator",
)  # fmt: skip
METRICS = (DUE_RECEIVED, *EFFICIENCIES, CPR, CDR, POOL_FACTOR)


def by_month(flows: pl.DataFrame) -> pl.DataFrame:
    """`flows` with `billed`, `received`, `gap` (cumulative) and the ratios, by `month`.

    `flows`, Int64 minor units, a row a month: `opening_principal`, `opening_due`, `closing_due` (all that is due and
    unpaid), `opening_principal_due`, `closing_principal_due`, `paid_due`, `paid_late`, `paid_in_advance` (by timing), `principal_due_paid`
    (principal that was due or overdue), `principal_paid` (all), `charged_off`, `recovered`. Ratios are Float64 shares; null where nothing is below the line.
    """

    def over(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
        return pl.when(whole > 0).then(part / whole)

    billed = (
        pl.col("closing_due") - pl.col("opening_due") + pl.col("paid_due") + pl.col("paid_late")
    )
    scheduled = (
        pl.col("closing_principal_due")
        - pl.col("opening_principal_due")
        + pl.col("principal_due_paid")
    )
    rows = flows.sort("month").with_columns(
        billed=billed.clip(lower_bound=0),
        scheduled_principal=scheduled.clip(lower_bound=0),
        received=pl.col("paid_due") + pl.col("paid_late") + pl.col("paid_in_advance"),
    )
    met = pl.col("paid_due") + pl.col("paid_late")
    start = pl.col("opening_principal")
    rows = rows.with_columns(
        gap=(pl.col("received") - pl.col("billed")).cum_sum(),
        ce_current=over(pl.col("paid_due"), pl.col("billed")),
        ce_with_overdue=over(met, pl.col("billed")),
        ce_total=over(pl.col("received"), pl.col("billed")),
        ce_demand=over(met, pl.col("opening_due") + pl.col("billed")),
        smm=pl.when(start > 0).then(
            smm_observed(start, start - pl.col("principal_paid"), pl.col("scheduled_principal"))
        ),
        mdr=over(pl.col("charged_off"), start),
    )
    return rows.with_columns(cpr=cpr_of_smm(pl.col("smm")), cdr=cpr_of_smm(pl.col("mdr")))
