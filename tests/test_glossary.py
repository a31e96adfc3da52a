"""The words of the house: those that docs/glossary.md puts out occur in no name of core."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| (alone)? ?\|$", re.M)
FRAMES = {"with_columns", "select", "agg", "rename", "group_by", "DataFrame", "struct"}
"""Calls whose keywords are columns."""

STILL = frozenset(
    {
        "ahead",
        "asked",
        "asked_interest",
        "asked_principal",
        "lacks",
        "met",
        "payout",
        "standing",
        "stops",
        "told",
    }
)
"""Names with such a word that stood when the list was made. Take away, never add.

None is stored: they are columns of frames within a day, several of the engine's most read ones, and
`stops` is one of a report that lenders read (`loanbook hardship`), whose name their programs know."""


def _words() -> tuple[set[str], set[str]]:
    """Words that are out as a part of a name, and those that are out as a whole name."""
    page = (ROOT / "docs" / "glossary.md").read_text().split("## Words that are out")[1]
    rows = ROW.findall(page)
    return {word for word, alone in rows if not alone}, {word for word, alone in rows if alone}


def _columns(node: ast.AST) -> Iterator[str]:
    """Columns that a call or a schema's field names."""
    if isinstance(node, ast.ClassDef) and any("Schema" in ast.unparse(base) for base in node.bases):
        for field in node.body:
            if isinstance(field, ast.Assign) and isinstance(field.targets[0], ast.Name):
                yield field.targets[0].id
    if not isinstance(node, ast.Call):
        return
    called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if called in FRAMES:
        yield from (keyword.arg for keyword in node.keywords if keyword.arg)
    if called in {"col", "alias", *FRAMES}:
        for argument in node.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def _names() -> Iterator[tuple[str, str]]:
    """Every module, function, class and column of core, with the file it stands in."""
    for file in sorted((ROOT / "core").rglob("*.py")):
        place = file.relative_to(ROOT).as_posix()
        yield place, file.stem
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield place, node.name
            for column in _columns(node):
                yield place, column


def test_the_page_lists_words_that_are_out() -> None:
    parts, alone = _words()
    assert {"turn", "touched", "stands_whole"} <= parts
    assert "today" in alone


def test_no_name_of_core_has_a_word_that_is_out() -> None:
    parts, alone = _words()
    found: dict[str, str] = {}
    for place, name in _names():
        plain = name.strip("_").lower()
        as_part = any(f"_{word}_" in f"_{plain}_" for word in parts)
        if (as_part or plain in alone) and name not in STILL:
            found.setdefault(name, place)
    assert not found, f"docs/glossary.md says what to call them: {found}"
