"""Shared by all tests: policies of the repository, a small book, an instance that ran."""

from __future__ import annotations

import datetime as dt
import fcntl
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import argon2
import polars as pl
import pytest
import typer.main
import typer.testing

from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.store.marts import refresh_marts
from loanbook.core.store.settings import HOME_VARIABLE, Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.ingest.intake import take_in
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.simulation.landing import TAPE, drop, set_up
from loanbook.pipelines.simulation.tape import synthetic

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
# no test reads an instance that is in use: the checkout's own, as `make run` leaves it, has people and a trail
os.environ[HOME_VARIABLE] = str(Path(tempfile.gettempdir()) / "no-instance-of-loanbook")
# a hash of a password tells its own cost, so that one of a test is verified as any other; those that the product
# makes cost an attacker, and a test, as much as argon2 means them to
argon2.PasswordHasher = partial(argon2.PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
# the commands are made once, not anew with each that is given
typer.testing._get_command = cache(typer.main.get_command)
MEMORY, ROOM = Path("/dev/shm"), 6 * 2**30
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    # a ledger of a few loans writes many small files, and has each of them flushed to its disk
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_finish() -> None:
    """What was imported stays: the collector need not look through it over and over. Its pace is left as
    it is: a command that failed within a test holds its ledger open until it is collected."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _main_stays() -> Iterator[None]:
    """A page that runs in a test makes itself the main module, which processes that are started later would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="session")
def policies() -> PolicyBook:
    return read_policies()


@pytest.fixture(scope="session")
def small_landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Daily files of 300 synthetic loans."""
    folder = tmp_path_factory.mktemp("landing")
    drop(folder, synthetic(300, seed=7), seed=7)
    return folder


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance with an empty ledger of the newest schema, for tests to copy: every migration
    runs once, not once a test."""

    def make(home: Path) -> None:
        Ledger(Settings(home=home)).close()

    return made_once(tmp_path_factory, "founded", make)


@pytest.fixture
def ledger(tmp_path: Path, founded: Path) -> Iterator[Ledger]:
    """An empty ledger of a new instance into which files land."""
    with Ledger(copied(founded, tmp_path / "home")) as opened:
        yield opened


def copied(instance: Path, home: Path) -> Settings:
    """A copy of an instance, with a folder for files to land in."""
    where = Settings(home=shutil.copytree(instance, home))
    where.landing.mkdir(exist_ok=True)
    return where


def fresh(home: Path, founded: Path, landing: Path, through: str) -> Settings:
    """An instance with an empty ledger and the landing files up to a business date."""
    where = copied(founded, home)
    set_up(home)
    land(landing, where.landing, through)
    return where


def land(landing: Path, folder: Path, through: str) -> None:
    """Copy the landing files up to a business date."""
    for path in landing.glob("*.csv"):
        if path.stem.rsplit("_", 1)[1] <= through:
            (folder / path.name).write_bytes(path.read_bytes())


def closed_instance(where: Settings) -> Ledger:
    """Take everything in and close every landed day."""
    ledger = Ledger(where)
    policies = ledger.register(read_policies())
    take_in(ledger, policies, TAPE, correlation_id="test")
    for _ in close_days(ledger, policies, missing_days(ledger), provenance(policies)):
        pass
    return ledger


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that `make` fills. The workers of a run share it: the first that asks makes it."""
    own = factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            make(folder / "home")
            (folder / "ready").touch()
    return folder / "home"


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory, founded: Path, small_landing: Path) -> Settings:
    """An instance with January and the first days of February 2018 published. Read only."""

    def make(home: Path) -> None:
        ledger = closed_instance(fresh(home, founded, small_landing, "2018-02-14"))
        refresh_marts(ledger)
        ledger.close()

    return Settings(home=made_once(tmp_path_factory, "instance", make))


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, founded: Path) -> Settings:
    """The risk book, its marts filled after every run. Read only."""

    from tests.pipelines.a_risk_book import lived

    def make(home: Path) -> None:
        ledger = Ledger(copied(founded, home))
        lived(ledger, fill=True)
        ledger.close()

    return Settings(home=made_once(tmp_path_factory, "risk", make))


@pytest.fixture(scope="session")
def landed(tmp_path_factory: pytest.TempPathFactory, founded: Path, small_landing: Path) -> Path:
    """An instance that took loans in to 10 January 2018 and closed no day: tests copy it."""

    def make(home: Path) -> None:
        ledger = Ledger(fresh(home, founded, small_landing, "2018-01-10"))
        take_in(ledger, ledger.register(read_policies()), TAPE, correlation_id="test")
        ledger.close()

    return made_once(tmp_path_factory, "landed", make)


def with_positions(done: DayClose, **columns: pl.Expr) -> DayClose:
    """A close whose positions were bent: what a law or the gate must find."""
    bent = done.book.positions.with_columns(**columns)
    return replace(done, book=replace(done.book, positions=bent))


def date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def cells(frame: pl.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return frame.select(columns).rows()
