"""Annual percentage rates: printed examples, and the equation they solve."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loanbook.core.contract.disclosed.apr import nominal_percent, solved_rate
from loanbook.core.errors import EngineError
from tests.conformance.terms import expanded_together, row

FLOWS = {"loan_id": pl.Int64, "amount": pl.Int64, "periods": pl.Float64, "fraction": pl.Float64}


def flows(*rows: tuple[int, int, float]) -> pl.DataFrame:
    return pl.DataFrame([(*r, 0.0) for r in rows], schema=FLOWS, orient="row")


def test_a_fee_raises_the_rate_as_the_key_facts_statement_prints_it() -> None:
    """20,000, 24 x 969.73, fee 400: 17.07 % (RBI, key facts statement, annex)."""
    lent = (1, -(2_000_000 - 40_000), 0.0)
    rate = solved_rate(flows(lent, *((1, 96_973, float(k)) for k in range(1, 25))))
    assert round(rate.select(nominal_percent(pl.col("rate"), 12)).item(), 2) == 17.07


def test_a_loan_that_pays_back_less_than_it_got_has_no_rate() -> None:
    with pytest.raises(EngineError, match="pays back less"):
        solved_rate(flows((7, -1_000, 0.0), (7, 900, 1.0)))


@settings(max_examples=2, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(10_000, 10**9), st.integers(0, 60), st.integers(1, 60)),
        min_size=20, max_size=20,
    )
)  # fmt: skip
def test_the_rate_solved_from_a_schedule_is_the_one_it_was_made_with(
    loans: list[tuple[int, int, int]],
) -> None:
    tables = expanded_together([
        row(principal=principal, rate_percent=str(percent), n=n, start=dt.date(2024, 1, 1),
            first_due=dt.date(2024, 2, 1))
        for principal, percent, n in loans
    ])  # fmt: skip
    moved = []
    for loan, ((principal, _, _), table) in enumerate(zip(loans, tables, strict=True)):
        paid = (table["principal"] + table["interest"]).to_list()
        moved.append((loan, -principal, 0.0))
        moved += [(loan, m, float(k)) for k, m in enumerate(paid, start=1)]
    found = solved_rate(flows(*moved)).sort("loan_id")
    solved = found.select(nominal_percent(pl.col("rate"), 12)).to_series().to_list()
    assert len(solved) == len(loans)
    for (principal, percent, n), rate in zip(loans, solved, strict=True):
        # instalments are rounded to the minor unit, and so is what the rate can show
        near = pytest.approx(percent, abs=12 * 100 * 2 / principal * 2)
        assert rate == near, (principal, percent, n)
