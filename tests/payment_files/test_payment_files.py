"""The shipped bank files through the runner."""

from __future__ import annotations

from collections import Counter

from tests.payment_files.runner import FILES, expectations, run

PASSED = {"ach": 88}
"""Files of which every figure is found, by format."""


def test_every_figure_of_the_shipped_files_is_found() -> None:
    outcomes = run(expectations(FILES))
    failed = [f"{o.file}: {o.why}" for o in outcomes if o.outcome == "failed"]
    assert not failed
    assert Counter(o.format for o in outcomes if o.outcome == "passed") == PASSED
