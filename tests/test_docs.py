"""What the written pages name exists: paths, and links from page to page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loanbook.pipelines.reporting.commands_page import PAGE, with_tables

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs" / "guide").glob("*.md"),
        *(ROOT / "docs" / "adr").glob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "findings/README.md")),
    ]
)
PATH = re.compile(
    r"(?<![\w./])((?:core|pipelines|dashboards|docs|tests|bench|data/policies)/[\w./-]*\w)"
)
LINK = re.compile(r"\]\((?!http)([^)#]+)")
COMMAND = re.compile(r"```.*?```", re.S)


def _named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_a_page_names_files_that_exist(page: Path) -> None:
    text = COMMAND.sub("", page.read_text())
    lost = [path for path in PATH.findall(text) if not (ROOT / path).exists()]
    assert not lost, f"{_named(page)}: no such file: {lost}"


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_a_page_links_to_what_exists(page: Path) -> None:
    lost = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not lost, f"{_named(page)}: links to nothing: {lost}"


def test_the_guide_lists_the_commands_that_there_are() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_tables(text), "run `make docs`"
    assert "| `charge_fee` | `amount`, `due_date` | `charge_assessed` |" in text
