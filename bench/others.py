"""The same logical day by other means, over flat arrays of the bench book.

The day: earn the night's interest (daily, ACT/365F, half-even), bill loans whose period ends,
allocate one payment a loan (billed interest, billed principal, interest to the day, principal),
count days past due. Loans of the bench book have at most one open instalment and pay less
than they owe, so flat columns hold their state; the engine pays for generality that these
do not have. All return the same columns, compared to the cent before anything is timed.
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_EVEN, Decimal

import duckdb
import numpy as np
import pandas as pd
import polars as pl
from numba import njit

DEN = 365 * 10**9
RESULT = ("principal", "interest_accrued", "interest_due", "principal_due", "days_past_due")


def flat(
    wide: pl.DataFrame, dues: pl.DataFrame, payments: pl.DataFrame, date: dt.date
) -> pl.DataFrame:
    """The state as flat Int64 columns, dates as day numbers."""
    paid = payments.group_by("loan_id").agg(pay=pl.col("amount").sum())
    unpaid = dues.filter(pl.col("amount") > pl.col("paid"))
    due = unpaid.group_by("loan_id").agg(due=pl.col("due_date").min())
    joined = wide.join(paid, on="loan_id", how="left", maintain_order="left").join(
        due, on="loan_id", how="left", maintain_order="left"
    )

    def day(name: str) -> pl.Expr:
        return pl.col(name).to_physical().cast(pl.Int64)

    return joined.select(
        "loan_id", "principal", "rate_ppb", "emi", "principal_due", "interest_due", "accrual_whole",
        "accrual_rest", "accrual_paid", "advance_paid",
        from_=day("accrual_from"), end=day("period_end"), oldest=day("due").fill_null(0),
        pay=pl.col("pay").fill_null(0), today=pl.lit((date - dt.date(1970, 1, 1)).days, dtype=pl.Int64),
    )  # fmt: skip


@njit(cache=True)
def _numba_day(principal, rate, emi, principal_due, interest_due, whole, rest, paid_early, advance,
               start, end, oldest, pay, today, accrued, dpd):  # fmt: skip  # type: ignore[no-untyped-def]
    for i in range(principal.size):
        n = rest[i] + principal[i] * rate[i] * (today - start[i])
        q = n // DEN
        r = n - q * DEN
        if 2 * r > DEN or (2 * r == DEN and q % 2 == 1):
            a = whole[i] + q + 1 - paid_early[i]
        else:
            a = whole[i] + q - paid_early[i]
        if end[i] == today:
            room = emi[i] - advance[i]
            room = max(room, 0)
            bi = a if a < room else room
            unbilled = principal[i] - principal_due[i]
            bp = room - bi if room - bi < unbilled else unbilled
            interest_due[i] += bi
            principal_due[i] += bp
            a -= bi
            if bi + bp > 0 and oldest[i] == 0:
                oldest[i] = today
        m = pay[i]
        if m > 0:
            x = m if m < interest_due[i] else interest_due[i]
            interest_due[i] -= x
            m -= x
            x = m if m < principal_due[i] else principal_due[i]
            principal_due[i] -= x
            principal[i] -= x
            m -= x
            x = a if a < m else m
            a -= x
            m -= x
            principal[i] -= m
        accrued[i] = a
        if interest_due[i] + principal_due[i] > 0 and oldest[i] > 0:
            dpd[i] = today - oldest[i]


def compiled(frame: pl.DataFrame) -> pl.DataFrame:
    """(d) One compiled pass over the rows, one thread: the practical limit."""
    c = {name: frame[name].to_numpy().copy() for name in frame.columns}
    accrued, dpd = np.zeros(frame.height, np.int64), np.zeros(frame.height, np.int64)
    _numba_day(
        c["principal"], c["rate_ppb"], c["emi"], c["principal_due"], c["interest_due"],
        c["accrual_whole"], c["accrual_rest"], c["accrual_paid"], c["advance_paid"], c["from_"],
        c["end"], c["oldest"], c["pay"], c["today"][0], accrued, dpd,
    )  # fmt: skip
    return pl.DataFrame(
        {"principal": c["principal"], "interest_accrued": accrued, "interest_due": c["interest_due"],
         "principal_due": c["principal_due"], "days_past_due": dpd}
    )  # fmt: skip


def with_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    """(b) pandas, vectorised."""
    n = frame["accrual_rest"] + frame["principal"] * frame["rate_ppb"] * (
        frame["today"] - frame["from_"]
    )
    q = n // DEN
    r = n - q * DEN
    up = (2 * r > DEN) | ((2 * r == DEN) & (q % 2 == 1))
    a = frame["accrual_whole"] + q + up.astype("int64") - frame["accrual_paid"]
    ends = frame["end"] == frame["today"]
    room = (frame["emi"] - frame["advance_paid"]).clip(lower=0)
    bi = np.minimum(a, room).where(ends, 0)
    bp = np.minimum(room - bi, frame["principal"] - frame["principal_due"]).where(ends, 0)
    interest_due, principal_due = frame["interest_due"] + bi, frame["principal_due"] + bp
    a = a - bi
    oldest = frame["oldest"].where((frame["oldest"] > 0) | (bi + bp == 0), frame["today"])
    m = frame["pay"]
    to_interest = np.minimum(m, interest_due)
    m = m - to_interest
    to_principal = np.minimum(m, principal_due)
    m = m - to_principal
    early = np.minimum(m, a)
    interest_due, principal_due = interest_due - to_interest, principal_due - to_principal
    late = (interest_due + principal_due > 0) & (oldest > 0)
    return pd.DataFrame(
        {"principal": frame["principal"] - to_principal - (m - early), "interest_accrued": a - early,
         "interest_due": interest_due, "principal_due": principal_due,
         "days_past_due": (frame["today"] - oldest).where(late, 0)}
    )  # fmt: skip


SQL = f"""
WITH a AS (
  SELECT *, accrual_rest::HUGEINT + principal::HUGEINT * rate_ppb * (today - from_) AS n FROM state
), b AS (
  SELECT *, accrual_whole + (n // {DEN}) + CASE WHEN 2 * (n % {DEN}) > {DEN}
      OR (2 * (n % {DEN}) = {DEN} AND (n // {DEN}) % 2 = 1) THEN 1 ELSE 0 END - accrual_paid AS acc,
      greatest(emi - advance_paid, 0) AS room FROM a
), c AS (SELECT *, CASE WHEN "end" = today THEN least(acc, room) ELSE 0 END AS bi FROM b
), d AS (SELECT *, CASE WHEN "end" = today THEN least(room - bi, principal - principal_due) ELSE 0 END AS bp FROM c
), e AS (
  SELECT *, interest_due + bi AS idue, principal_due + bp AS pdue, acc - bi AS left_,
    CASE WHEN oldest > 0 OR bi + bp = 0 THEN oldest ELSE today END AS old FROM d
), f AS (SELECT *, least(pay, idue) AS x FROM e
), g AS (SELECT *, least(pay - x, pdue) AS y FROM f
), h AS (SELECT *, least(pay - x - y, left_) AS z FROM g)
SELECT (principal - y - (pay - x - y - z))::BIGINT AS principal, (left_ - z)::BIGINT AS interest_accrued,
  (idue - x)::BIGINT AS interest_due, (pdue - y)::BIGINT AS principal_due,
  CASE WHEN idue - x + pdue - y > 0 AND old > 0 THEN today - old ELSE 0 END::BIGINT AS days_past_due
FROM h
"""


def with_duckdb(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """(c) DuckDB SQL over its own table `state`, into a table of its own."""
    connection.execute(f"CREATE OR REPLACE TABLE result AS {SQL}")
    return pl.DataFrame()


def with_decimals(rows: list[tuple[int, ...]], names: list[str]) -> list[tuple[int, ...]]:
    """(a) A Python loop over loans with Decimal."""
    at = {name: place for place, name in enumerate(names)}
    out = []
    for row in rows:
        get = {name: row[place] for name, place in at.items()}
        nights = get["today"] - get["from_"]
        exact = Decimal(get["accrual_rest"]) + Decimal(get["principal"]) * get["rate_ppb"] * nights
        a = int((exact / DEN).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
        a += get["accrual_whole"] - get["accrual_paid"]
        principal, idue, pdue, oldest = (
            get[k] for k in ("principal", "interest_due", "principal_due", "oldest")
        )
        if get["end"] == get["today"]:
            room = max(get["emi"] - get["advance_paid"], 0)
            bi = min(a, room)
            bp = min(room - bi, principal - pdue)
            idue, pdue, a = idue + bi, pdue + bp, a - bi
            oldest = oldest or (get["today"] if bi + bp else 0)
        m = get["pay"]
        x = min(m, idue)
        y = min(m - x, pdue)
        z = min(m - x - y, a)
        idue, pdue, principal, a = idue - x, pdue - y, principal - y - (m - x - y - z), a - z
        out.append(
            (principal, a, idue, pdue, get["today"] - oldest if idue + pdue and oldest else 0)
        )
    return out
