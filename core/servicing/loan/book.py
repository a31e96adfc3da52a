"""The book: everything about every live loan that the next day's close depends on."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import polars as pl

from loanbook.core.contract.terms import Agreed, Terms
from loanbook.core.frames import LARGE, empty, zeros
from loanbook.core.servicing.loan.dues import Dues
from loanbook.core.servicing.loan.positions import CHANGING, STATE, Positions

HELD = {
    "loan_id": pl.Int64,
    "since": pl.Date,
    "good_until": pl.Date,
    "law": pl.String,
    "figures": pl.String,
    "remedy": pl.String,
}
"""Schema of loans that are held: the first date that each broke a law, its last good one (null: it
has not entered the book), what it breaks, the figures of it, and what to do."""


_NOBODY_HELD, _NOBODY = pl.DataFrame(schema=HELD), pl.Series(dtype=pl.Int64)


def nobody_held() -> pl.DataFrame:
    """No loan is held."""
    return _NOBODY_HELD


@dataclass(frozen=True)
class Book:
    """Terms, positions and dues of all live loans at the end of `date`.

    `terms` and `positions` have one row per loan in the same order, by `loan_id`.
    `terms` also holds the pinned product parameters. `pending` are events that wait for
    their value date.
    """

    date: dt.date | None
    terms: pl.DataFrame
    positions: pl.DataFrame
    dues: pl.DataFrame
    pending: pl.DataFrame
    closed: pl.DataFrame | None = None
    """Terms and last positions, side by side, of loans that left the book and may come back."""
    closed_dues: pl.DataFrame | None = None
    held: pl.DataFrame = field(default_factory=nobody_held)
    """Loans that are held on `date` (schema `HELD`): their rows are those of their last good date."""
    returning: pl.Series = field(default_factory=lambda: _NOBODY)
    """Those of `held` that the next close lives again, and no longer holds."""

    @classmethod
    def empty(cls, pins: pl.DataFrame, events: pl.DataFrame) -> Book:
        """A book before its first day; `events` gives the schema of what waits."""
        pinned = pins.drop("entity", "currency")
        terms = with_agreed(empty(Terms).join(pinned, on="product", how="left"))
        return cls(None, terms, empty(Positions), empty(Dues), events.clear())

    def of(self, ids: pl.Series) -> Book:
        """The book of these loans alone."""
        ours = pl.col("loan_id").is_in(ids.implode())
        return replace(
            self, terms=self.terms.filter(ours), positions=self.positions.filter(ours),
            dues=self.dues.filter(ours), pending=self.pending.filter(ours),
            closed=None if self.closed is None else self.closed.filter(ours),
            closed_dues=None if self.closed_dues is None else self.closed_dues.filter(ours),
            held=self.held.filter(ours),
        )  # fmt: skip

    @property
    def loans(self) -> int:
        """Number of loans in the book."""
        return self.positions.height

    def wide(self) -> pl.DataFrame:
        """Terms and positions side by side, one row per loan."""
        return pl.concat([self.terms, self.positions.drop("loan_id")], how="horizontal")


_COPYING = ThreadPoolExecutor(2, thread_name_prefix="replaced")


def replaced(
    frame: pl.DataFrame, mask: pl.Series, before: pl.DataFrame, after: pl.DataFrame
) -> pl.DataFrame:
    """`frame` with the rows of mask `mask` as they are in `after`; `before` are those rows in it.

    All in order of `loan_id`. Only columns that changed are written, of the terms those that an
    event can change.
    """
    if before.is_empty():
        return frame
    where = mask.arg_true()
    changed = [
        name
        for name in (*STATE, *CHANGING)
        if not after[name].equals(before[name], null_equal=True)
    ]

    def written(name: str) -> pl.Series:
        return frame[name].scatter(where, after[name])

    # copying columns is bound by memory: more than one at a time on a large book
    many = frame.height >= LARGE
    return frame.with_columns(_COPYING.map(written, changed) if many else map(written, changed))


def with_agreed(terms: pl.DataFrame) -> pl.DataFrame:
    """Terms of no loans with the columns `schedule.agree` adds, for an empty book."""
    return terms.with_columns(**zeros(Agreed))
