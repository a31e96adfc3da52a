"""The page for a lender's own book, followed word by word: its files, its commands, what it shows."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from loanbook.pipelines.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "own-book.md"
BLOCK = re.compile(r"(?:File `(?P<file>[^`]+)`:\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.S)


def _run(block: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the commands of a block print, in the folder that one leaves for the next."""
    return "".join(_told(line, monkeypatch) for line in block.splitlines() if line.strip())


def _told(line: str, monkeypatch: pytest.MonkeyPatch) -> str:
    command, *words = shlex.split(line)
    if command == "cd":
        monkeypatch.chdir(words[0])
        return ""
    if command != "loanbook":
        done = subprocess.run(["bash", "-ec", line], text=True, check=True, capture_output=True)
        return done.stdout
    file = words.pop() if words[-2:-1] == [">"] else None
    if file:
        words.pop()
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, f"{line}\n{said.output}"
    if file:
        Path(file).write_text(said.stdout, encoding="utf-8")
    return "" if file else said.output


def test_the_page_can_be_followed_word_by_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOANBOOK_HOME", "DAGSTER_HOME", "LOANBOOK_CATALOGUE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    said, followed = "", []
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        kind, text = block["kind"], block["text"]
        followed.append(kind)
        if block["file"]:
            path = Path(block["file"])
            assert path.parent.is_dir(), f"{path}: the page makes no such folder"
            path.write_text(text, encoding="utf-8")
        elif kind == "sh":
            said = _run(text, monkeypatch)
        elif kind == "text":
            for line in text.splitlines():
                assert line in said, f"{line!r} is not in what was printed:\n{said}"
        else:
            assert kind == "python"
            names: dict[str, Any] = {}
            exec(text, names)  # noqa: S102
            positions, paid = names["positions"], names["paid"]
            assert positions.height == 2
            assert float(positions["principal"].sum()) == 8543.52
            assert float(paid["amount"].sum()) == 271.14
    assert followed.count("sh") >= 7
    assert followed.count("text") >= 4
    assert Path("positions.csv").read_text(encoding="utf-8").count("\n") == 3
