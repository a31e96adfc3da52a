"""Periods that are no whole ones: which they are, their days, and those of a whole one.

Expressions over one row a loan, as :class:`loanbook.core.contract.batch.Batch`. Each is long, for a due date is, and
the factor of a period asks for it again and again: nested in one expression it is worked out wherever it occurs
(the streaming engine shares nothing, and the in-memory one searches for longer than it answers). So they can
stand in columns of the frame, for as long as its periods stay (`OddPeriods.in_columns`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar

import polars as pl

from loanbook.core.contract import first_period
from loanbook.core.contract.dates.day_count import counts_days
from loanbook.core.contract.dates.due_dates import due_date, first_due_for
from loanbook.core.contract.dates.instalment_dates import agreed_row
from loanbook.core.contract.first_period import Stub

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)
Pair = tuple[pl.Expr, pl.Expr]
_COLUMNS: dict[str, tuple[str, ...]] = {}
"""Columns in which the expressions of a method stand, by the method's name."""


def _kept(*columns: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """A method whose expressions are these columns once they stand there."""

    def of(build: Callable[[Any], Any]) -> Callable[[Any], Any]:
        _COLUMNS[build.__name__] = columns

        @wraps(build)
        def found(self: OddPeriods) -> Any:
            if build.__name__ not in self.kept:
                return build(self)
            told = tuple(pl.col(column) for column in columns)
            return told if len(told) > 1 else told[0]

        return found

    return of


class Dated(Protocol):
    """What of a batch says which of its periods are no whole ones (`loanbook.core.contract.batch.Batch`)."""

    units: frozenset[int]
    stubs: frozenset[int]
    redated: int
    matures: bool
    off_cycle: bool
    agreed: bool
    reckoned: bool
    reshaped: bool
    stubbed: bool

    def due_date(self, n: pl.Expr) -> pl.Expr:
        """Unadjusted due date of instalment `n`."""
        ...


class OddPeriods:
    """Of the loans of a batch. `kept`: methods whose expressions stand in columns."""

    def __init__(self, batch: Dated, kept: frozenset[str] = frozenset()) -> None:
        self.batch, self.kept = batch, kept

    @property
    def columns(self) -> list[str]:
        """Columns that `in_columns` added."""
        return [column for method in self.kept for column in _COLUMNS[method]]

    def asked(self) -> bool:
        """Whether factors of the batch ask for any of it."""
        return any(self._stages())

    def in_columns(self, frame: Frame) -> tuple[Frame, OddPeriods]:
        """`frame` with what its factors ask of its odd periods in columns, and the periods that read them there;
        a frame of whole periods as it is."""
        odd = self
        for stage in self._stages():
            told: dict[str, pl.Expr] = {}
            for method in stage:
                made = getattr(odd, method)()
                each = made if isinstance(made, tuple) else (made,)
                told |= dict(zip(_COLUMNS[method], each, strict=True))
            if told:
                frame = frame.with_columns(**told)
                odd = OddPeriods(self.batch, odd.kept | frozenset(stage))
        return frame, odd

    def _stages(self) -> tuple[list[str], ...]:
        """Methods that the factors of the batch ask, those that others ask before them."""
        batch = self.batch
        forward = Stub.forward.value in batch.stubs
        starts = batch.reshaped or batch.agreed or forward
        dated = batch.reckoned or batch.reshaped or batch.off_cycle
        asked = {
            "whole_periods": starts, "due_before": dated, "in_units": batch.reckoned,
            "is_reckoned": batch.reckoned, "forward": starts, "stub_days": batch.stubbed,
            "is_redated": batch.off_cycle, "redated_days": batch.off_cycle,
            "odd_row": batch.agreed, "odd_last": batch.matures,
            "is_reshaped": batch.reshaped, "reshaped_days": batch.reshaped,
        }  # fmt: skip
        order = (
            ("whole_periods", "due_before", "in_units"),
            ("is_reckoned", "forward", "stub_days", "is_redated", "redated_days", "odd_last"),
            ("odd_row", "is_reshaped", "reshaped_days"),
        )
        return tuple([method for method in stage if asked[method]] for stage in order)

    @_kept("_whole_ends", "_next_whole_ends")
    def whole_periods(self) -> Pair:
        """Where a whole period from the start of the running one ends (Date), and the one after it."""
        return first_period.whole_periods()

    @_kept("_due_before")
    def due_before(self) -> pl.Expr:
        """Due date before that of the running instalment, as it is counted (Date)."""
        return self.batch.due_date(pl.col("instalment_no").cast(pl.Int32) - 1)

    @_kept("_unit_parts", "_unit_whole")
    def in_units(self) -> Pair:
        """The period in units of `rate_unit`, as `first_period.in_units`."""
        return first_period.in_units()

    @_kept("_forward_days", "_forward_whole")
    def forward(self) -> Pair:
        """The period counted from its start, as `first_period.forward`."""
        return first_period.forward(wholes=self.whole_periods())

    def regular_start(self, n: pl.Expr) -> pl.Expr:
        """Where a whole period begins that ends with instalment `n`: the due date before it, but where due
        dates are counted anew from `n` on."""
        batch = self.batch
        if not batch.off_cycle:
            return batch.due_date(n.cast(pl.Int32) - 1)
        return due_date(n.cast(pl.Int32) - 1, batch.units, changes=batch.redated, like=n)

    def _start_of_running(self) -> pl.Expr:
        """`regular_start` of the running instalment."""
        n = pl.col("instalment_no")
        return self.regular_start(n) if self.batch.off_cycle else self.due_before()

    @_kept("_is_redated")
    def is_redated(self) -> pl.Expr:
        """Periods from the last due date that is counted one way to the first that is counted another, no
        whole ones; so is the first after a maturity of its own, which ends on the cycle."""
        n = pl.col("instalment_no")
        redated = bool(self.batch.redated)
        counted_anew = pl.col("due_date_changes").is_not_null() if redated else pl.lit(False)
        if self.batch.matures:
            counted_anew |= pl.col("matures_on").is_not_null() & (n > pl.col("instalments"))
        moved = self.due_before() != self.regular_start(n)
        return (n > 1) & counted_anew & ~counts_days() & moved

    @_kept("_redated_days", "_redated_whole")
    def redated_days(self) -> Pair:
        """Days of such a period, over those of a regular one, on the dates that are counted: as `reshaped_days`."""
        n = pl.col("instalment_no").cast(pl.Int32)
        began, ends = self.due_before(), self.batch.due_date(n)
        counts_on = pl.col("stub") == Stub.forward.value
        on, whole = first_period.forward(began, ends)
        regular = (ends - self.regular_start(n)).dt.total_days()
        return (
            pl.when(counts_on).then(on).otherwise((ends - began).dt.total_days()),
            pl.when(counts_on).then(whole).otherwise(regular),
        )

    @_kept("_is_reshaped")
    def is_reshaped(self) -> pl.Expr:
        """Periods after the first that an order made longer or shorter: they begin elsewhere than the due
        dates before them say. A calendar that moves the accrual moves no period so."""
        n = pl.col("instalment_no")
        cut = pl.col("period_start") != self._start_of_running()
        reshaped = (n > 1) & pl.col("has_stub") & cut & ~pl.col("adjust_accrual") & ~counts_days()
        return reshaped & ~self.is_reckoned() if self.batch.reckoned else reshaped

    @_kept("_reshaped_days", "_reshaped_whole")
    def reshaped_days(self) -> Pair:
        """Days of a period that an order reshaped, over those of a regular one: the one that ends with it, or
        as the product counts a first period from its start."""
        actual = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
        regular = (pl.col("period_end") - self._start_of_running()).dt.total_days()
        counts_on = pl.col("stub") == Stub.forward.value
        on, whole = self.forward()
        return (
            pl.when(counts_on).then(on).otherwise(actual),
            pl.when(counts_on).then(whole).otherwise(regular),
        )

    @_kept("_is_reckoned")
    def is_reckoned(self) -> pl.Expr:
        """Periods after a re-age that are no whole ones of the loan's own: they begin off its due dates, or its
        dues come by another unit than the rate was agreed by."""
        own = pl.col("rate_unit") == pl.col("unit")
        regular = pl.col("adjust_accrual") | (pl.col("period_start") == self.due_before())
        return (pl.col("rate_unit").is_not_null() & ~(own & regular)).fill_null(False)

    @_kept("_stub_days", "_stub_whole")
    def stub_days(self) -> Pair:
        """Days of the first period, and of a regular one that ends with it."""
        start, end = pl.col("period_start"), pl.col("period_end")
        regular_start = self.batch.due_date(pl.lit(0))
        return (end - start).dt.total_days(), (end - regular_start).dt.total_days()

    @_kept("_is_odd_row", "_row_days", "_row_whole")
    def odd_row(self) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
        """Whether the period is that of an agreed row and no whole one, its days, and those of a regular
        one, as `reshaped_days` counts them. A semi-monthly row is a whole one."""
        start, end = pl.col("period_start"), pl.col("period_end")
        before = first_due_for(end, pl.lit(1))
        whole = (self.whole_periods()[0] == end) | (before == start)
        odd = agreed_row(pl.col("instalment_no"))[0].is_not_null() & ~whole & before.is_not_null()
        counts_on = pl.col("stub") == Stub.forward.value
        on, after = self.forward()
        days = pl.when(counts_on).then(on).otherwise((end - start).dt.total_days())
        regular = pl.when(counts_on).then(after).otherwise((end - before).dt.total_days())
        return odd.fill_null(False), days, regular

    @_kept("_is_odd_last", "_last_days", "_last_whole")
    def odd_last(self) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
        """Whether the period is a last one that ends on a date of its own, its days, and those that it
        would have on the cycle."""
        batch = self.batch
        last = pl.col("instalment_no") == pl.col("instalments")
        odd = (last & pl.col("matures_on").is_not_null()).fill_null(False)
        on_cycle = due_date(pl.col("instalments"), batch.units, changes=batch.redated)
        began = self.regular_start(pl.col("instalments"))
        actual = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
        return odd, actual, (on_cycle - began).dt.total_days()
