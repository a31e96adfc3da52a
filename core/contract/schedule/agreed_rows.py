"""Schedules that were agreed row by row: what the contract's rate gives of them."""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.dates.instalment_dates import agreed_row
from loanbook.core.contract.figures import Amortisation, Figures
from loanbook.core.contract.money import int128, with_quotient
from loanbook.core.contract.schedule.cursor import from_the_first, onward


def agreed_by_rate(agreed: pl.DataFrame) -> pl.DataFrame:
    """What the contract's rate gives of schedules that were agreed row by row.

    `agreed`: terms as `agree` left them, whose `agreed_schedule` tells of each row date and principal with
    interest, or date and total alone: then interest is what the rate bears of the balance, and of the last
    row what its total leaves beside the rest of the principal. A row bears its days where the basis counts
    them; on the other bases a whole period, or its share of one (`Figures.rate_factor`). `loan_id`, `agreed_schedule` with principal and interest in every row, and
    sums (Int64): `principal`, `interest`, `by_rate`; `least`, the lowest amount told or found.
    """
    figures, zero = Figures(agreed), pl.lit(0, dtype=pl.Int64)
    first, second = (agreed_row(pl.col("instalment_no"))[k] for k in (1, 2))
    cursor = from_the_first(agreed, figures).with_columns(
        _rows=pl.lit("", dtype=pl.String),
        _principal=zero,
        _interest=zero,
        _by_rate=zero,
        _least=zero,
    )
    last = pl.col("instalment_no") == pl.col("instalments")
    flat = pl.col("amortisation") == Amortisation.flat
    bearing = pl.when(flat).then("principal_agreed").otherwise("schedule_balance")
    there, whole = pl.col("_first").is_not_null(), pl.col("_second").is_null()
    for _ in range(int(agreed["instalments"].max() or 0)):  # type: ignore[arg-type]
        rated = with_quotient(
            figures.with_rate(cursor.with_columns(_first=first, _second=second)), "_rate",
            int128(bearing) * pl.col("rate_over"), pl.col("rate_under"),
            "interest_rounding", figures.rounding,
        )  # fmt: skip
        of_total = (
            pl.when(last).then("schedule_balance").otherwise(pl.col("_first") - pl.col("_rate"))
        )
        split = rated.with_columns(
            _one=pl.when(whole).then(of_total).otherwise("_first"),
        ).with_columns(
            _two=pl.when(whole).then(pl.col("_first") - pl.col("_one")).otherwise("_second")
        )
        row = pl.format("{}:{}:{};", pl.col("period_end").dt.to_string("%Y-%m-%d"), "_one", "_two")
        low = pl.min_horizontal("_least", "_one", "_two")
        after = split.with_columns(
            _rows=pl.when(there).then(pl.col("_rows") + row).otherwise("_rows"),
            _least=pl.when(there).then(low).otherwise("_least"),
            schedule_balance=pl.col("schedule_balance") - pl.col("_one").fill_null(0),
            **{
                name: pl.col(name) + pl.when(there).then(part).otherwise(0)
                for name, part in (
                    ("_principal", "_one"),
                    ("_interest", "_two"),
                    ("_by_rate", "_rate"),
                )
            },
        )
        cursor = after.with_columns(**onward(figures)).select(cursor.columns)
    return cursor.select(
        "loan_id", agreed_schedule=pl.col("_rows").str.strip_suffix(";"), principal="_principal",
        interest="_interest", by_rate="_by_rate", least="_least",
    )  # fmt: skip
