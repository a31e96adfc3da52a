"""The README's notebook example runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loanbook.core.store.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


def test_the_notebook_example_gives_a_frame(ran: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOANBOOK_HOME", str(ran.home))
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    code = blocks[0].replace("2018-06-30", "2018-01-31")
    assert len([line for line in code.splitlines() if line.strip()]) == 3
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102
    assert names["positions"].height > 0  # type: ignore[attr-defined]


def test_the_page_of_what_is_built_names_what_exists() -> None:
    rows = [line for line in (ROOT / "docs" / "coverage.md").read_text().splitlines()
            if line.startswith("| ")]  # fmt: skip
    for line in rows[1:]:
        paths = re.findall(r"`([^`]+)`", line)
        assert paths or "not built" in line, line
        assert all((ROOT / path).exists() for path in paths), line
        assert "not built" in line or any(path.startswith("tests/") for path in paths), line
