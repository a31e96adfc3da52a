"""Due dates of instalments as they were agreed: counted, or told row by row."""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.dates.due_dates import changes_of, due_date
from loanbook.core.frames import codes


def has_maturity(terms: pl.DataFrame) -> bool:
    """Whether some loan's last instalment falls due on a date of its own."""
    return "matures_on" in terms.columns and terms["matures_on"].count() > 0


def has_agreed_rows(terms: pl.DataFrame) -> bool:
    """Whether some loan's instalments were agreed one by one."""
    return "agreed_schedule" in terms.columns and terms["agreed_schedule"].count() > 0


def agreed_row(n: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Due date, principal and interest (Int64) of instalment `n` as it was agreed; null where none was."""
    rows, number = pl.col("agreed_schedule").str.split(";"), n.cast(pl.Int64)
    row = rows.list.get(pl.when(number > 0).then(number - 1), null_on_oob=True).str.split(":")
    date, principal, interest = (row.list.get(k, null_on_oob=True) for k in range(3))
    return (
        date.str.to_date("%Y-%m-%d"),
        principal.str.to_integer(strict=False),
        interest.str.to_integer(strict=False),
    )


def due_of(n: pl.Expr, loans: pl.DataFrame) -> pl.Expr:
    """Unadjusted due date of instalment `n` of `loans` (terms)."""
    counted = due_date(
        n, codes(loans, "unit"), matures=has_maturity(loans), changes=changes_of(loans)
    )
    return pl.coalesce(agreed_row(n)[0], counted) if has_agreed_rows(loans) else counted
