"""Schedules and annual percentage rates of a million loans, beside numpy in float and pyxirr."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyxirr

from bench.book import book
from bench.clock import timed
from loanbook.core.contract.disclosed.apr import solved_rate
from loanbook.core.contract.schedule.agreement import agree
from loanbook.core.contract.schedule.expansion import expand
from loanbook.core.policy.book import PolicyBook

INSTALMENTS = 36
XIRR_SAMPLE = 20_000


def _terms(loans: int, policies: PolicyBook) -> pl.DataFrame:
    terms = book(loans, policies).terms
    return agree(
        terms.with_columns(
            instalments=pl.lit(INSTALMENTS, dtype=pl.Int16), emi=pl.lit(None, dtype=pl.Int64)
        )
    )


def schedules(loans: int, policies: PolicyBook) -> dict[str, Any]:
    """The instalments of every loan, exactly rounded, and the same table in float by numpy."""
    terms = _terms(loans, policies)
    ours, theirs = expand(terms), _in_float(terms)
    off = (ours["closing"] - theirs["closing"].cast(pl.Int64)).abs()
    assert off.max() <= INSTALMENTS, "the two tables are not of the same loans"  # type: ignore[operator]
    return {
        "loans": loans, "instalments": INSTALMENTS, "rows": ours.height,
        "cents_off": int((off > 0).sum()),
        "exact": timed(lambda: expand(terms)), "float": timed(lambda: _in_float(terms)),
    }  # fmt: skip


def _in_float(terms: pl.DataFrame) -> pl.DataFrame:
    balance = terms["principal_agreed"].to_numpy().astype(float)
    rate = terms["rate_ppb"].to_numpy() / 1e9
    level = terms["emi"].to_numpy().astype(float)
    first = terms["first_due_date"].to_numpy().astype("datetime64[D]")
    month = first.astype("datetime64[M]")
    day = (first - month.astype("datetime64[D]")).astype(int)
    start = terms["disbursed_on"].to_numpy().astype("datetime64[D]")
    shape = (terms.height, INSTALMENTS)
    table = {name: np.empty(shape) for name in ("opening", "principal", "interest", "closing")}
    starts, ends = np.empty(shape, "datetime64[D]"), np.empty(shape, "datetime64[D]")
    for k in range(INSTALMENTS):
        end = np.minimum((month + k).astype("datetime64[D]") + day,
                         (month + k + 1).astype("datetime64[D]") - 1)  # fmt: skip
        interest = np.round(balance * rate * (end - start).astype(float) / 365)
        principal = level - interest if k < INSTALMENTS - 1 else balance
        table["opening"][:, k], table["interest"][:, k] = balance, interest
        balance = balance - principal
        table["principal"][:, k], table["closing"][:, k] = principal, balance
        starts[:, k], ends[:, k] = start, end
        start = end
    return pl.DataFrame(
        {
            "loan_id": np.repeat(terms["loan_id"].to_numpy(), INSTALMENTS),
            "instalment_no": np.tile(np.arange(1, INSTALMENTS + 1, dtype=np.int16), terms.height),
            "period_start": starts.ravel(), "period_end": ends.ravel(),
            **{name: values.ravel() for name, values in table.items()},
        }
    )  # fmt: skip


def rates(loans: int, policies: PolicyBook) -> dict[str, Any]:
    """The yearly rate of every loan's schedule, and pyxirr's own time on the same flows."""
    terms = _terms(loans, policies)
    paid = expand(terms).select(
        "loan_id",
        amount=pl.col("principal") + pl.col("interest"),
        periods=pl.col("instalment_no").cast(pl.Float64),
    )
    lent = terms.select(
        "loan_id", amount=-pl.col("principal_agreed"), periods=pl.lit(0.0, dtype=pl.Float64)
    )
    flows = pl.concat([lent, paid]).with_columns(fraction=pl.lit(0.0)).sort("loan_id", "periods")
    sample = flows.filter(pl.col("loan_id") <= XIRR_SAMPLE)
    arrays = sample["amount"].to_numpy().reshape(-1, INSTALMENTS + 1).astype(float)
    theirs = np.array([pyxirr.irr(one) for one in arrays])
    ours = solved_rate(sample).sort("loan_id")["rate"].to_numpy()
    assert np.abs(ours - theirs).max() < 1e-9, "the rates differ"

    def by_pyxirr() -> None:
        for one in arrays:
            pyxirr.irr(one)

    return {
        "loans": loans, "flows": flows.height,
        "ours": timed(lambda: solved_rate(flows), 1),
        "pyxirr": timed(by_pyxirr) * loans / XIRR_SAMPLE,
    }  # fmt: skip
