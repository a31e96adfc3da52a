"""Which loans the engine fails on: found by halves."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from loanbook.core.errors import EngineError, PolicyError
from loanbook.core.servicing.laws.law import AT_FAULT

FAULTS = (
    EngineError, PolicyError, pl.exceptions.PolarsError, pl.exceptions.PanicException,
    ArithmeticError, AssertionError, LookupError, TypeError, ValueError,
)  # fmt: skip
"""What the engine fails with on a loan that it can't compute; all else is no loan's fault."""
ENGINE = "the engine fails"
"""Named in place of a law."""


def pinned(ids: pl.Series, attempt: Callable[[pl.Series], object], most: int) -> pl.DataFrame:
    """Loans of `ids` on which alone `attempt` fails (`AT_FAULT`), no more than one beyond `most`.

    It is tried on half of them, on half of the half that fails, and so on.
    """
    parts = [ids]
    found: list[dict[str, object]] = []
    while parts and len(found) <= most:
        part = parts.pop()
        try:
            attempt(part)
        except FAULTS as error:
            half = part.len() // 2
            if half:
                parts += [part[half:], part[:half]]
            else:
                said = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
                found.append({"loan_id": part[0], "law": ENGINE, "figures": said[:300]})
    return pl.DataFrame(found, schema=AT_FAULT)
