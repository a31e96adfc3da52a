"""What a schedule fixes before it runs: stub, flat total, level instalment."""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.dates.day_count import ACTUAL, counts_days
from loanbook.core.contract.dates.due_dates import due_date
from loanbook.core.contract.dates.instalment_dates import has_agreed_rows
from loanbook.core.contract.schedule.flat_total import with_flat_total
from loanbook.core.contract.schedule.level_instalment import level_instalment, smoothed
from loanbook.core.contract.schedule.stub_interest import with_stub_apart
from loanbook.core.frames import codes, engine_for


def agree(terms: pl.DataFrame) -> pl.DataFrame:
    """Fix what the schedule needs before it runs: stub flag, flat total, level instalment.

    Fills `has_stub`, `flat_interest`, `stub_amount`, `stub_share` and, where it is null, `emi`.
    """
    none = pl.lit(0, dtype=pl.Int64)
    raw = terms.with_columns(
        has_stub=pl.lit(False), flat_interest=none, stub_amount=none, stub_share=none, stub="stub"
    )
    if not codes(terms, "basis") <= ACTUAL.keys():  # actual days need no flag for an odd period
        regular_start = due_date(pl.lit(0), codes(terms, "unit"))
        is_odd = (regular_start != pl.col("disbursed_on")) & ~counts_days()
        odd = raw.lazy().select(has_stub=is_odd).collect(engine=engine_for(raw))
        raw = raw.with_columns(odd["has_stub"])
    if has_agreed_rows(terms):  # their periods are as agreed, and they have no level instalment
        told = pl.col("agreed_schedule").is_not_null()
        raw = raw.with_columns(
            has_stub=pl.col("has_stub") & ~told, emi=pl.when(told).then(0).otherwise("emi")
        )
    raw = with_stub_apart(with_flat_total(raw))
    missing = raw.filter(pl.col("emi").is_null())
    if missing.is_empty():
        return raw
    agreed = raw.filter(pl.col("emi").is_not_null())
    solved = smoothed(missing.with_columns(emi=level_instalment(missing)))
    return pl.concat([agreed, solved]).sort("loan_id")
