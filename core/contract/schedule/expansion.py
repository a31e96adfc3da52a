"""The whole schedule of a loan as rows, and the digest of its figures.

Frames hold one row a loan with the columns of :class:`loanbook.core.contract.terms.Terms`; amounts are Int64
minor units.
"""

from __future__ import annotations

import polars as pl

from loanbook.core.catalogue.codes import InterestMode
from loanbook.core.contract.figures import Figures
from loanbook.core.contract.schedule.cursor import asked, onward, open_schedule, paid
from loanbook.core.contract.schedule.periods import Calendars, at_once, moved_end, periods
from loanbook.core.frames import engine_for

EVERYTHING = 2**62
"""More than any instalments together ask, minor units."""


_ROW = (
    "loan_id", "instalment_no", "period_start", "period_end", "schedule_balance",
    "asked_principal", "asked_interest",
)  # fmt: skip
_CLOSING = (pl.col("schedule_balance") - pl.col("asked_principal")).alias("closing")
_SHOWN = {
    "schedule_balance": "opening", "asked_principal": "principal", "asked_interest": "interest"
}  # fmt: skip


def expand(terms: pl.DataFrame, calendars: Calendars | None = None) -> pl.DataFrame:
    """Every instalment of every loan, on the dates that are counted, as it was agreed.

    Terms as `agree` left them. With `calendars` as it is lived: where a product's accrual follows the moved
    due date, periods end on it. Returns `loan_id`, `instalment_no`, `period_start`,
    `period_end`, `opening`, `principal`, `interest`, `closing` in order of instalment.
    """
    standing = open_schedule(terms)
    if calendars is not None:
        standing = standing.with_columns(
            period_end=moved_end(pl.col("period_end"), standing, calendars)
        )
    return expand_from(standing, calendars=calendars)


def expand_from(
    standing: pl.DataFrame,
    enough: pl.Expr | None = None,
    calendars: Calendars | None = None,
) -> pl.DataFrame:
    """Every instalment from the one that each loan's cursor stands before, as `expand`; the period that runs
    ends where the cursor says.

    With `enough` (Int64 minor units) only as many as together ask that much.
    """
    if calendars is not None and not standing["adjust_accrual"].any():
        calendars = None
    standing = _with_residue(standing)
    figures = Figures(standing)
    wanted = pl.lit(EVERYTHING) if enough is None else enough
    short = pl.col("_short") > 0
    cursor = standing.with_columns(_short=wanted).filter(
        (pl.col("instalment_no") <= pl.col("instalments")) & short
    )
    rest = pl.col("_short") - pl.col("asked_principal") - pl.col("asked_interest")
    parts: list[pl.DataFrame] = []
    while cursor.height or not parts:
        left = 1 + int((cursor["instalments"] - cursor["instalment_no"]).max() or 0)  # type: ignore[arg-type]
        many = at_once(cursor, left)
        steps = cursor.lazy()
        for period in periods(cursor, figures, many, calendars):
            # who has ended, or asked enough, stays in the frame, and its rows are left out
            here = asked(steps.with_columns(period.get_columns()), figures)
            billed = here.collect(engine=engine_for(cursor))
            parts.append(billed.select(*_ROW, there=pl.col("there") & short))
            if enough is not None:
                billed = billed.with_columns(_short=pl.when(short).then(rest))
            steps = paid(billed.lazy())
            if enough is not None and not billed.select(short.any()).item():
                break
        if many == left:
            break
        goes_on = short & (pl.col("instalment_no") < pl.col("instalments"))
        onwards = steps.filter(goes_on).with_columns(**onward(figures))
        cursor = onwards.with_columns(
            period_end=moved_end(pl.col("period_end"), cursor, calendars)
        ).collect(engine=engine_for(cursor))
    rows = pl.concat(parts).filter("there").select(*_ROW, _CLOSING).rename(_SHOWN)
    return rows.sort("loan_id", "instalment_no")


def _with_residue(standing: pl.DataFrame) -> pl.DataFrame:
    """Room for what rounding leaves of a period's interest, if some loan carries it to the next.

    `residue_carried` (Boolean) and the fraction `residue_over` / `residue_under` (Int128). A daily
    product carries it; schedules held as rows are rounded instalment by instalment.
    """
    if "residue" not in standing.columns:
        return standing
    carried = (
        (pl.col("residue") == 1)
        & (pl.col("interest_mode") == InterestMode.daily.value)
        & ~pl.col("materialised")
    )
    found = standing.select(residue_carried=carried).to_series()
    if not found.any():
        return standing
    return standing.with_columns(
        found, residue_over=pl.lit(0, dtype=pl.Int128), residue_under=pl.lit(1, dtype=pl.Int128)
    )


def digest(terms: pl.DataFrame) -> pl.DataFrame:
    """`loan_id` and `schedule_digest` (UInt64), a hash over the figures of the whole schedule."""
    return digest_of(expand(terms))


def digest_of(rows: pl.DataFrame) -> pl.DataFrame:
    """`loan_id` and `schedule_digest` of expanded instalments.

    A polynomial in wrapping 64-bit arithmetic rather than a library's hash, whose
    value may change from one release to the next.
    """
    prime = pl.lit(1_099_511_628_211, dtype=pl.UInt64)
    rows = rows.with_columns(pl.col("period_end").to_physical().alias("day"))
    mixed = pl.lit(14_695_981_039_346_656_037, dtype=pl.UInt64)
    for column in ("instalment_no", "day", "principal", "interest"):
        mixed = mixed.xor(pl.col(column).cast(pl.Int64).reinterpret(signed=False)) * prime
    return (
        rows.select("loan_id", schedule_digest=mixed)
        .group_by("loan_id")
        .agg(pl.col("schedule_digest").sum())
    )
