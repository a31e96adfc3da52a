"""Instances into which contacts land."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loanbook.core.store.writer import Ledger
from tests.conftest import copied


@pytest.fixture
def ledger(tmp_path: Path, founded: Path) -> Iterator[Ledger]:
    opened = Ledger(copied(founded, tmp_path / "home"))
    opened.settings.landing.mkdir(exist_ok=True)
    with opened:
        yield opened
