"""`make bench`: a day of a synthetic book, phase by phase, beside other ways to compute it."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import psutil
from rich.console import Console

from bench import contract, others
from bench.age import backfilled
from bench.book import DAY, balances, book, mixed, payments
from bench.clock import timed
from bench.curve import CSV, section
from bench.late import late
from bench.news import late_news
from bench.report import report
from bench.risk import risk_events
from bench.vault import vault
from loanbook.core.frames import empty
from loanbook.core.ledger.transfers import Transfers
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import NO_CHANGE, DayClose, close
from loanbook.core.servicing.laws.accounts import movements_after
from loanbook.core.servicing.laws.laws import check_laws
from loanbook.core.servicing.loan.book import Book
from loanbook.core.servicing.loan.dues import Dues
from loanbook.core.servicing.payments.allocations import Allocations
from loanbook.core.servicing.replay.backdating import close_with_news
from loanbook.core.servicing.replay.fast_forward import fast_forward
from loanbook.core.servicing.replay.replay import InMemoryHistory
from loanbook.core.store.lake import LAKE, insert, transaction
from loanbook.core.store.settings import Settings
from loanbook.core.store.upkeep.partitions import outgrown
from loanbook.core.store.writer import Decision, Lawful, Ledger
from loanbook.core.store.writing import Provenance
from loanbook.pipelines.resources import read_policies

BUILD, DOC = Path("build") / "bench.json", Path("docs") / "benchmarks.md"
SIZES = (100_000, 1_000_000, 10_000_000)
GIB_NEEDED = {10_000_000: 20}
SAMPLE = 20_000
BACKFILL_DAYS, RESTATED_DAYS, REPLAYED_DAYS, DAYS_MEASURED = 30, 91, 365, 3
BY = Provenance("bench", "service:bench", "policy", "code")
out = Console(width=120)
NO_DIGESTS = pl.DataFrame(schema={"loan_id": pl.Int64, "schedule_digest": pl.UInt64})


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def day_by_phase(
    loans: int, policies: PolicyBook, made: Callable[[int, PolicyBook], Book] = book
) -> dict[str, Any]:
    """Read, compute, check, write, commit of one day, from stored to committed version."""
    home = Path(tempfile.mkdtemp(prefix="loanbook-bench-"))
    try:
        ledger = Ledger(Settings(home=home))
        policies = ledger.register(policies)
        eve = made(loans, policies)
        _store(ledger, eve, balances(eve))
        del eve
        days = [
            _measured_day(ledger, policies, DAY + dt.timedelta(days=n), loans)
            for n in range(DAYS_MEASURED)
        ]
        peak = peak_gib()
        middle = {name: statistics.median(day[name] for day in days) for name in days[0]}
        ledger.close()
        return {
            "loans": loans, **middle, "whole_to_bare": middle["whole"] / middle["bare_write"],
            "peak_gib": peak,
        }  # fmt: skip
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _measured_day(
    ledger: Ledger, policies: PolicyBook, date: dt.date, loans: int
) -> dict[str, float]:
    """Seconds by phase of one day, from stored to published version, and of its bare write."""
    marks = [time.perf_counter()]
    stored, sums = ledger.book(policies)
    marks.append(time.perf_counter())
    events = payments(stored, date, seed=1 + (date - DAY).days)
    made = time.perf_counter() - marks[-1]
    done = close(stored, events, policies, date)
    marks.append(time.perf_counter() - made)
    after = movements_after(sums, done)
    laws = check_laws(stored, done, after)
    marks.append(time.perf_counter() - made)
    assert all(law.holds for law in laws), [law for law in laws if not law.holds]
    version, before = ledger.reserve()[0], _bytes(ledger)
    start = time.perf_counter()
    parent = ledger.head().published_version
    ledger.commit([Lawful(done, after, laws, parent, version, NO_DIGESTS)], BY)
    write = time.perf_counter() - start
    size = (_bytes(ledger) - before) / loans
    _publish(ledger, version, date)
    bare = timed(lambda: _bare(ledger, done), 1)
    read, compute, check = (b - a for a, b in zip(marks, marks[1:], strict=False))
    return {
        "read": read, "compute": compute, "check": check, "write": write,
        "whole": read + compute + check + write, "bare_write": bare, "bytes_a_loan_day": size,
    }  # fmt: skip


def _store(ledger: Ledger, of: Book, sums: pl.DataFrame) -> None:
    """Put a book into the ledger as its first published version."""
    nothing = of.pending.clear()
    assert of.date is not None
    done = DayClose(
        of.date, of, empty(Transfers), empty(Allocations), nothing, of.terms,
        nothing.select("loan_id", "event_id", "amount"), NO_CHANGE, empty(Dues),
    )  # fmt: skip
    outgrown(ledger.connection, 0, of.loans)  # as the intake of so many loans does
    version = ledger.reserve()[0]
    _commit(ledger, done, sums, [], 0, version)


def _publish(ledger: Ledger, version: int, date: dt.date) -> None:
    ledger.settle([Decision(version, date, pl.DataFrame(), True, "bench")], "bench")


def _bare(ledger: Ledger, done: DayClose) -> None:
    """The same rows into the same store, every column of positions in one table, and nothing else."""
    connection = ledger._connection
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {LAKE}.bare_positions AS SELECT * FROM {LAKE}.positions LIMIT 0"
    )
    with transaction(connection):
        mark = {"version": pl.lit(0, dtype=pl.Int64), "business_date": pl.lit(done.date)}
        insert(connection, "bare_positions", done.book.positions.with_columns(**mark))
        insert(connection, "dues", done.book.dues.with_columns(**mark))
        insert(connection, "transfers", done.transfers.with_columns(version=mark["version"]))
        insert(connection, "allocations", done.allocations.with_columns(**mark))


def _bytes(ledger: Ledger) -> int:
    """Bytes of the data files on disk."""
    return sum(f.stat().st_size for f in ledger.settings.data.rglob("*.parquet"))


def compared(loans: int, policies: PolicyBook) -> dict[str, Any]:
    """The same logical day by other means; agreement to the cent comes first."""
    eve = book(loans, policies)
    first = payments(eve, DAY, seed=1)
    mid = close(eve, first, policies, DAY).book  # the measured day has arrears and money in advance
    del eve
    day = DAY + dt.timedelta(days=1)
    events = _plain(mid, payments(mid, day, seed=2))
    ours = others.of_engine(close(mid, events, policies, day))
    today = others.number(day)
    tables = others.inputs(mid.wide(), mid.dues, events, day)
    results = {"compiled": others.compiled(*tables, today)}
    frames = [t.to_pandas() for t in tables]
    results["pandas"] = others.Day(
        *(pl.from_pandas(f).cast(pl.Int64) for f in others.with_pandas(*frames, today))
    )
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    connection.execute(f"CREATE TABLE clock AS SELECT {today}::BIGINT AS today")
    for name, table in zip(("state", "dues", "payments"), tables, strict=True):
        connection.register("_table", table.to_arrow())
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM _table")
    others.with_duckdb(connection)
    results["duckdb"] = others.duckdb_day(connection)
    for name, result in results.items():
        assert result.same(ours), f"{name} disagrees with the engine"
    state, dues, pay = (t.filter(pl.col("loan_id") <= SAMPLE) for t in tables)
    rows: dict[int, list[dict[str, int]]] = {}
    for due in dues.to_dicts():
        rows.setdefault(due["loan_id"], []).append(due)
    sample = (
        state.to_dicts(), rows, {loan: (e, m) for loan, e, m in pay.rows()}, today,
    )  # fmt: skip
    looped = others.Day(
        *(
            pl.DataFrame(found, schema=dict.fromkeys(names, pl.Int64), orient="row")
            for found, names in zip(
                others.with_decimals(*sample),
                (others.POSITION, others.DUE, others.PAID, others.MOVED),
                strict=True,
            )
        )
    )
    assert looped.same(ours.of_loans(SAMPLE)), "the decimal loop disagrees with the engine"
    columns = {
        "engine": timed(lambda: close(mid, events, policies, day), 9, warm=4),
        "compiled": timed(lambda: others.compiled(*tables, today), 9, warm=4),
        "pandas": timed(lambda: others.with_pandas(*frames, today), 9, warm=4),
        "duckdb": timed(lambda: others.with_duckdb(connection), 5, warm=1),
        "decimal loop (scaled from a sample)": timed(lambda: others.with_decimals(*sample), 1)
        * loans / SAMPLE,
    }  # fmt: skip
    return {"loans": loans, "seconds": columns, "agree": "to the cent, all loans (loop: a sample)"}


def of_all_products(loans: int, policies: PolicyBook) -> dict[str, Any]:
    """A day of a book of all products, beside a plain one with as many loans and payments."""
    found: dict[str, Any] = {"loans": loans}
    for name, made in (("plain", book(loans, policies)), ("mixed", mixed(loans, policies))):
        first = close(made, payments(made, DAY, seed=1), policies, DAY).book
        day = DAY + dt.timedelta(days=1)
        events = payments(first, day, seed=2)
        found[name] = timed(lambda b=first, e=events, d=day: close(b, e, policies, d), 7, warm=2)  # type: ignore[misc]
        found[f"{name}_products"] = first.terms["product"].n_unique()
    return found


def _plain(of: Book, events: pl.DataFrame) -> pl.DataFrame:
    """Payments below what a loan owes on its instalment: what the flat state can hold."""
    owed = of.wide().select(
        "loan_id", room=pl.max_horizontal(pl.col("emi") - pl.col("prepaid_dues"), pl.lit(1)) // 2
    )
    return (
        events.join(owed, on="loan_id", maintain_order="left")
        .with_columns(amount=pl.min_horizontal("amount", "room"))
        .drop("room")
    )


def backfill(loans: int, policies: PolicyBook, days: int) -> dict[str, Any]:
    """Days in one process with the book in memory, against one day from store to store."""
    from concurrent.futures import Future, ThreadPoolExecutor

    home = Path(tempfile.mkdtemp(prefix="loanbook-bench-"))
    try:
        ledger = Ledger(Settings(home=home))
        policies = ledger.register(policies)
        eve = book(loans, policies)
        _store(ledger, eve, balances(eve))
        del eve

        def run(count: int, first: dt.date) -> float:
            start = time.perf_counter()
            current, sums = ledger.book(policies)
            parent = ledger.head().published_version
            versions = ledger.reserve(count)
            with ThreadPoolExecutor(1) as writer:
                writing: Future[None] | None = None
                for n, version in enumerate(versions):
                    date = first + dt.timedelta(days=n)
                    events = payments(current, date, seed=100 + n)
                    done = close(current, events, policies, date)
                    sums = movements_after(sums, done)
                    laws = check_laws(current, done, sums)
                    if writing is not None:
                        writing.result()
                    writing = writer.submit(_commit, ledger, done, sums, laws, parent, version)
                    current, parent = done.book, version
                if writing is not None:
                    writing.result()
            return time.perf_counter() - start

        one = run(1, DAY)
        many = run(days, DAY + dt.timedelta(days=1))
        ledger.close()
        return {"loans": loans, "days": days, "one_day": one, "all_days": many, "ratio": many / one}
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _commit(ledger: Ledger, done: DayClose, sums: pl.DataFrame, laws: list[Any], parent: int,
            version: int) -> None:  # fmt: skip
    ledger.commit([Lawful(done, sums, laws, parent, version, NO_DIGESTS)], BY)
    _publish(ledger, version, done.date)


class _Known(InMemoryHistory):
    """The past of a bench book: it begins with loans that live already."""

    def __init__(self, start: Book, events: pl.DataFrame, policies: PolicyBook) -> None:
        super().__init__(events, policies)
        self._start = start

    def book(self, ids: pl.Series, date: dt.date) -> Book:
        return self._start


def restated(loans: int, policies: PolicyBook, days: int) -> dict[str, Any]:
    """Late news for each of some loans from `days` ago, restated and written; and their replay.

    The loans of the news alone stand in the book: the others cost a restatement nothing but one
    look at their ids and one merge.
    """
    home = Path(tempfile.mkdtemp(prefix="loanbook-bench-"))
    try:
        ledger = Ledger(Settings(home=home))
        policies = ledger.register(policies)
        eve = book(loans, policies)
        _store(ledger, eve, balances(eve))
        current, events, _ = _lived(eve, policies, days)
        past = _Known(eve, events, policies)
        past.date = DAY + dt.timedelta(days=days - 1)
        today = DAY + dt.timedelta(days=days)
        late = _late(eve, today)
        start = time.perf_counter()
        _, done, again = close_with_news(current, late, past, policies, today)
        computed = time.perf_counter() - start
        assert again is not None
        version = ledger.reserve()[0]
        start = time.perf_counter()
        parent = ledger.head().published_version
        ledger.commit(
            [Lawful(done, balances(done.book), [], parent, version, NO_DIGESTS, again)], BY
        )
        written = time.perf_counter() - start
        ledger.close()
        return {"loans": loans, "days": days, "restate": computed, "write": written,
                "peak_gib": peak_gib()}  # fmt: skip
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _lived(eve: Book, policies: PolicyBook, days: int) -> tuple[Book, pl.DataFrame, float]:
    """The book after some days of payments, their events, and the seconds of the closes."""
    booked, current, seconds = [], eve, 0.0
    for n in range(days):
        date = DAY + dt.timedelta(days=n)
        today = payments(current, date, seed=300 + n)
        booked.append(today.with_columns(pl.col("event_id") + n * 10**7))
        start = time.perf_counter()
        current = close(current, booked[-1], policies, date).book
        seconds += time.perf_counter() - start
    return current, pl.concat(booked), seconds


def replayed(loans: int, policies: PolicyBook, days: int) -> dict[str, Any]:
    """Some loans lived day by day, and again by the jump with a position for every day of them."""
    eve = book(loans, policies)
    current, events, seconds = _lived(eve, policies, days)
    last = DAY + dt.timedelta(days=days - 1)
    start = time.perf_counter()
    life = fast_forward(eve, events, policies, last)
    stops = time.perf_counter() - start
    rows = life.stay.positions(DAY, last)
    took = time.perf_counter() - start
    assert life.book(last).positions.equals(current.positions)
    assert life.book(last).dues.equals(current.dues)
    return {"loans": loans, "days": days, "daily": seconds, "stops": stops, "replay": took,
            "rounds": len(life.rounds), "rows": rows.height}  # fmt: skip


def _late(of: Book, today: dt.date) -> pl.DataFrame:
    """A payment of one unit for every loan, valued on the first day and booked today."""
    one = payments(of, DAY, seed=7).head(1)
    return (
        one.drop("loan_id", "event_id", "idempotency_key")
        .join(of.positions.select("loan_id"), how="cross")
        .with_columns(
            event_id=pl.col("loan_id") + 9 * 10**9,
            idempotency_key=pl.format("late-{}", "loan_id"),
            booking_date=pl.lit(today),
            amount=pl.lit(100, dtype=pl.Int64),
        )
        .select(of.pending.columns)
    )


def _alone(what: str, loans: int) -> dict[str, Any] | None:
    """A measurement in a process of its own, so that its peak memory is its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "bench", what, str(loans)],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        out.print(f"{what} at {loans:,} loans did not finish: {ran.stderr.strip()[-300:]}")
        return None
    return json.loads(ran.stdout.strip().splitlines()[-1])  # type: ignore[no-any-return]


def main() -> None:
    memory = psutil.virtual_memory().total / 2**30
    result: dict[str, Any] = {
        "cores": os.cpu_count(), "memory_gib": memory, "machine": platform.machine(),
        "date": dt.date.today().isoformat(), "days": [], "left_out": {},
    }  # fmt: skip
    for loans in SIZES:
        if memory < GIB_NEEDED.get(loans, 0):
            result["left_out"][loans] = f"needs {GIB_NEEDED[loans]} GiB of memory"
            out.print(f"{loans:,} loans: left out, {result['left_out'][loans]}")
            continue
        out.print(f"a day of {loans:,} loans …")
        found = _alone("day", loans)
        if found is None:
            result["left_out"][loans] = "the measurement did not finish"
        else:
            result["days"].append(found)
    out.print("the same day by other means …")
    result["compared"] = _alone("compared", 1_000_000)
    out.print(f"a backfill of {BACKFILL_DAYS} days …")
    result["backfill"] = _alone("backfill", 1_000_000)
    out.print(f"late news {RESTATED_DAYS} days back …")
    out.print("a mixed book, schedules, rates …")
    for what in ("mixed", "mixed_day", "schedules", "rates"):
        result[what] = _alone(what, 1_000_000)
    result["restated"] = _alone("restated", 10_000)
    result["late_news"] = _alone("late_news", 1_000_000)
    result["replayed"] = _alone("replayed", 10_000)
    result["small"] = _alone("small", REPLAYED_DAYS)
    result["vault"] = _alone("vault", 1_000_000)
    result["late"] = _alone("late", 1_000_000)
    result["risk_events"] = _alone("risk_events", 1_000_000)
    BUILD.parent.mkdir(exist_ok=True)
    BUILD.write_text(json.dumps(result, indent=2))
    text = report(result)
    if CSV.exists():  # of `python -m bench.age`, which takes a quarter of an hour
        text += "\n".join(section(pl.read_csv(CSV))) + "\n"
    DOC.write_text(text)
    for line in text.splitlines():
        if line.startswith("|"):
            out.print(line)
    out.print(f"written to {BUILD} and {DOC}")


MEASURES: dict[str, Callable[[int], dict[str, Any]]] = {
    "day": lambda loans: day_by_phase(loans, read_policies()),
    "compared": lambda loans: compared(loans, read_policies()),
    "backfill": lambda loans: backfill(loans, read_policies(), BACKFILL_DAYS),
    "mixed": lambda loans: of_all_products(loans, read_policies()),
    "mixed_day": lambda loans: day_by_phase(loans, read_policies(), mixed),
    "schedules": lambda loans: contract.schedules(loans, read_policies()),
    "rates": lambda loans: contract.rates(loans, read_policies()),
    "small": backfilled,
    "vault": vault,
    "late": late,
    "risk_events": lambda loans: risk_events(loans, read_policies()),
    "restated": lambda loans: restated(loans, read_policies(), RESTATED_DAYS),
    "late_news": late_news,
    "replayed": lambda loans: replayed(loans, read_policies(), REPLAYED_DAYS),
}

if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(MEASURES[sys.argv[1]](int(sys.argv[2]))))
    else:
        main()
