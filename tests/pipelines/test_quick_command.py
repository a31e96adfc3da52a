"""A command answers at once: it doesn't load what it has no use for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ENGINE = {"dataframely", "sqlalchemy", "dagster", "great_expectations", "streamlit"}
"""Packages that take long to load and that only the engine, its clock and its pages use."""
OF_FRAMES = {"pandas", "pyarrow", "numpy"}
"""What DuckDB loads where a query binds a value or gives a frame."""


def _loaded(code: str, home: Path | None = None) -> set[str]:
    """Top-level packages that a process of its own has loaded after `code`."""
    environ = {**os.environ, **({"LOANBOOK_HOME": str(home)} if home else {})}
    ends = "\nimport sys\nprint('LOADED', *sorted({n.split('.')[0] for n in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code + ends], env=environ, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split("LOADED", 1)[1].split())


def test_help_loads_no_engine_and_no_database() -> None:
    loaded = _loaded("import loanbook.pipelines.commands.app")
    assert "polars" in loaded
    assert loaded.isdisjoint(ENGINE | OF_FRAMES | {"duckdb"})


def test_status_of_a_ledger_loads_no_engine_and_binds_nothing(tmp_path: Path) -> None:
    from loanbook.core.store.settings import Settings
    from loanbook.core.store.writer import Ledger

    Ledger(Settings.of(tmp_path)).close()
    (tmp_path / "landing").mkdir(exist_ok=True)
    (tmp_path / "landing" / "payments_2018-01-03.csv").write_text("it waits, and is looked up")
    loaded = _loaded("from loanbook.pipelines.commands.run import status\nstatus()", tmp_path)
    assert "duckdb" in loaded
    assert loaded.isdisjoint(ENGINE | OF_FRAMES)


def test_a_reader_loads_no_engine(tmp_path: Path) -> None:
    loaded = _loaded("import loanbook\nloanbook.open_ledger")
    assert "duckdb" in loaded
    assert loaded.isdisjoint(ENGINE)
