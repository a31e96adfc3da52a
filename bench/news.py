"""Late news for one loan in `EVERY` of a book, three months back, closed in shards: seconds, and memory of the workers."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import psutil

from bench.book import DAY, TILE, _tiled, balances, book
from loanbook.core.frames import empty
from loanbook.core.ledger.events import Events
from loanbook.core.servicing.day.close import NO_CHANGE, DayClose
from loanbook.core.servicing.laws.accounts import balances_of_part
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.dues import Dues
from loanbook.core.servicing.payments.allocations import Allocations
from loanbook.core.servicing.replay.fast_forward import fast_forward
from loanbook.core.store.lake import LAKE, insert, transaction
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days

EVERY, DAYS = 100, 90


def late_news(loans: int) -> dict[str, Any]:
    """A payment of `EVERY`th loan that is valued `DAYS` back is taken in by the close of the next day, in shards."""
    from bench.__main__ import _commit, _late, _store  # late: that module asks for this one

    home = Path(tempfile.mkdtemp(prefix="loanbook-news-"))
    last, today = DAY + dt.timedelta(days=DAYS - 1), DAY + dt.timedelta(days=DAYS)
    try:
        (home / "loanbook.toml").write_text("[close]\nfrom_loans = 0\n")
        with Ledger(Settings(home=home)) as ledger:
            policies = ledger.register(read_policies())
            tile = book(min(loans, TILE), policies)
            eve = _tiled(tile, loans)
            _store(ledger, eve, balances(eve))
            life = fast_forward(tile, empty(Events), policies, last)
            kept = {"closed": None, "closed_dues": None, "pending": tile.pending}
            whole = _tiled(replace(life.book(last), **kept), loans)  # type: ignore[arg-type]
            moves = _tiled_moves(life.all("transfers"), loans)
            done = _stood(whole, moves, last)
            _commit(ledger, done, balances_of_part(whole), [], 1, ledger.reserve()[0])
            news = _late(whole.of(whole.terms["loan_id"].gather_every(EVERY)), today)
            with transaction(ledger.connection):
                insert(ledger.connection, "events", news)
                ledger.connection.execute(
                    f"UPDATE {LAKE}.intake_head SET next_event_id = {10**11}, next_loan_id = {loans + 1}"
                )
            with _watched() as peak:
                (report,) = close_days(ledger, policies, [today], provenance(policies))
            rows = ledger.one("SELECT count(*) FROM {lake}.positions WHERE business_date < ? AND version = ?",
                              [today, report.version])  # fmt: skip
        return {
            "loans": loans,
            "restated": news.height,
            "days": DAYS,
            "rows": rows[0],
            **report.seconds,
            **peak,
        }
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _tiled_moves(moves: pl.DataFrame, loans: int) -> pl.DataFrame:
    own = moves.filter(pl.col("loan_id") > 0)
    copies = range(-(-loans // TILE))
    parts = [own.with_columns(pl.col("loan_id") + n * TILE) for n in copies]
    return pl.concat(parts).filter(pl.col("loan_id") <= loans)


def _stood(of: Book, moves: pl.DataFrame, date: dt.date) -> DayClose:
    """The last day of a book that was lived by the jump, with all that moved in it."""
    nothing = of.pending.clear()
    return DayClose(
        date, of, moves, empty(Allocations), nothing, of.terms.clear(),
        nothing.select("loan_id", "event_id", "amount"), NO_CHANGE, empty(Dues),
    )  # fmt: skip


@contextmanager
def _watched() -> Iterator[dict[str, float]]:
    """The most memory (GiB) that the worker processes had at once, and the largest of them."""
    peak, over = {"all_gib": 0.0, "largest_gib": 0.0}, threading.Event()

    def watch() -> None:
        me = psutil.Process()
        while not over.wait(0.05):
            sizes = []
            for each in me.children(recursive=True):
                try:
                    sizes.append(each.memory_info().rss / 2**30)
                except psutil.NoSuchProcess:
                    continue
            peak["all_gib"] = max(peak["all_gib"], sum(sizes))
            peak["largest_gib"] = max(peak["largest_gib"], *sizes, 0.0)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()
