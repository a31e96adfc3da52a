"""One copy of the product that is extended in four ways, each by its own test's row and file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import made_once
from tests.extending import test_component, test_event, test_file_format, test_mart
from tests.extending.a_small_book import live_on, publish_a_day
from tests.extending.product_copy import insert, product_copy


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is to be seen of an instance whose first day was published before there was any of the additions."""

    def make(folder: Path) -> None:
        root, home = product_copy(folder), folder / "home"
        insert(root / "core" / "catalogue" / "codes.py", "from enum", "MARK = 'of the copy'\n")
        publish_a_day(home)
        for addition in (test_event, test_file_format, test_component, test_mart):
            addition.extend(root)
        test_component.numbered(home / "policies")  # the lender's own, that days were closed by
        first, last = {}, {}
        for addition in (test_component, test_event, test_file_format, test_mart):
            for day, files in addition.LANDING.items():
                (last if day == "2018-01-07" else first).update(files)
        live_on(root, home, [first, last], folder / "seen.json")

    told = made_once(tmp_path_factory, "extended", make) / "seen.json"
    return dict(json.loads(told.read_text(encoding="utf-8")))
