"""Delinquency: what of the late balance is new, cured, paid or charged off; portfolio at risk; classes by days past due.

Edges differ by convention and are told with each figure: `X+` means at least X days past due, PAR X more than X.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import Status
from loanbook.core.reporting.metrics import Metric
from loanbook.core.reporting.portfolio import live
from loanbook.core.reporting.roll_rates import LIVE, PAID_OFF

BRIDGE = Metric(
    "late_bridge", "Where the late balance went", "Principal of loans at least X days past due at the month end "
    "before, what rolled in, was cured, paid, paid off and charged off, and what is late now", "", "currency",
    "leave it",
)  # fmt: skip
CURE = Metric(
    "cure_rate", "Cure rate", "Principal a month before of loans 30 or more days past due then and current now",
    "principal a month before of all loans 30 or more days past due then", "per cent", "do not cure",
)  # fmt: skip
PAR = Metric(
    "par", "Portfolio at risk", "Principal of loans more than X days past due (the whole balance)",
    "principal of all live loans", "per cent", "left out of both",
)  # fmt: skip
CLASSES = Metric(
    "sma_npa", "Special mention and non-performing", "Principal by days past due: SMA-0 1 to 30, SMA-1 31 to 60, "
    "SMA-2 61 to 90, NPA above 90 (RBI, edges by day; upgrades only when all arrears are paid)", "",
    "currency", "left out",
)  # fmt: skip
FPD = Metric(
    "first_payment_default", "First payment default", "Loans whose first instalment was unpaid 30 days after it "
    "fell due", "loans whose first due date is at least 30 days past", "per cent", "stay in both",
)  # fmt: skip
EPD = Metric(
    "early_payment_default", "Early payment default", "Loans 90 or more days past due on any of their first "
    "four instalments", "loans whose first due date is at least 90 days past", "per cent", "stay in both",
)  # fmt: skip
ROLLED = Metric(
    "late_rolled", "Late money, a month on", "Principal a month before of loans at least 1 day past due then: rolled forward (in a "
    "later bucket now, or charged off), cured (current now), better (in an earlier bucket)",
    "principal a month before of all loans at least 1 day past due then", "per cent", "roll forward",
)  # fmt: skip
METRICS = (BRIDGE, CURE, ROLLED, PAR, CLASSES, FPD, EPD)
STEPS = ("opening", "rolled in", "cured", "paid", "paid off", "charged off", "closing")


def bridge(rows: pl.DataFrame, days: int) -> pl.DataFrame:
    """`business_date`, `step` (`STEPS`), `amount` (Int64 minor units; what leaves is below zero).

    `rows`: of the mart `roll` with `business_date`. Opening and all steps sum to closing.
    """
    from_live, to_live = (
        pl.col(f"{s}_status").is_in(LIVE).fill_null(False) for s in ("from", "to")
    )
    was = from_live & (pl.col("from_days") >= days)
    now = to_live & (pl.col("to_days") >= days)
    before, after = pl.col("from_principal"), pl.col("to_principal")
    closed = pl.col("to_status") == Status.closed.value
    steps = {
        "opening": before.filter(was),
        "rolled in": after.filter(now & ~was),
        "cured": -before.filter(was & to_live & ~now),
        "paid": after.filter(was & now) - before.filter(was & now),
        "paid off": -before.filter(was & closed),
        "charged off": -before.filter(was & ~to_live & ~closed),
        "closing": after.filter(now),
    }
    wide = rows.group_by("business_date").agg(
        each.sum().alias(name) for name, each in steps.items()
    )
    return wide.unpivot(index="business_date", variable_name="step", value_name="amount").sort(
        "business_date", pl.col("step").cast(pl.Enum(STEPS))
    )


def cure_rate(rows: pl.DataFrame) -> pl.DataFrame:
    """`business_date`, `late` (principal 30+ a month before), `cured` (of it, current now), `rate`."""
    late = rows.filter(pl.col("from_status").is_in(LIVE) & (pl.col("from_days") >= 30))
    current = pl.col("to_status").is_in(LIVE) & (pl.col("to_days") == 0)
    return (
        late.group_by("business_date")
        .agg(
            late=pl.col("from_principal").sum(),
            cured=pl.col("from_principal").filter(current).sum(),
        )
        .with_columns(rate=pl.when(pl.col("late") > 0).then(pl.col("cured") / pl.col("late")))
        .sort("business_date")
    )


MOVES = ("forward", "stayed", "better", "cured", "paid off")


def late_moves(cells: pl.DataFrame) -> pl.DataFrame:
    """`business_date`, `late` (principal that was late a month before, minor units) and a share for each of `MOVES`; they sum to 1.

    `cells`: `roll_rates.matrix` by `business_date`.
    """
    late = cells.filter(pl.col("origin_place") > 0)
    origin, target = pl.col("origin_place"), pl.col("target_place")
    paid = pl.col("target") == PAID_OFF
    of = {
        "forward": (target > origin) & ~paid, "stayed": target == origin, "better": (target < origin) & (target > 0), "cured": target == 0,
        "paid off": paid,
    }  # fmt: skip
    whole = pl.col("amount").sum()
    return (
        late.group_by("business_date")
        .agg(
            late=whole,
            **{
                name: pl.when(whole > 0).then(pl.col("amount").filter(mask).sum() / whole)
                for name, mask in of.items()
            },
        )
        .sort("business_date")
    )


def at_risk(rows: pl.DataFrame, edges: tuple[int, ...] = (0, 30, 60, 90)) -> pl.DataFrame:
    """`business_date`, `edge`, `share` of principal more than so many days past due.

    `rows`: of the mart `portfolio_daily`, any number of dates: `business_date`, `status`, `days_past_due`, `principal`.
    """
    whole = pl.col("principal").sum()
    wide = (
        live(rows)
        .group_by("business_date")
        .agg(
            pl.when(whole > 0)
            .then(pl.col("principal").filter(pl.col("days_past_due") > edge).sum() / whole)
            .alias(str(edge))
            for edge in edges
        )
    )
    return (
        wide.unpivot(index="business_date", variable_name="edge", value_name="share")
        .with_columns(pl.col("edge").cast(pl.Int32))
        .sort("edge", "business_date")
    )


CLASS_EDGES = ((0, "standard"), (1, "SMA-0"), (31, "SMA-1"), (61, "SMA-2"), (91, "NPA"))


def classes(grouped: pl.DataFrame) -> pl.DataFrame:
    """`class`, `loans`, `principal`, `share` of live loans by days past due (RBI's edges)."""
    named = pl.lit(CLASS_EDGES[0][1])
    for edge, name in CLASS_EDGES[1:]:
        named = pl.when(pl.col("days_past_due") >= edge).then(pl.lit(name)).otherwise(named)
    order = pl.DataFrame({"class": [name for _, name in CLASS_EDGES]})
    sums = live(grouped).group_by(named.alias("class")).agg(pl.col("loans", "principal").sum())
    whole = pl.col("principal").sum()
    return (
        order.join(sums, on="class", how="left", maintain_order="left")
        .with_columns(pl.col("loans", "principal").fill_null(0))
        .with_columns(share=pl.when(whole > 0).then(pl.col("principal") / whole))
    )
