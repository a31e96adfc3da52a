"""Expected credit loss by stage: IFRS 9 (5.5.3, 5.5.5, 5.5.11, B5.5.37), probabilities and loss given default as inputs.

ECL = sum over months of PD(t) LGD EAD(t) DF(t), PD marginal, DF at the loans' own rate. Stage 1 looks twelve months
ahead, stage 2 (more than 30 days past due, rebuttable) over the term, stage 3 (more than 90) is in default.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.frames import largest
from loanbook.core.reporting.metrics import Metric
from loanbook.core.reporting.prepayment import scheduled_balance

ECL = Metric(
    "expected_credit_loss", "Expected credit loss", "Sum over months of marginal probability of default, loss given "
    "default, exposure and discount at the loans' rate: twelve months in stage 1, the term in stage 2, all in stage 3",
    "", "currency", "left out",
)  # fmt: skip
METRICS = (ECL,)
STAGES = {"stage_1": 0, "stage_2": 31, "stage_3": 91}
"""Stages by the days past due that they begin with, the least late first; other signs of a rise in risk are not seen."""


def expected_loss(
    exposures: pl.DataFrame, pd_12_month: dict[str, float], lgd: float
) -> pl.DataFrame:
    """`stage`, `loans`, `exposure`, `loss` (Float64, unit of `balance`), `coverage` (share); every stage a row.

    `exposures`: `stage`, `loans`, `balance` (principal and interest owed), `rate` (Float64 share a year), `term` (months
    to come), any number of rows. Exposure falls as a level loan's.
    """
    known = exposures.with_columns(
        pd=pl.col("stage").replace_strict(pd_12_month, return_dtype=pl.Float64),
        ahead=pl.when(pl.col("stage") == "stage_1")
        .then(pl.min_horizontal(pl.col("term"), pl.lit(12)))
        .when(pl.col("stage") == "stage_2").then("term")
        .otherwise(1).clip(lower_bound=1),
    ).with_row_index("pool")  # fmt: skip
    longest = largest(known["ahead"])
    months = pl.DataFrame({"t": range(1, longest + 1)}, schema={"t": pl.Int32})
    grid = known.join(months, how="cross").filter(pl.col("t") <= pl.col("ahead"))
    hazard = 1 - (1 - pl.col("pd").clip(upper_bound=1 - 1e-12)) ** (1 / 12)
    stands_3 = pl.col("stage") == "stage_3"
    marginal = pl.when(stands_3).then("pd").otherwise((1 - hazard) ** (pl.col("t") - 1) * hazard)
    term = pl.max_horizontal(pl.col("term"), pl.lit(1)).cast(pl.Float64)
    exposed = (
        pl.when(stands_3).then(pl.col("balance"))
        .otherwise(pl.col("balance") * scheduled_balance(pl.col("rate"), term, term - pl.col("t") + 1))
    )  # fmt: skip
    discount = pl.when(stands_3).then(1.0).otherwise((1 + pl.col("rate") / 12) ** (-pl.col("t")))
    losses = grid.group_by("stage").agg(loss=(marginal * lgd * exposed * discount).sum())
    sums = known.group_by("stage").agg(pl.col("loans").sum(), exposure=pl.col("balance").sum())
    return (
        pl.DataFrame({"stage": list(STAGES)})
        .join(sums, on="stage", how="left")
        .join(losses, on="stage", how="left", maintain_order="left")
        .with_columns(pl.col("loans").fill_null(0), pl.col("exposure", "loss").fill_null(0.0))
        .with_columns(
            coverage=pl.when(pl.col("exposure") > 0).then(pl.col("loss") / pl.col("exposure"))
        )
    )
