"""A small mixed book on the eve of three days that shards close in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from loanbook.core.store.writer import Ledger
from tests.conftest import copied, made_once
from tests.pipelines.files import LOANS, MONEY, ORDERS, close_landed, drop, take, weekly_loan
from tests.pipelines.sharding import faults
from tests.pipelines.sharding.closing import close_in, stored

KEYS = "ABCDEFGHIJ"
OWNED = {"A": "B-1", "D": "B-1", "B": "B-2", "I": "B-2", "J": "B-3", "C": "B-3"}
"""Borrowers of loans that stand far apart."""


def _line(key: str) -> str:
    line = weekly_loan(key).rstrip("\n")
    if key == "E":
        line = line.replace("instalment-act365,1200.00", "instalment-jpy,120000")
    return f"{line},{OWNED.get(key, '')}\n"


def _landed(ledger: Ledger) -> None:
    """Three days: payments, late ones, a reversal, a refinancing, a new loan."""
    drop(ledger, "payments_2018-01-04.csv", MONEY + "".join(
        f"p{key},{key},{amount},{'JPY' if key == 'E' else 'USD'},2018-01-04\n"
        for key, amount in zip(KEYS, ("50.00", "1300.00", "100.00", "20.00", "5000", "7.00", "9.99", "1201.58", "3.00", "4.00"), strict=True)
        if key not in "FG"))  # fmt: skip
    drop(ledger, "payments_2018-01-05.csv", MONEY + "l1,F,60.00,USD,2018-01-03\n"
         "l2,I,12.00,USD,2018-01-04\n")  # fmt: skip
    drop(ledger, "loan_tape_2018-01-05_canonical.csv", LOANS.rstrip("\n") + ",borrower\n"
         + _line("Z").replace("2018-01-02", "2018-01-05").replace("2018-01-09", "2018-01-12"))  # fmt: skip
    drop(ledger, "commands_2018-01-06.csv", ORDERS.strip() + ",target_ref\n"
         + "r1,reverse,C,2018-01-06,,,,m-1,c-2,payment_returned,pC\n"
         + "r2,refinance,G,2018-01-06,30.00,,,m-1,c-2,,A\n")  # fmt: skip


@pytest.fixture(scope="session")
def eve_of_shards(tmp_path_factory: pytest.TempPathFactory, founded: Path) -> Path:
    """Loans to 3 January closed in one frame; files of the three days after it are taken in."""

    return made_once(
        tmp_path_factory, "eve_of_shards", lambda home: begun(Ledger(copied(founded, home))).close()
    )


def begun(ledger: Ledger) -> Ledger:
    """An empty ledger taken to that eve."""
    drop(ledger, "loan_tape_2018-01-02_canonical.csv",
         LOANS.rstrip("\n") + ",borrower\n" + "".join(map(_line, KEYS)))  # fmt: skip
    drop(ledger, "payments_2018-01-03.csv", MONEY + "early,C,100.00,USD,2018-01-03\n")
    take(ledger)
    close_landed(ledger)
    _landed(ledger)
    take(ledger)
    return ledger


@pytest.fixture(scope="session")
def one_frame(
    eve_of_shards: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pl.DataFrame]:
    """What a close in one frame stores of the days."""

    def make(home: Path) -> None:
        ledger = Ledger(copied(eve_of_shards, home))
        reports = close_in(ledger, 'executor = "none"')
        assert [day.held["loan_id"].to_list() for day in reports] == [[], [faults.BENT], []]
        for table, rows in stored(ledger).items():
            rows.write_ipc(home / f"{table}.arrow")
        ledger.close()

    home = made_once(tmp_path_factory, "one_frame", make)
    found = {file.stem: pl.read_ipc(file) for file in home.glob("*.arrow")}
    assert found["restated_loans"].height >= 3
    assert found["restated_loans"]["from_date"].n_unique() > 1
    assert found["dues"].height
    return found


@pytest.fixture
def in_three(
    eve_of_shards: Path, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> Iterator[Ledger]:
    """The days closed in three shards of this process."""

    def make(home: Path) -> None:
        ledger = Ledger(copied(eve_of_shards, home))
        close_in(ledger, 'executor = "none"\nshards = 3')
        ledger.close()

    ledger = Ledger(copied(made_once(tmp_path_factory, "in_three", make), tmp_path / "home"))
    yield ledger
    ledger.close()
