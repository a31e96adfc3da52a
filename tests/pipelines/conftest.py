"""Ledgers that tests of files write to: a copy of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from loanbook.core.store.marts import refresh_marts
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from tests.conftest import copied, made_once
from tests.pipelines.files import LOANS, MONEY, ORDERS, close_landed, drop, take, weekly_loan


@pytest.fixture
def new_ledger(tmp_path: Path, founded: Path) -> Ledger:
    """No loan yet."""
    return Ledger(copied(founded, tmp_path / "home"))


@pytest.fixture
def ledger(tmp_path: Path, landed: Path) -> Ledger:
    """Loans to 10 January taken in, nothing closed."""
    return Ledger(copied(landed, tmp_path / "home"))


@pytest.fixture(scope="session")
def _closed(tmp_path_factory: pytest.TempPathFactory, landed: Path) -> Path:
    def make(home: Path) -> None:
        ledger = Ledger(copied(landed, home))
        policies = ledger.register(read_policies())
        eight = missing_days(ledger)[:8]  # the last two days are another run's
        list(close_days(ledger, policies, eight, provenance(policies)))
        close_landed(ledger)
        ledger.close()

    return made_once(tmp_path_factory, "closed", make)


@pytest.fixture
def closed_ledger(tmp_path: Path, _closed: Path) -> Ledger:
    """Loans to 10 January taken in, every day to it closed."""
    return Ledger(copied(_closed, tmp_path / "home"))


@pytest.fixture(scope="session")
def restated(tmp_path_factory: pytest.TempPathFactory, founded: Path) -> LedgerReader:
    """Loans in dollars and yen; one pays late and what came in is reversed, one is paid off."""
    home = made_once(
        tmp_path_factory, "restated", lambda home: _restated(Ledger(copied(founded, home)))
    )
    return LedgerReader(Settings(home=home))


def _restated(ledger: Ledger) -> None:
    policies = ledger.register(read_policies())

    def close() -> None:
        take(ledger)
        list(close_days(ledger, policies, missing_days(ledger), provenance(policies)))

    yen = weekly_loan("Y").replace("instalment-act365,1200.00", "instalment-jpy,120000")
    drop(
        ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + "".join(map(weekly_loan, "ABC")) + yen
    )
    drop(ledger, "payments_2018-01-09.csv", MONEY + "b1,B,1202.76,USD,2018-01-09\n"
         "c1,C,50.00,USD,2018-01-09\n")  # fmt: skip
    close()
    drop(ledger, "payments_2018-01-12.csv", MONEY + "a1,A,60.00,USD,2018-01-09\n"
         "c2,C,10.00,USD,2018-01-12\n")  # fmt: skip
    drop(ledger, "commands_2018-01-14.csv", ORDERS.strip() + ",target_ref\n"
         + "r1,reverse,C,2018-01-14,,,,m-1,c-2,payment_returned,c1\n")  # fmt: skip
    close()
    refresh_marts(ledger)
    ledger.close()
