"""What a night costs as a ledger ages: `python -m bench.age DAYS`, a book of 100 synthetic loans.

Real days all: months that are not measured are closed in groups, the last 30 nights before each point one by one, each
by an intake, a close and the marts. Files are merged and shelved at each month's end, as `loanbook maintain` does; then
a month that was closed in groups and one that was closed by nights are the same files. Snapshots expire with each
(their age by the clock would be minutes); files that were merged stay on the disk, for they are younger than a day.

At each point the instance is copied. When all are there, their next nights are measured in turns, so that what else the
machine does falls on all of them alike.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from bench.curve import BUILD
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.instance import SHIPPED_POLICIES, Maintenance
from loanbook.core.store.marts import refresh_marts
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.upkeep.files import data_files
from loanbook.core.store.upkeep.maintenance import extent, maintain
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.ingest.shelving import shelve
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days

FIRST, LOANS, POINTS, NIGHTS = dt.date(2012, 1, 1), 100, (30, 365, 1000, 2000, 3650), 30
WARM, TURNS, STEPS = 2, 12, ("intake", "close", "page")
INSTALMENTS = 180
"""More than ten years of them: all loans live to the last point."""
TAPE = (
    "loan_number,product,principal,rate_percent,instalments,instalment,balloon,every,unit,"
    "second_anchor_day,disbursed_on,first_due_date,spread_percent,first_reset_on,jurisdiction,drawn\n"
)
MONEY = "payment_ref,loan_key,amount,currency,value_date\n"


def _policies(folder: Path) -> PolicyBook:
    """The shipped ones, as if they were in force ten years ago: the last day may not lie ahead of the clock."""
    shutil.copytree(SHIPPED_POLICIES, folder)
    for path in folder.rglob("*.yaml"):
        path.write_text(path.read_text().replace("from: 2018-01-01", f"from: {FIRST}"))
    return read_policies(folder)


def _due_on(loan: int) -> int:
    return 1 + loan % 28


def _land(folder: Path, first: dt.date, days: int) -> None:
    """Files of so many days: the tape with the first, then what is paid each day."""
    for n in range(days):
        day = first + dt.timedelta(days=n)
        paying = [loan for loan in range(LOANS) if _due_on(loan) == day.day]
        if day == FIRST:
            lines = [
                f"L{loan},instalment-act365,12000.00,12,{INSTALMENTS},,0,1,months,{_due_on(loan)},{FIRST},"
                f"2012-02-{_due_on(loan):02},,,,\n"
                for loan in range(LOANS)
            ]
            (folder / f"loan_tape_{day}_canonical.csv").write_text(TAPE + "".join(lines))
        rows = [f"p{loan}-{day},L{loan},144.02,USD,{day}\n" for loan in paying if day > FIRST]
        (folder / f"payments_{day}.csv").write_text(MONEY + "".join(rows))


def _pass(
    where: Settings, policies: PolicyBook, first: dt.date, days: int
) -> tuple[float, float, float]:
    """CPU seconds of an intake, of the close of the days, and of a page of the last, each opened anew."""
    _land(where.landing, first, days)
    marks = [time.process_time()]
    with Ledger(where) as ledger:
        known = ledger.register(policies)
        take_in(ledger, known, "canonical", correlation_id="bench")
        marks.append(time.process_time())
        dates = [first + dt.timedelta(days=n) for n in range(days)]
        list(close_days(ledger, known, dates, provenance(known)))
        refresh_marts(ledger)
    marks.append(time.process_time())
    reader = LedgerReader(where)
    assert reader.positions(names=True).height == LOANS, "all loans live"
    reader.portfolio_on(dates[-1], 2**62)
    reader.close()
    marks.append(time.process_time())
    return marks[1] - marks[0], marks[2] - marks[1], marks[3] - marks[2]


def _night(
    where: Settings, policies: PolicyBook, done: int, days: int
) -> tuple[float, float, float]:
    """The next days, and what ends a month if they do."""
    day = FIRST + dt.timedelta(days=done)
    seen = _pass(where, policies, day, days)
    if (day + dt.timedelta(days=days)).day == 1:
        maintain(where, Maintenance(snapshot_days=0), "bench")
        with Ledger(where) as ledger:
            shelve(ledger, ledger.register(policies))
    return seen


def grown(home: Path, policies: PolicyBook, points: list[int]) -> Iterator[tuple[int, Settings]]:
    """Copies of the instance at each point, in their order."""
    where, done = Settings(home=home / "line"), 0
    where.landing.mkdir(parents=True)
    (where.home / "loanbook.toml").write_text("[intake]\nrest_days = 0\n")
    for point in points:
        while done < point:
            day = FIRST + dt.timedelta(days=done)
            ends = (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
            at_once = min((ends - day).days, max(point - NIGHTS - done, 1))
            _night(where, policies, done, at_once)
            done += at_once
        copy = home / f"day-{point}"
        shutil.copytree(where.home, copy)
        yield point, Settings(home=copy)


def aged(days: int) -> list[dict[str, Any]]:
    """One row a point that is reached."""
    home = Path(tempfile.mkdtemp(prefix="loanbook-age-"))
    try:
        policies = _policies(home / "policies")
        found: list[dict[str, Any]] = []
        copies = {}
        for point, where in grown(home, policies, [each for each in POINTS if each <= days]):
            copies[point] = where
            with Ledger(where) as ledger:
                size = extent(ledger, where)
                (rows,) = ledger.one("SELECT sum(positions)::BIGINT FROM {lake}.versions")
                data = sum(file.bytes for file in data_files(ledger, where.place))
            landed = sum(path.is_file() for path in where.landing.rglob("*"))
            found.append({"day": point, "landed": landed, "loan_days": rows, "files": size.files,
                          "bytes": data, "catalogue": size.catalogue})  # fmt: skip
            print(json.dumps(found[-1]), flush=True)
        nights: dict[int, list[tuple[float, float, float]]] = {point: [] for point in copies}
        for turn in range(WARM + TURNS):
            for point, where in copies.items():
                seen = _night(where, policies, point + turn, 1)
                nights[point] += [seen] if turn >= WARM else []
        for row in found:
            seconds = zip(*nights[row["day"]], strict=True)
            row |= dict(zip(STEPS, map(statistics.median, seconds), strict=True))
        return found
    finally:
        shutil.rmtree(home, ignore_errors=True)


def backfilled(days: int) -> dict[str, Any]:
    """CPU seconds a day of a backfill from the first day on, all files landed."""
    home = Path(tempfile.mkdtemp(prefix="loanbook-backfill-"))
    try:
        where = Settings(home=home / "line")
        where.landing.mkdir(parents=True)
        intake, close, _ = _pass(where, _policies(home / "policies"), FIRST, days)
        return {"loans": LOANS, "days": days, "intake": intake / days, "close": close / days}
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main(days: int) -> None:
    BUILD.parent.mkdir(exist_ok=True)
    pl.DataFrame(aged(days)).write_csv(BUILD, float_precision=4)
    print(BUILD.read_text())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else POINTS[-1])
