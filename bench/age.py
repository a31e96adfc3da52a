"""What a night costs as a ledger ages: `python -m bench.age DAYS`, a book of 100 synthetic loans.

Real days all: months that are not measured are closed in groups, the last 30 nights before each point one by one, each
by an intake, a close and the marts. Files are merged at each month's end, as `loanbook maintain` does; then a month
that was closed in groups and one that was closed by nights are the same files. Snapshots expire with each (their age
by the clock would be minutes); files that were merged stay on the disk, for they are younger than a day.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.instance import Maintenance
from loanbook.core.store.marts import refresh_marts
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.upkeep.maintenance import extent, maintain
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days

FIRST, LOANS, POINTS, NIGHTS = dt.date(2018, 1, 1), 100, (30, 100, 365, 1000, 3650), 30
TAPE = (
    "loan_number,product,principal,rate_percent,instalments,instalment,balloon,every,unit,"
    "second_anchor_day,disbursed_on,first_due_date,spread_percent,first_reset_on,jurisdiction,drawn\n"
)
MONEY = "payment_ref,loan_key,amount,currency,value_date\n"


def _due_on(loan: int) -> int:
    return 1 + loan % 28


def _land(folder: Path, first: dt.date, days: int) -> None:
    """Files of so many days: the tape with the first, then what is paid each day."""
    for n in range(days):
        day = first + dt.timedelta(days=n)
        paying = [loan for loan in range(LOANS) if _due_on(loan) == day.day]
        if day == FIRST:
            lines = [
                f"L{loan},instalment-act365,12000.00,12,60,,0,1,months,{_due_on(loan)},{FIRST},"
                f"2018-02-{_due_on(loan):02},,,,\n"
                for loan in range(LOANS)
            ]
            (folder / f"loan_tape_{day}_canonical.csv").write_text(TAPE + "".join(lines))
        rows = [f"p{loan}-{day},L{loan},266.93,USD,{day}\n" for loan in paying if day > FIRST]
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


def aged(days: int) -> list[dict[str, Any]]:
    """One row a point that is reached."""
    where = Settings(home=Path(tempfile.mkdtemp(prefix="loanbook-age-")))
    where.landing.mkdir()
    policies, found, done = read_policies(), [], 0
    try:
        for point in (each for each in POINTS if each <= days):
            nights: list[tuple[float, float, float]] = []
            while done < point:
                day = FIRST + dt.timedelta(days=done)
                ends = (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
                at_once = min((ends - day).days, max(point - NIGHTS - done, 1))
                seen = _pass(where, policies, day, at_once)
                done += at_once
                nights += [seen] if point - NIGHTS < done else []
                if FIRST + dt.timedelta(days=done) == ends:
                    maintain(where, Maintenance(snapshot_days=0), "bench")
            with Ledger(where) as ledger:
                size = extent(ledger, where)
            middle = [statistics.median(night[n] for night in nights[-10:]) for n in range(3)]
            row = dict(zip(("intake", "close", "page"), middle, strict=True))
            found.append({"day": point, **row, "files": size.files, "catalogue": size.catalogue})
            print(json.dumps(found[-1]), flush=True)
    finally:
        shutil.rmtree(where.home, ignore_errors=True)
    return found


def main(days: int) -> None:
    for row in aged(days):
        print(f"| {row['day']:,} | {row['intake']:.2f} | {row['close']:.2f} | {row['page']:.2f} "
              f"| {row['files']:,} | {row['catalogue'] / 2**20:.1f} |")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else POINTS[-1])
