"""The page for a lender's own book, followed word by word: its files, its commands, what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "own-book.md"
BLOCK = re.compile(r"(?:File `(?P<file>[^`]+)`:\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.S)


def _run(command: str, folder: Path, bin_: Path) -> str:
    """What the commands of a block print, both streams, in a shell where `loanbook` is this code."""
    environ = {
        **os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1", "COLUMNS": "200",
    }  # fmt: skip
    for name in ("LOANBOOK_HOME", "DAGSTER_HOME", "LOANBOOK_CATALOGUE"):
        environ.pop(name, None)
    done = subprocess.run(
        ["bash", "-ec", command], cwd=folder, env=environ, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


def test_the_page_can_be_followed_word_by_word(tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for name, words in (("loanbook", "-m loanbook.pipelines.cli"), ("python", "")):
        script = bin_ / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        script.chmod(0o755)
    folder, said, followed = tmp_path, "", []
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        kind, text = block["kind"], block["text"]
        followed.append(kind)
        if block["file"]:
            path = folder / block["file"]
            assert path.parent.is_dir(), f"{block['file']}: the page makes no such folder"
            path.write_text(text, encoding="utf-8")
        elif kind == "sh":
            said = _run(text, folder, bin_)
            if "cd midtown" in text:
                folder = tmp_path / "midtown"
        elif kind == "text":
            for line in text.splitlines():
                assert line in said, f"{line!r} is not in what was printed:\n{said}"
        else:
            assert kind == "python"
            checks = "\nprint(positions.height, positions['principal'].sum(), paid['amount'].sum())"
            (folder / "notebook.py").write_text(text + checks, encoding="utf-8")
            told = _run("python notebook.py", folder, bin_).split()
            assert told[0] == "2"
            assert [float(figure) for figure in told[1:]] == [8543.52, 271.14]
    assert followed.count("sh") >= 7
    assert followed.count("text") >= 4
    assert (folder / "positions.csv").read_text().count("\n") == 3
