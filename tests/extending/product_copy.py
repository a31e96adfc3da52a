"""A copy of the product in a folder of its own, for tests that extend it: edit it, then run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("core", "pipelines", "dashboards", "data", "loanbook", "tests", "docs")
"""Folders that the copy holds; `loanbook` has links to the others, which stay links."""
FILES = ("dagster.yaml", "pyproject.toml")
OUT = shutil.ignore_patterns("instance", "cases")
"""What is left out; compiled modules come along, so that a run need not make them anew."""


def product_copy(folder: Path) -> Path:
    """Copy the product's tree below `folder`; returns the root of the copy."""
    root = folder / "product"
    for name in PARTS:
        shutil.copytree(ROOT / name, root / name, symlinks=True, ignore=OUT)
    for name in FILES:
        shutil.copy2(ROOT / name, root / name)
    return root


def insert(file: Path, before: str, text: str) -> None:
    """Put `text` before the first place where `before` stands in `file`; it must stand there."""
    whole = file.read_text(encoding="utf-8")
    assert before in whole, f"{file.name} has no {before!r}"
    file.write_text(whole.replace(before, text + before, 1), encoding="utf-8")


def run(root: Path, code: str | list[str], home: Path | None = None) -> str:
    """What the copy prints: of Python `code`, or of the `loanbook` command with these arguments.

    The copy is the `loanbook` that is imported, whatever is installed; `home`: the instance's
    folder. Fails with what went wrong.
    """
    arguments = ["-c", code] if isinstance(code, str) else ["-m", "loanbook.pipelines.cli", *code]
    environ = {
        **os.environ, "PYTHONPATH": str(root), "POLARS_MAX_THREADS": "1",
        "NO_COLOR": "1", "COLUMNS": "200",
    }  # fmt: skip
    if home is not None:
        environ["LOANBOOK_HOME"] = str(home)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
