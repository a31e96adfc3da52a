"""Ledgers that tests of files write to: a copy of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from loanbook.core.store.writer import Ledger
from tests.conftest import copied, made_once
from tests.pipelines.files import close_landed


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
        close_landed(ledger)
        ledger.close()

    return made_once(tmp_path_factory, "closed", make)


@pytest.fixture
def closed_ledger(tmp_path: Path, _closed: Path) -> Ledger:
    """Loans to 10 January taken in, every day to it closed."""
    return Ledger(copied(_closed, tmp_path / "home"))
