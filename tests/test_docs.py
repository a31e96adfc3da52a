"""What the written pages name exists: paths, and links from page to page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from loanbook.core.policy.models import FOLDERS
from loanbook.pipelines.formats import commands, indices, payments
from loanbook.pipelines.formats.registry import BY_NAME, KINDS
from loanbook.pipelines.reporting import pages
from loanbook.pipelines.reporting.policies_page import parts, schemas

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs" / "guide").glob("*.md"),
        *(ROOT / "docs" / "adr").glob("*.md"),
        ROOT / "docs" / "deploy" / "README.md",
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


@pytest.mark.parametrize("page", pages.PAGES)
def test_a_generated_page_is_up_to_date(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert text == pages.PAGES[page](), "run `make docs`"


def test_the_schemas_that_editors_read_are_up_to_date() -> None:
    kept = {path.stem: path.read_text(encoding="utf-8") for path in pages.SCHEMAS.glob("*.json")}
    assert kept == schemas(), "run `make docs`"


@pytest.mark.parametrize("kind", FOLDERS)
def test_every_field_of_a_policy_says_what_it_means(kind: str) -> None:
    models: list[type[BaseModel]] = [FOLDERS[kind], *parts(FOLDERS[kind])]
    silent = [
        f"{m.__name__}.{n}" for m in models for n, f in m.model_fields.items() if not f.description
    ]
    assert silent == []


def test_every_column_of_a_file_is_told_of_and_is_read() -> None:
    for name, columns, read in (
        ("payments", payments.COLUMNS, payments.Receipts.column_names()),
        ("index", indices.COLUMNS, indices.Fixings.column_names()),
        ("commands", commands.COLUMNS, commands.Orders.column_names()),
    ):
        told = {column.name: column.required for column in BY_NAME[name].columns}
        assert [column for column, needed in told.items() if needed == "yes"] == columns
        assert set(told) == set(read) - {"line", "scaled", "minor", "file_date", "known", "unread"}
    for kind in KINDS:
        assert kind.rules
        assert all(column.meaning and column.form for column in kind.columns)
