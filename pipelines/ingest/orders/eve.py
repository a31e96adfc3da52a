"""How loans stand on the eve of a file's business date.

Files of several days may be taken in at once, before any of these days is closed. What no close has lived is
lived here, by the engine, so that an order is judged by its day and not by what else lay in the folder.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import polars as pl

from loanbook.core.catalogue.codes import ENDED, Status
from loanbook.core.servicing.orders.event_totals import event_totals
from loanbook.pipelines.ingest.events import Known
from loanbook.pipelines.ingest.lives import Life

_ONE_DAY = dt.timedelta(days=1)
_STANDS = {
    "status": "status", "credit": "credit", "owed": "principal", "instalment_no": "instalment_no",
    "rate_now": "rate_ppb", "moratorium_left": "moratorium_left",
    "accelerated_on": "accelerated_on", "jurisdiction": "jurisdiction",
    "instalments_agreed": "instalments", "agreed": "principal_agreed",
}  # fmt: skip
"""What rules read of a loan as it stands, and the column of its terms and positions that has it."""


def on_the_eve(known: Known, date: dt.date) -> tuple[Known, dt.date | None]:
    """What a file of orders of a business date may know: how loans stand on the eve of it, what their money
    met by then and what was forgiven; and the booking date from which events still wait for a close."""
    known = replace(known, history=_read_once(known.history))
    eve = _Eve(known, date)
    asked = replace(known, standing=eve.standing, met=eve.met, waived=eve.waived)
    return asked, date if eve.is_open else known.first_open


def _read_once(history: Callable[[pl.Series], pl.DataFrame]) -> Callable[[pl.Series], pl.DataFrame]:
    """`history` that reads the events of a file's loans once, whoever asks for them."""
    read: list[tuple[pl.Series, pl.DataFrame]] = []

    def of(ids: pl.Series) -> pl.DataFrame:
        if not read or not ids.is_in(read[-1][0].implode()).all():
            read[:] = [(ids.unique(), history(ids))]
        return read[-1][1].filter(pl.col("loan_id").is_in(ids.implode()))

    return of


class _Eve:
    """The evening before a file's business date."""

    def __init__(self, known: Known, date: dt.date) -> None:
        self._known, self._eve = known, date - _ONE_DAY
        self._life: tuple[pl.Series, Life | None] | None = None
        self._date = known.booked_on(date)
        self.is_open = known.first_open is None or self._eve >= known.first_open
        """Whether days before the file's wait for their close."""

    def standing(self, ids: pl.Series) -> pl.DataFrame:
        """`order_context` and `event_totals` of the loans, as of the eve."""
        stored = self._known.standing(ids)
        life = self._of(ids)
        stands = stored if life is None else _as_lived(stored, life)
        published = self._known.first_open
        last = published - _ONE_DAY if published else None
        # of a file that lands late, what came for later days plays no part
        booked = self._known.told(ids).filter(pl.col("booking_date") <= self._date)
        told = event_totals(booked, self._eve if life is not None else last)
        both = stands.join(told, on="loan_id", how="left", maintain_order="left")
        return both.with_columns(agreed=pl.coalesce("agreed", "boarded_with")).drop("boarded_with")

    def met(self, ids: pl.Series) -> pl.DataFrame:
        """What money met on the loans (`loanbook.core.store.order_context.met`), as of the eve."""
        stored, life = self._known.met(ids), self._of(ids)
        if life is None:
            return stored
        lived = life.met.filter(pl.col("loan_id").is_in(ids.implode()))
        return _with_lived(stored, lived.select(stored.columns), life)

    def waived(self, ids: pl.Series) -> pl.DataFrame:
        """What of charges was forgiven (`loanbook.core.store.order_context.waived`), as of the eve."""
        stored, life = self._known.waived(ids), self._of(ids)
        if life is None:
            return stored
        lived = life.waived.filter(pl.col("loan_id").is_in(ids.implode()))
        return _with_lived(stored, lived.select(stored.columns), life)

    def _of(self, ids: pl.Series) -> Life | None:
        """The loans' lives to the eve, some more beside them; None: the ledger has them."""
        if not self.is_open:
            return None
        if self._life is None or not ids.is_in(self._life[0].implode()).all():
            self._life = ids.unique(), self._lived(ids)
        return self._life[1]

    def _lived(self, ids: pl.Series) -> Life | None:
        events = self._known.told(ids)
        by_then = events.filter(pl.col("booking_date") <= self._eve)
        return self._known.lived(by_then, self._eve) if by_then.height else None


def _as_lived(stored: pl.DataFrame, life: Life) -> pl.DataFrame:
    """Loans as the ledger has them, those that were lived as they stand on the eve."""
    given_up, closed = Status.written_off.value, life.book.closed
    ended = pl.when(pl.col("status") == given_up).then(given_up).otherwise(Status.closed.value)
    columns = ["loan_id", "agreed_schedule", "schedule_fixed_on", *_STANDS.values()]
    gone = (
        [] if closed is None else [closed.with_columns(status=ended.cast(pl.Int8)).select(columns)]
    )
    stands = pl.concat([
        life.book.wide().filter(~pl.col("status").is_in(ENDED)).select(columns),
        *gone,
    ]).select(
        "loan_id", _rows=pl.col("agreed_schedule").is_not_null(),
        _fixed=pl.col("schedule_fixed_on").is_not_null(),
        **{f"_{name}": pl.col(column) for name, column in _STANDS.items()},
    )  # fmt: skip
    both = stored.join(stands, on="loan_id", how="left", maintain_order="left")
    told = {
        "rows_agreed": "_rows",
        "interest_fixed": "_fixed",
        **{name: f"_{name}" for name in _STANDS},
    }
    was_lived = pl.col("_rows").is_not_null()
    return both.select(
        pl.when(was_lived).then(pl.col(told[name])).otherwise(name).alias(name).cast(kind)
        if name in told else pl.col(name)
        for name, kind in stored.schema.items()
    )  # fmt: skip


def _with_lived(stored: pl.DataFrame, lived: pl.DataFrame, life: Life) -> pl.DataFrame:
    """Rows of the ledger, those of events that were lived as that has them."""
    keys = life.applied["idempotency_key"]
    rest = stored.filter(~pl.col("idempotency_key").is_in(keys.implode()))
    return pl.concat([rest, lived.cast(dict(rest.schema))])  # type: ignore[arg-type]
