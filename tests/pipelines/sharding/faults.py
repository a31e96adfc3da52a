"""Engines that are wrong in a way, for worker processes too: they are found by their names."""

from __future__ import annotations

import datetime as dt
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import polars as pl

from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose, close
from loanbook.core.servicing.loan.book import Book

BENT = 2
"""A loan whose principal is wrong on 5 January."""
MARK = "LOANBOOK_TEST_KILLED"
"""Names a file that tells that a worker was killed already."""


def bent(book: Book, events: pl.DataFrame, policies: PolicyBook, date: dt.date) -> DayClose:
    done = close(book, events, policies, date)
    wrong = (pl.col("loan_id") == BENT) & (date == dt.date(2018, 1, 5))
    positions = done.book.positions.with_columns(
        principal=pl.col("principal") + wrong.cast(pl.Int64)
    )
    return replace(done, book=replace(done.book, positions=positions))


def killed_once(book: Book, events: pl.DataFrame, policies: PolicyBook, date: dt.date) -> DayClose:
    mark = Path(os.environ[MARK])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return bent(book, events, policies, date)


def slow(book: Book, events: pl.DataFrame, policies: PolicyBook, date: dt.date) -> DayClose:
    """A shard that takes five seconds, and tells that it began."""
    Path(os.environ[MARK]).touch()
    time.sleep(5)
    return bent(book, events, policies, date)
