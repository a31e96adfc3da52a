"""The README's notebook examples run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loanbook.core.store.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


def test_the_notebook_examples_give_frames(ran: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOANBOOK_HOME", str(ran.home))
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len([line for line in blocks[0].splitlines() if line.strip()]) == 3
    code = "\n".join(blocks).replace("2018-06-30", "2018-01-31")
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102
    for name in ("positions", "loans", "events", "payments", "by_day"):
        assert names[name].height > 0, name  # type: ignore[attr-defined]
    assert "loan_ids" in names["restated"].columns  # type: ignore[attr-defined]


def test_the_notebook_of_risk_runs_on_a_book_that_has_all_of_it(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOANBOOK_HOME", str(filled.home))
    names: dict[str, object] = {}
    exec((ROOT / "docs" / "notebooks" / "risk.py").read_text(encoding="utf-8"), names)  # noqa: S102
    for name in ("ever_30", "roll", "late", "forecast"):
        assert names[name].height > 0, name  # type: ignore[attr-defined]


def test_the_page_of_what_is_built_names_what_exists() -> None:
    rows = [line for line in (ROOT / "docs" / "coverage.md").read_text().splitlines()
            if line.startswith("| ")]  # fmt: skip
    for line in rows[1:]:
        paths = re.findall(r"`([^`]+)`", line)
        assert paths or "not built" in line, line
        assert all((ROOT / path).exists() for path in paths), line
        assert "not built" in line or any(path.startswith("tests/") for path in paths), line
