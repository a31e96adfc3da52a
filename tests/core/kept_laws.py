"""Every law over every day of a life, worked out for all days at once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace

import polars as pl

from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.laws.accounts import (
    ledger_equals_positions,
    movements_after,
    trial_balance,
)
from loanbook.core.servicing.laws.law import Law
from loanbook.core.servicing.laws.laws import laws_of_parts, restated_laws
from loanbook.core.servicing.laws.moved import Moved
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.replay.backdating import Restatement
from loanbook.core.store.closing.books import BALANCES


@dataclass
class KeptLaws:
    """Days of one book, as they are closed; `held` fails where one of them broke a law.

    Days differ in what they hold, and laws look at each loan by itself and each product by itself:
    so all are judged as one book, whose loans and entities are numbered apart by day.
    """

    balances: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=BALANCES))
    """Of the general ledger after the last day."""
    _dates: list[dt.date] = field(default_factory=list)
    _moved: list[Moved] = field(default_factory=list)
    _books: list[Book] = field(default_factory=list)
    _balances: list[pl.DataFrame] = field(default_factory=list)
    _restated: list[tuple[dt.date, Law]] = field(default_factory=list)

    def day(
        self,
        before: Book,
        closed: DayClose,
        restated: Restatement | None = None,
        moved: pl.DataFrame | None = None,
    ) -> None:
        """A day that was closed, and what news that came on it changed. `moved`: transfers of days since
        the one told before, where there are such."""
        transfers = closed.transfers if moved is None else moved
        self.balances = movements_after(self.balances, replace(closed, transfers=transfers))
        self._dates.append(closed.date)
        self._moved.append(Moved.by_close(before, closed))
        self._books.append(closed.book)
        self._balances.append(self.balances)
        if restated is not None:
            self._restated += [(closed.date, law) for law in restated_laws(restated)]

    def held(self) -> None:
        """Every law held on every day."""
        dates = pl.LazyFrame({"part": range(len(self._dates)), "on": self._dates})
        for law in laws_of_parts(self._moved):
            if not law.holds:
                found = law.found.lazy().join(dates, on="part").drop("part").sort("on").collect()
                raise AssertionError(f"{law.name}: {found}")
        books = [_numbered(b.terms, n) for n, b in enumerate(self._books)]
        sums = pl.concat(_numbered(rows, n) for n, rows in enumerate(self._balances))
        last = self._books[-1]
        positions = pl.concat(b.positions for b in self._books)
        all_days = Book(last.date, pl.concat(books), positions, last.dues, last.pending)
        each_day = sums.with_columns(
            currency=pl.col("entity").cast(pl.Int64) * 256 + pl.col("currency")
        )
        laws = [ledger_equals_positions(all_days, sums), trial_balance(each_day)]
        broken = [law for law in laws if not law.holds]
        assert not broken, f"entity // {ENTITIES} days after {self._dates[0]}: {broken}"
        late = [(date, law) for date, law in self._restated if not law.holds]
        assert not late, late


ENTITIES = 16
"""More than a test's book has."""


def _numbered(rows: pl.DataFrame, day: int) -> pl.DataFrame:
    assert (rows["entity"] < ENTITIES).all()
    return rows.with_columns(entity=(pl.col("entity") + day * ENTITIES).cast(pl.Int16))
