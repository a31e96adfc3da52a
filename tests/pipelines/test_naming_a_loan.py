"""A loan is named by the lender's own key; loanbook's number is said to be one."""

from __future__ import annotations

from typing import Any

import duckdb
import polars as pl
import pytest

from loanbook.core.errors import LoanbookError
from loanbook.pipelines.commands.console import loan_id


class _Reader:
    """The loan keys of a ledger, by SQL as its reader takes it."""

    def __init__(self, keys: dict[int, str]) -> None:
        self._lake = duckdb.connect()
        self._lake.execute("CREATE TABLE loan_keys (loan_id BIGINT, loan_key VARCHAR)")
        self._lake.executemany("INSERT INTO loan_keys VALUES (?, ?)", [*keys.items()])

    def query(self, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        return self._lake.execute(sql, parameters).pl()


def test_a_number_is_the_lenders_key_before_it_is_loanbooks() -> None:
    reader = _Reader({1: "2", 2: "3", 3: "6"})
    assert loan_id(reader, "2") == 1  # type: ignore[arg-type]
    assert loan_id(reader, "#2") == 2  # type: ignore[arg-type]
    with pytest.raises(LoanbookError, match="give its number as #7"):
        loan_id(reader, "1")  # type: ignore[arg-type]


def test_where_no_key_is_a_number_a_number_is_loanbooks() -> None:
    reader = _Reader({1: "A-2", 2: "B-1"})
    assert loan_id(reader, "2") == 2  # type: ignore[arg-type]
    for none in ("3", "#3", "A"):
        with pytest.raises(LoanbookError, match="no loan has the key"):
            loan_id(reader, none)  # type: ignore[arg-type]


def test_a_key_of_two_loans_is_asked_back() -> None:
    reader = _Reader({4: "A", 9: "A"})
    with pytest.raises(LoanbookError, match="name one of #4, #9"):
        loan_id(reader, "A")  # type: ignore[arg-type]
