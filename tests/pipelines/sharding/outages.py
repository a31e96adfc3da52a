"""What goes away while a day is closed, with processes that are stopped for real: `python -m tests.pipelines.sharding.outages`.

Each outage falls into the close of the small book of these tests. Then: readers see the day before or all of the day, a run after
it completes, and every row is what one frame stores. Not part of `make test`: it takes a minute or two.
"""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from loanbook.core.errors import LedgerError
from loanbook.core.store.closing import registering
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from tests.conftest import copied
from tests.pipelines.sharding import faults
from tests.pipelines.sharding.closing import close_in, stored
from tests.pipelines.sharding.conftest import begun

TWO = 'executor = "none"\nshards = 2'
EVE = dt.date(2018, 1, 3)
BY_VERSION = (
    "versions",
    "checks",
    "publications",
    "restated_loans",
    "schedules",
    "changed_terms",
    "held_loans",
)
"""Tables that tell of runs: a second one has its own rows there."""


def main() -> None:
    """Try every outage, and print what became of it."""
    with tempfile.TemporaryDirectory(prefix="loanbook-outages-") as folder:
        home = Path(folder)
        (home / "eve" / "landing").mkdir(parents=True)
        eve = begun(Ledger(Settings(home=home / "eve")))
        eve.close()
        one = Ledger(copied(eve.settings.home, home / "one"))
        close_in(one, 'executor = "none"')
        expected = stored(one)
        one.close()
        for outage in (killed_within_the_commit, full_disk_of_a_worker, scheduler_killed):
            where = copied(eve.settings.home, home / outage.__name__)
            said = outage(where)
            _must_be_whole(where, expected)
            print(f"{outage.__name__}: {said}; a second run completed, every row equal", flush=True)


def _must_be_whole(where: Settings, expected: dict[str, pl.DataFrame]) -> None:
    reader = LedgerReader(where)
    assert reader.published_range()[1] == EVE, "nobody sees half a day"
    reader.close()
    with Ledger(where) as ledger:
        close_in(ledger, TWO)
        for table, rows in stored(ledger).items():
            if table not in BY_VERSION:
                assert rows.equals(expected[table]), table
        doubled = ledger.frame(
            "SELECT loan_id FROM {lake}.positions GROUP BY loan_id, business_date, version HAVING count(*) > 1"
        )
        assert doubled.is_empty()


def _failing(work: Callable[[], object]) -> str:
    try:
        work()
    except (LedgerError, OSError) as error:
        return str(error).split(";")[0][:120]
    raise AssertionError("the outage was not noticed")


def _in_a_process(where: Settings, call: str) -> subprocess.CompletedProcess[str]:
    code = f"from tests.pipelines.sharding import outages as o; from pathlib import Path; o.{call}(Path({str(where.home)!r}))"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300
    )


def killed_within_the_commit(where: Settings) -> str:
    """The driver is killed when the files are named but the snapshot is not."""
    done = _in_a_process(where, "die_within_the_commit")
    assert done.returncode == -signal.SIGKILL, done.stderr
    return "killed by the system with half of the catalogue's rows written"


def die_within_the_commit(home: Path) -> None:
    """Close, and be killed."""

    def killed(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    registering._count = killed
    close_in(Ledger(Settings(home=home)), TWO)


@contextmanager
def _small_disk() -> Iterator[Path]:
    """A file system of 64 kB, where a worker keeps what it writes beside the ledger."""
    folder = Path(tempfile.mkdtemp(prefix="loanbook-small-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


def full_disk_of_a_worker(where: Settings) -> str:
    """A shard can't write what it has to."""
    before = tempfile.tempdir
    with _small_disk() as folder:
        tempfile.tempdir = str(folder)
        try:
            with Ledger(where) as ledger:
                return _failing(lambda: close_in(ledger, TWO))
        finally:
            tempfile.tempdir = before


def scheduler_killed(where: Settings) -> str:
    """Dask's scheduler is killed while shards run."""
    ran = where.home / "began"
    os.environ[faults.MARK] = str(ran)
    scheduler = _dask("scheduler", "--host", "127.0.0.1", "--port", "38786", "--no-dashboard")
    worker = _dask("worker", "tcp://127.0.0.1:38786", "--nthreads", "1", "--no-dashboard",
                   "--local-directory", str(where.home))  # fmt: skip
    close = subprocess.Popen(
        [sys.executable, "-c", "from tests.pipelines.sharding import outages as o; from pathlib import Path; "
         f"o.close_on_dask(Path({str(where.home)!r}))"], stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    try:
        until = time.monotonic() + 120
        while not ran.exists() and close.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        assert ran.exists(), "no shard began"
        scheduler.kill()
        _, told = close.communicate(timeout=240)
        assert close.returncode != 0, "the close went on without its scheduler"
        return told.strip().splitlines()[-1][:120]
    finally:
        for process in (scheduler, worker, close):
            process.kill()
            process.wait()


def close_on_dask(home: Path) -> None:
    """Close by the scheduler that `scheduler_killed` began, in shards that take a while."""
    close_in(
        Ledger(Settings(home=home)),
        'executor = "dask"\nscheduler = "tcp://127.0.0.1:38786"\nshards = 2',
        faults.slow,
    )


def _dask(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


if __name__ == "__main__":
    main()
