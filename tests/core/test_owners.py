"""A group of columns has one owner; whoever else would write one of them calls it."""

from __future__ import annotations

import ast
from pathlib import Path

import polars as pl
import pytest

import loanbook
from loanbook.core.catalogue.components import DUES
from loanbook.core.servicing.loan import balances, line

SERVICING = Path(loanbook.__file__).parent / "core" / "servicing"
OPENING = "loan/opening.py"  # gives every column its zero
OWNERS = {
    "loan/segment.py": {
        "segment_start", "accrued_units", "accrued_remainder", "accrued_prepaid",
        "cash_advance_units", "cash_advance_remainder",
    },
    "income/deferred_income.py": {
        "deferred_whole", "deferred_from", "deferred_until", "deferred_to",
    },
    "charges/penal_interest.py": {"penal_base", "penal_from"},
    "endings/charge_off.py": {"charged_off_on"},
    "payments/credit_balances.py": {"credit_unchanged_since"},
    "loan/balances.py": {"principal", "interest_accrued", "down_payment_due", *DUES},
    "loan/line.py": {"statement_unpaid", "in_grace", "cash_advances"},
}  # fmt: skip
"""Module of `core/servicing`: the columns that it alone writes."""
ALSO_OF_ROWS = {"principal", "in_grace"}
"""Columns that rows of a schedule, or payloads, have too: `with_columns` alone writes the position's."""


def _written(tree: ast.Module) -> set[str]:
    """Columns that calls name (`with_columns(x=...)`), dictionaries hold, or `alias` gives."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if called == "with_columns":
                names |= {f"{k.arg} of positions" for k in node.keywords}
            names |= {k.arg for k in node.keywords if k.arg is not None}
            if isinstance(node.func, ast.Attribute) and node.func.attr == "alias":
                names |= {a.value for a in node.args if isinstance(a, ast.Constant)}
        if isinstance(node, ast.Dict):
            names |= {k.value for k in node.keys if isinstance(k, ast.Constant)}
    return names


def _of_positions(columns: set[str]) -> set[str]:
    return {f"{name} of positions" if name in ALSO_OF_ROWS else name for name in columns}


@pytest.mark.parametrize("owner", sorted(OWNERS))
def test_nobody_but_its_owner_writes_a_column(owner: str) -> None:
    others = {
        path.relative_to(SERVICING).as_posix(): found
        for path in sorted(SERVICING.rglob("*.py"))
        if path.relative_to(SERVICING).as_posix() not in (owner, OPENING)
        and (found := _written(ast.parse(path.read_text())) & _of_positions(OWNERS[owner]))
    }
    assert not others, f"call {owner} instead: {others}"


@pytest.mark.parametrize("owner", sorted(set(OWNERS) - {"loan/balances.py"}))
def test_an_owner_writes_its_columns(owner: str) -> None:
    own = _written(ast.parse((SERVICING / owner).read_text()))
    assert OWNERS[owner] <= own, f"{owner} owns what it does not write"


def test_what_is_extinguished_is_all_of_the_claim() -> None:
    assert set(balances.extinguish(pl.lit(True))) == OWNERS["loan/balances.py"]
    assert set(line.extinguish(pl.lit(True))) == OWNERS["loan/line.py"] - {"in_grace"}
