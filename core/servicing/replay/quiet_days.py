"""The days between two stops, in closed form: interest by nights, and days past due by the day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl

from loanbook.core.catalogue.codes import ENDED
from loanbook.core.policy.models import Buckets
from loanbook.core.servicing.arrears.days_past_due import age
from loanbook.core.servicing.day.next_dates import ONE_DAY
from loanbook.core.servicing.income.deferred_income import any_deferred, unamortised_today
from loanbook.core.servicing.interest.accrual import earned
from loanbook.core.servicing.loan import balances
from loanbook.core.servicing.loan.business_date import BUSINESS_DATE
from loanbook.core.servicing.loan.claim import off_books
from loanbook.core.servicing.loan.positions import STATE

ROWS = 250_000
"""Days of loans that are made at a time."""


@dataclass(frozen=True)
class QuietSpans:
    """Loans as visited, and until when they stay so."""

    stood: pl.DataFrame
    """Terms, positions, `business_date`, `oldest`, `from_due_day`, and `until` (Date, exclusive)."""
    held: pl.DataFrame
    """Dues with `business_date` and `until`."""
    versions: tuple[Buckets, ...]
    eve: dt.date | None
    """Date of the book it began with, whose rows are not part of it."""

    @classmethod
    def between(
        cls,
        wide: pl.DataFrame,
        dues: pl.DataFrame,
        versions: tuple[Buckets, ...],
        eve: dt.date | None,
    ) -> QuietSpans:
        """`wide`: all visits, with `end`, the last date of the loan; `dues` after each of them."""
        until = pl.coalesce(BUSINESS_DATE.shift(-1).over("loan_id"), pl.col("end") + ONE_DAY)
        ended = pl.col("status").is_in(ENDED)
        visits = wide.sort("loan_id", "business_date").with_columns(
            until=pl.when(ended).then(BUSINESS_DATE + ONE_DAY).otherwise(until)
        )
        held = dues.join(
            visits.select("loan_id", "business_date", "until"), on=["loan_id", "business_date"]
        )
        held = held.sort("loan_id", "business_date", "instalment_no", "component")
        return cls(visits.drop("end"), held, versions, eve)

    def of(self, ours: pl.Expr) -> QuietSpans:
        """Those of some of the loans."""
        return replace(self, stood=self.stood.filter(ours), held=self.held.filter(ours))

    def wide(self, first: dt.date, last: dt.date) -> pl.DataFrame:
        """Terms, positions and `business_date` of every loan and day from `first` to `last`, by loan."""
        return self.rows(self._shown(), first, last)

    def positions(self, first: dt.date, last: dt.date) -> pl.DataFrame:
        """Positions and `business_date` of every loan and day from `first` to `last`, by loan and day."""
        return self.rows([*STATE, "business_date"], first, last)

    def rows(self, columns: list[str], first: dt.date, last: dt.date) -> pl.DataFrame:
        """Some columns of terms and positions of every loan and day from `first` to `last`, by loan and day."""
        parts = [part.select(columns) for part in self._parts(first, last)]
        return pl.concat([self.stood.select(columns).clear(), *parts])

    def last(self) -> pl.DataFrame:
        """Terms, positions and `business_date` of every loan on its last day, or the one it ended on."""
        latest = pl.col("until") == pl.col("until").max().over("loan_id")
        rows = self.stood.filter(latest).with_columns(
            begun=BUSINESS_DATE, business_date=pl.col("until") - ONE_DAY
        )
        return (
            self._with_nights(rows).select(self._shown())
            if rows.height
            else rows.select(self._shown())
        )

    def _shown(self) -> list[str]:
        """Terms, positions and `business_date`; what else is kept serves the days between."""
        return self.stood.columns[: self.stood.columns.index("business_date") + 1]

    def dues(self, first: dt.date, last: dt.date) -> pl.DataFrame:
        """Dues as they stood at the end of every day, with `business_date`; by loan and day."""
        rows = self._days(self.held, first, last)
        return rows.drop("until", "begun")

    def _days(self, rows: pl.DataFrame, first: dt.date, last: dt.date) -> pl.DataFrame:
        """`rows` once for each of their days within `first` to `last`; `begun`: the visit."""
        if self.eve is not None:
            first = max(first, self.eve + dt.timedelta(days=1))
        begins = pl.max_horizontal(BUSINESS_DATE, pl.lit(first))
        ends = pl.min_horizontal(pl.col("until") - ONE_DAY, pl.lit(last))
        spans = rows.filter(begins <= ends)
        return spans.with_columns(
            begun=BUSINESS_DATE, business_date=pl.date_ranges(begins, ends)
        ).explode("business_date")

    def _parts(self, first: dt.date, last: dt.date) -> Iterator[pl.DataFrame]:
        days = (pl.col("until") - BUSINESS_DATE).dt.total_days()
        part = self.stood.select(part=days.cum_sum() // ROWS).to_series()
        for number in part.unique().sort().to_list():
            rows = self._days(self.stood.filter(part == number), first, last)
            if rows.height:
                yield self._with_nights(rows)

    def _with_nights(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of quiet days have another night's interest; those of visits stay as they are."""
        quiet = pl.col("begun") < BUSINESS_DATE
        second = pl.col("begun") + ONE_DAY == BUSINESS_DATE
        accrued = rows.with_columns(whole=earned(rows))
        follows = (pl.col("loan_id") == pl.col("loan_id").shift(1)) & (
            pl.col("begun") == pl.col("begun").shift(1)
        )
        # the night before is the row before, but where the days begin in the midst of a stay
        before = pl.when(follows.fill_null(False)).then(pl.col("whole").shift(1))
        night: pl.Expr = before.otherwise(None)
        if accrued.select((quiet & ~second & ~follows.fill_null(False)).any()).item():
            accrued = accrued.with_columns(
                to_eve=earned(rows.with_columns(business_date=BUSINESS_DATE - ONE_DAY))
            )
            night = before.otherwise("to_eve")
        last_night = pl.when(second).then("interest_accrued").otherwise(night)
        lived = accrued.with_columns(
            interest_earned=pl.col("interest_earned")
            + pl.when(quiet).then(pl.col("whole") - pl.col("interest_accrued")).otherwise(0),
            accrued_today=pl.when(quiet)
            .then(pl.col("whole") - last_night)
            .otherwise("accrued_today"),
            **balances.set_accrued("whole", where=quiet),
            paid_today=pl.when(quiet).then(0).otherwise("paid_today"),
            income_deferred=pl.when(quiet)
            .then(unamortised_today(rows))
            .otherwise("income_deferred")
            if any_deferred(rows)
            else pl.col("income_deferred"),
        )
        return age(lived, self.versions).with_columns(off_books=off_books(lived))
