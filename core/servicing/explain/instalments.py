"""The instalments of loans on a date: what was asked and paid of each, and what is to come.

What was asked is the grid that every close makes: dues that left the book and those that stand. What
is to come is billing's own projection, with the tax that billing will ask on it.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.components import PARTS, Component, is_, is_interest
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.loan.dues import due_rows
from loanbook.core.servicing.loan.taxes import tax_on
from loanbook.core.servicing.replay.fast_forward import History
from loanbook.core.servicing.schedule.projection import to_come

_GRID = ["loan_id", "instalment_no", "component", "due_date", "amount", "paid"]
STATES = ("paid", "due", "past due", "to come", "fell away")
"""What an instalment can be on a date; fell away: it left the book unpaid (paid off early, given up,
spread anew)."""


def instalments(lived: History, policies: PolicyBook, on: dt.date) -> pl.DataFrame:
    """The instalments of the loans of `lived` at the end of `on`, its last day.

    One row an instalment and date on which a part of it falls due: `loan_id`, `instalment_no` (Int16; 0: no instalment's, below it: a down payment), `due_date`, one
    column a component (`PARTS`), `amount` in all and `paid` (Int64 minor units), `status` (of `STATES`).
    What is to come is as if what is due were paid today and each instalment on its day; of a line of
    credit nothing is foreseen.
    """
    left = lived.all("settled").select(_GRID)
    there = _open_and_to_come(lived.book(on), policies, on)
    rows = pl.concat([left.with_columns(stands=False), there.with_columns(stands=True)])
    parts = {
        name: pl.col("amount").filter(is_(component)).sum() for name, component in PARTS.items()
    }
    # what is unpaid keeps its own date: a charge to come hides no arrears beside it
    unpaid = pl.col("stands") & (pl.col("amount") > pl.col("paid"))
    last = pl.col("due_date").max().over("loan_id", "instalment_no")
    rows = rows.with_columns(due_date=pl.when(unpaid).then("due_date").otherwise(last))
    grid = rows.group_by("loan_id", "instalment_no", "due_date").agg(
        **parts,
        amount=pl.col("amount").sum(), paid=pl.col("paid").sum(), stands=pl.col("stands").any(),
    )  # fmt: skip
    asked = grid.filter((pl.col("amount") != 0) | (pl.col("paid") != 0))
    return (
        asked.with_columns(status=_status(on))
        .sort("loan_id", "due_date", "instalment_no")
        .select("loan_id", "instalment_no", "due_date", *PARTS, "amount", "paid", "status")
    )


def owed(book: Book, policies: PolicyBook, on: dt.date, through: dt.date) -> pl.DataFrame:
    """What loans of a book at the end of `on` owe by `through`: `loan_id`, `due_date`, `amount` (Int64 minor
    units, above zero), unpaid dues and those to come, as if what is due were paid today."""
    rows = _open_and_to_come(book, policies, on, through).filter(pl.col("due_date") <= through)
    sums = rows.group_by("loan_id", "due_date").agg(
        amount=(pl.col("amount") - pl.col("paid")).sum()
    )
    return sums.filter(pl.col("amount") > 0).sort("loan_id", "due_date")


def _open_and_to_come(
    book: Book, policies: PolicyBook, on: dt.date, through: dt.date = dt.date.max
) -> pl.DataFrame:
    """Dues of a book and those to come (columns `_GRID`; of a due that is there already what is added to it), at
    least those due by `through`."""
    stands = book.dues.select(_GRID)
    wide = dated(book.wide(), on)
    coming = to_come(wide, dated(book.dues, on), policies.calendars, through)
    taxes = _taxes_to_come(wide, pl.concat([dated(stands, on), coming.select(*_GRID, "business_date")]),
                           policies)  # fmt: skip
    return pl.concat([stands, coming.select(_GRID), taxes.select(_GRID)])


def _taxes_to_come(wide: pl.DataFrame, dues: pl.DataFrame, policies: PolicyBook) -> pl.DataFrame:
    """Dues of tax on interest that falls due later, as billing asks it; what money met is taxed."""
    later = dues.filter(is_interest() & (pl.col("due_date") > pl.col("business_date")))
    base = later.group_by("loan_id", "instalment_no", maintain_order=True).agg(
        pl.col("due_date", "business_date").last(), base=(pl.col("amount") - pl.col("paid")).sum()
    )
    placed = base.join(wide.select("loan_id", "product", "jurisdiction"), on="loan_id")
    on_its_day = placed.with_columns(business_date="due_date")
    taxed = tax_on(on_its_day, Component.interest, "base", policies).filter(pl.col("tax") > 0)
    return due_rows(taxed, "instalment_no", Component.tax, "due_date", "tax")


def _status(on: dt.date) -> pl.Expr:
    unpaid = pl.col("amount") > pl.col("paid")
    falls = pl.col("due_date")
    return (
        pl.when(~unpaid)
        .then(pl.lit("paid"))
        .when(~pl.col("stands"))
        .then(pl.lit("fell away"))
        .when(falls > on)
        .then(pl.lit("to come"))
        .when(falls == on)
        .then(pl.lit("due"))
        .otherwise(pl.lit("past due"))
    )
