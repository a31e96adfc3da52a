"""The same logical day by other means, over the tables the engine itself starts from.

In: one row a loan (`state`), the open dues, the day's payments. The day: earn the night's
interest (daily, ACT/365F, half-even), bill loans whose period ends, allocate payments (billed
interest, billed principal, interest to the day, principal), count days past due. Out: the
positions, the dues after it, who paid what, the transfers. Loans of the bench book have one
product, one payment a day and one open instalment at most, and pay less than they owe; the
engine pays for generality that these do not have. All return the same rows, compared before
anything is timed.
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

import duckdb
import numpy as np
import pandas as pd
import polars as pl
from numba import njit

from loanbook.core.catalogue.accounts import ROLE
from loanbook.core.servicing.day.close import DayClose

DEN = 365 * 10**9
POSITION = ("principal", "interest_accrued", "interest_due", "principal_due", "days_past_due")
DUE = ("loan_id", "instalment_no", "component", "amount", "paid")
PAID = ("loan_id", "event_id", "component", "amount")
MOVED = ("loan_id", "event_id", "debit", "credit", "amount")
PRINCIPAL, INTEREST = 0, 1
CASH, LOAN, ACCRUED, BILLED, INCOME = (
    ROLE[r]
    for r in ("payment_clearing", "loan_principal", "interest_accrued", "interest_due",
              "interest_income")
)  # fmt: skip


class Day(NamedTuple):
    """What every way returns, as Polars frames of Int64 columns."""

    positions: pl.DataFrame
    dues: pl.DataFrame
    paid: pl.DataFrame
    moved: pl.DataFrame

    def same(self, other: Day) -> bool:
        """Equal rows, in any order but for the positions."""
        return self.positions.equals(other.positions) and all(
            a.sort(a.columns).equals(b.sort(b.columns))
            for a, b in zip(self[1:], other[1:], strict=True)
        )

    def of_loans(self, last: int) -> Day:
        """The rows of loans up to `last`, without the day's aggregated accrual."""
        own = pl.col("loan_id").is_between(1, last)
        return Day(self.positions.head(last), *(f.filter(own) for f in self[1:]))


def of_engine(done: DayClose) -> Day:
    """The engine's close as the rows that are compared."""
    wide = dict.fromkeys((*POSITION, *DUE, *PAID, *MOVED), pl.Int64)

    def plain(frame: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
        return frame.select(names).cast({name: wide[name] for name in names})

    return Day(
        plain(done.book.positions, POSITION), plain(done.book.dues, DUE),
        plain(done.allocations, PAID), plain(done.transfers, MOVED),
    )  # fmt: skip


def inputs(
    wide: pl.DataFrame, dues: pl.DataFrame, payments: pl.DataFrame, date: dt.date
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """State, dues and payments as Int64 columns, dates as day numbers, in order of loan."""

    def day(name: str) -> pl.Expr:
        return pl.col(name).to_physical().cast(pl.Int64)

    state = wide.select(
        "loan_id", "principal", "rate_ppb", "emi", "principal_due", "interest_due",
        "accrued_units", "accrued_remainder", "accrued_prepaid", "prepaid_dues",
        pl.col("instalment_no").cast(pl.Int64), from_=day("segment_start"), end=day("period_end"),
    )  # fmt: skip
    owed = dues.select(
        "loan_id", pl.col("instalment_no", "component").cast(pl.Int64), "amount", "paid",
        due=day("due_date"),
    )  # fmt: skip
    return state, owed, payments.select("loan_id", "event_id", "amount").sort("loan_id")


def number(date: dt.date) -> int:
    """Days since 1970, as the columns hold them."""
    return (date - dt.date(1970, 1, 1)).days


@njit(cache=True)
def _numba_day(  # type: ignore[no-untyped-def]
    loan, principal, rate, emi, principal_due, interest_due, whole, rest, paid_early, advance, no,
    start, end, d_loan, d_no, d_comp, d_amount, d_paid, d_due, p_loan, p_event, p_amount, today,
    accrued, dpd, due_out, paid_out, move_out,
):  # fmt: skip
    d, p, dues, paid, moves, earned = 0, 0, 0, 0, 0, 0
    row = np.zeros((8, 5), np.int64)  # the dues of one loan: no, component, amount, paid, due
    for i in range(principal.size):
        n = rest[i] + principal[i] * rate[i] * (today - start[i])
        before = whole[i] - paid_early[i] + rounded(n - principal[i] * rate[i])
        a = whole[i] - paid_early[i] + rounded(n)
        earned += a - before
        k = 0
        while d < d_loan.size and d_loan[d] == loan[i]:
            row[k, 0], row[k, 1], row[k, 2], row[k, 3], row[k, 4] = (
                d_no[d], d_comp[d], d_amount[d], d_paid[d], d_due[d])  # fmt: skip
            k += 1
            d += 1
        this = no[i]
        if end[i] == today:
            room = max(emi[i] - advance[i], 0)
            bi = min(a, room)
            bp = min(room - bi, principal[i] - principal_due[i])
            interest_due[i] += bi
            principal_due[i] += bp
            a -= bi
            k = open_due(row, k, this, 1, bi, 0, today)
            k = open_due(row, k, this, 0, bp, 0, today)
            if bi > 0:
                move_out[moves] = (loan[i], 0, BILLED, ACCRUED, bi)
                moves += 1
            this += 1
        while p < p_loan.size and p_loan[p] == loan[i]:
            m = p_amount[p]
            for comp in (1, 0):
                for j in range(k):
                    if row[j, 1] == comp and row[j, 4] <= today and row[j, 2] > row[j, 3] and m > 0:
                        x = min(m, row[j, 2] - row[j, 3])
                        row[j, 3] += x
                        m -= x
                        if comp == 1:
                            interest_due[i] -= x
                        else:
                            principal_due[i] -= x
                            principal[i] -= x
                        paid_out[paid] = (loan[i], p_event[p], comp, x)
                        move_out[moves] = (loan[i], p_event[p], CASH, BILLED if comp else LOAN, x)
                        paid += 1
                        moves += 1
            for comp in (1, 0):
                x = min(m, a) if comp == 1 else m
                if x > 0:
                    m -= x
                    if comp == 1:
                        a -= x
                    else:
                        principal[i] -= x
                    k = open_due(row, k, this, comp, x, x, today + 1)
                    paid_out[paid] = (loan[i], p_event[p], comp, x)
                    move_out[moves] = (loan[i], p_event[p], CASH, ACCRUED if comp else LOAN, x)
                    paid += 1
                    moves += 1
            p += 1
        accrued[i] = a
        for j in range(k):
            if row[j, 2] > row[j, 3]:
                dpd[i] = max(dpd[i], today - row[j, 4])
            if row[j, 2] > row[j, 3] or row[j, 4] > today:
                due_out[dues] = (loan[i], row[j, 0], row[j, 1], row[j, 2], row[j, 3])
                dues += 1
    move_out[moves] = (0, 0, ACCRUED, INCOME, earned)
    return dues, paid, moves + 1


@njit(cache=True, inline="always")
def rounded(n):  # type: ignore[no-untyped-def]
    q = n // DEN
    r = n - q * DEN
    if 2 * r > DEN or (2 * r == DEN and q % 2 == 1):
        q += 1
    return q


@njit(cache=True)
def open_due(row, k, no, comp, amount, paid, due):  # type: ignore[no-untyped-def]
    if amount == 0:
        return k
    for j in range(k):
        if row[j, 0] == no and row[j, 1] == comp:
            row[j, 2] += amount
            row[j, 3] += paid
            row[j, 4] = due
            return k
    row[k, 0], row[k, 1], row[k, 2], row[k, 3], row[k, 4] = no, comp, amount, paid, due
    return k + 1


def compiled(state: pl.DataFrame, dues: pl.DataFrame, pay: pl.DataFrame, today: int) -> Day:
    """(d) One compiled pass over loans, dues and payments in step, one thread: the limit."""
    c = [state[name].to_numpy() for name in state.columns]
    for place in (1, 4, 5):
        c[place] = c[place].copy()
    accrued, dpd = np.zeros(state.height, np.int64), np.zeros(state.height, np.int64)
    room = dues.height + 4 * pay.height + 2 * int((state["end"] == today).sum()) + 1
    due_out, paid_out, move_out = (np.empty((room, n), np.int64) for n in (5, 4, 5))
    found = _numba_day(
        *c, *(dues[n].to_numpy() for n in dues.columns), *(pay[n].to_numpy() for n in pay.columns),
        today, accrued, dpd, due_out, paid_out, move_out,
    )  # fmt: skip
    positions = pl.DataFrame(
        {"principal": c[1], "interest_accrued": accrued, "interest_due": c[5],
         "principal_due": c[4], "days_past_due": dpd}
    )  # fmt: skip
    return Day(
        positions,
        *(pl.DataFrame(a[:n], schema=list(names), orient="row")
          for a, n, names in zip((due_out, paid_out, move_out), found, (DUE, PAID, MOVED), strict=True)),
    )  # fmt: skip


def with_pandas(
    state: pd.DataFrame, dues: pd.DataFrame, pay: pd.DataFrame, today: int
) -> tuple[pd.DataFrame, ...]:
    """(b) pandas, vectorised."""
    s = state
    night = s["principal"] * s["rate_ppb"]
    n = s["accrued_remainder"] + night * (today - s["from_"])

    def half_even(n: pd.Series) -> pd.Series:
        q = n // DEN
        r = n - q * DEN
        return q + ((2 * r > DEN) | ((2 * r == DEN) & (q % 2 == 1)))

    shown = half_even(n)
    a = s["accrued_units"] + shown - s["accrued_prepaid"]
    earned = int((shown - half_even(n - night)).sum())
    ends = s["end"] == today
    e = s.loc[ends, ["loan_id", "instalment_no"]]
    room = (s.loc[ends, "emi"] - s.loc[ends, "prepaid_dues"]).clip(lower=0)
    bi = np.minimum(a[ends], room)
    bp = np.minimum(room - bi, s.loc[ends, "principal"] - s.loc[ends, "principal_due"])
    interest_due, principal_due, principal = (
        s[c].copy() for c in ("interest_due", "principal_due", "principal")
    )
    interest_due[ends] += bi
    principal_due[ends] += bp
    a[ends] -= bi
    fresh = pd.concat(
        [e.assign(component=INTEREST, amount=bi), e.assign(component=PRINCIPAL, amount=bp)]
    ).query("amount > 0").assign(paid=0, due=today)  # fmt: skip
    keys = ["loan_id", "instalment_no", "component"]

    def merged(dues: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
        both = pd.concat([dues, more[dues.columns]])
        return both.groupby(keys, as_index=False).agg(
            {"amount": "sum", "paid": "sum", "due": "max"}
        )

    dues = merged(dues, fresh)
    lines = dues[(dues["due"] <= today) & (dues["amount"] > dues["paid"])].merge(
        pay.rename(columns={"amount": "money"}), on="loan_id"
    )
    lines = lines.sort_values(["loan_id", "component"], ascending=[True, False])
    asked = lines["amount"] - lines["paid"]
    before = asked.groupby(lines["loan_id"]).cumsum() - asked
    lines["x"] = np.minimum(asked, lines["money"] - before).clip(lower=0)
    lines = lines[lines["x"] > 0]
    place = pd.Series(s.index, index=s["loan_id"])
    at = place.loc[pay["loan_id"]].to_numpy()
    used = lines.groupby("loan_id")["x"].sum().reindex(pay["loan_id"]).fillna(0).astype("int64")
    left = pay["amount"].to_numpy() - used.to_numpy()
    early = np.minimum(left, a.to_numpy()[at])
    no = (s["instalment_no"] + ends).to_numpy()[at]
    ahead = pd.concat(
        [
            pd.DataFrame({"loan_id": pay["loan_id"], "event_id": pay["event_id"],
                          "instalment_no": no, "component": c, "x": x})
            for c, x in ((INTEREST, early), (PRINCIPAL, left - early))
        ]
    )  # fmt: skip
    ahead = ahead[ahead["x"] > 0]
    stamped = lines[keys].assign(amount=0, paid=lines["x"], due=lines["due"])
    opened = ahead[keys].assign(amount=ahead["x"], paid=ahead["x"], due=today + 1)
    dues = merged(dues, pd.concat([stamped, opened]))
    for rows, targets in ((lines, (principal_due, interest_due)), (ahead, (None, a))):
        for component, target in enumerate(targets):
            if target is not None:
                own = rows[rows["component"] == component]
                target.iloc[place.loc[own["loan_id"]].to_numpy()] -= own["x"].to_numpy()
        own = rows[rows["component"] == PRINCIPAL]
        principal.iloc[place.loc[own["loan_id"]].to_numpy()] -= own["x"].to_numpy()
    open_ = dues[dues["amount"] > dues["paid"]]
    late = (today - open_.groupby("loan_id")["due"].min()).reindex(s["loan_id"])
    positions = pd.DataFrame(
        {"principal": principal, "interest_accrued": a, "interest_due": interest_due,
         "principal_due": principal_due, "days_past_due": late.fillna(0).astype("int64").to_numpy()}
    )  # fmt: skip
    dues = dues[(dues["amount"] > dues["paid"]) | (dues["due"] > today)]
    paid = pd.concat([lines, ahead])
    billed = e.assign(event_id=0, debit=BILLED, credit=ACCRUED, amount=bi).query("amount > 0")
    moved = [
        billed,
        lines.assign(debit=CASH, credit=np.where(lines["component"] == 1, BILLED, LOAN),
                     amount=lines["x"]),
        ahead.assign(debit=CASH, credit=np.where(ahead["component"] == 1, ACCRUED, LOAN),
                     amount=ahead["x"]),
        pd.DataFrame({"loan_id": [0], "event_id": [0], "debit": [ACCRUED], "credit": [INCOME],
                      "amount": [earned]}),
    ]  # fmt: skip
    return (
        positions, dues[list(DUE)], paid.drop(columns="amount", errors="ignore").rename(columns={"x": "amount"})[list(PAID)],
        pd.concat([m[list(MOVED)] for m in moved]),
    )  # fmt: skip


def _half_even(n: str) -> str:
    return (
        f"(({n}) // {DEN} + CASE WHEN 2 * (({n}) % {DEN}) > {DEN} OR (2 * (({n}) % {DEN}) = {DEN} "
        f"AND (({n}) // {DEN}) % 2 = 1) THEN 1 ELSE 0 END)"
    )


SQL = (
    f"""CREATE OR REPLACE TABLE billed AS
WITH a AS (SELECT *, principal::HUGEINT * rate_ppb AS night,
    accrued_remainder::HUGEINT + principal::HUGEINT * rate_ppb * (today - from_) AS n FROM state, clock),
b AS (SELECT *, {_half_even("n")} AS shown, {_half_even("n - night")} AS yesterday FROM a),
c AS (SELECT *, accrued_units + shown - accrued_prepaid AS acc, greatest(emi - prepaid_dues, 0) AS room,
    "end" = today AS ends FROM b),
d AS (SELECT *, CASE WHEN ends THEN least(acc, room) ELSE 0 END AS bi FROM c)
SELECT loan_id, instalment_no, ends, today, principal, principal_due, interest_due,
    (shown - yesterday)::BIGINT AS earned, acc::BIGINT AS acc, bi::BIGINT AS bi,
    (CASE WHEN ends THEN least(room - bi, principal - principal_due) ELSE 0 END)::BIGINT AS bp FROM d""",
    """CREATE OR REPLACE TABLE owed AS
SELECT loan_id, instalment_no, component, sum(amount)::BIGINT AS amount, sum(paid)::BIGINT AS paid, max(due) AS due
FROM (SELECT * FROM dues UNION ALL SELECT loan_id, instalment_no, 1, bi, 0, today FROM billed WHERE bi > 0
      UNION ALL SELECT loan_id, instalment_no, 0, bp, 0, today FROM billed WHERE bp > 0) GROUP BY ALL""",
    """CREATE OR REPLACE TABLE met AS
WITH lines AS (SELECT o.*, p.event_id, p.amount AS money, o.amount - o.paid AS asked,
    sum(o.amount - o.paid) OVER (PARTITION BY o.loan_id ORDER BY o.component DESC) - (o.amount - o.paid) AS used
    FROM owed o JOIN payments p USING (loan_id), clock WHERE o.due <= today AND o.amount > o.paid)
SELECT loan_id, event_id, instalment_no, component, due, least(asked, money - used)::BIGINT AS x FROM lines WHERE money > used""",
    """CREATE OR REPLACE TABLE ahead AS
WITH rest AS (SELECT p.loan_id, p.event_id, b.instalment_no + b.ends::BIGINT AS instalment_no, b.acc - b.bi AS acc,
    p.amount - coalesce(m.used, 0) AS rest FROM payments p JOIN billed b USING (loan_id)
    LEFT JOIN (SELECT loan_id, sum(x)::BIGINT AS used FROM met GROUP BY 1) m USING (loan_id))
SELECT loan_id, event_id, instalment_no, 1 AS component, least(rest, acc) AS x FROM rest WHERE least(rest, acc) > 0
UNION ALL SELECT loan_id, event_id, instalment_no, 0, rest - least(rest, acc) FROM rest WHERE rest > least(rest, acc)""",
    """CREATE OR REPLACE TABLE after AS
SELECT loan_id, instalment_no, component, sum(amount)::BIGINT AS amount, sum(paid)::BIGINT AS paid, max(due) AS due
FROM (SELECT * FROM owed UNION ALL SELECT loan_id, instalment_no, component, 0, x, due FROM met
      UNION ALL SELECT loan_id, instalment_no, component, x, x, today + 1 FROM ahead, clock) GROUP BY ALL""",
    """CREATE OR REPLACE TABLE positions AS
WITH m AS (SELECT loan_id, sum(x) FILTER (component = 0) AS p, sum(x) FILTER (component = 1) AS i FROM met GROUP BY 1),
h AS (SELECT loan_id, sum(x) FILTER (component = 0) AS p, sum(x) FILTER (component = 1) AS i FROM ahead GROUP BY 1),
l AS (SELECT loan_id, min(due) AS oldest FROM after WHERE amount > paid GROUP BY 1)
SELECT b.loan_id, (principal - coalesce(m.p, 0) - coalesce(h.p, 0))::BIGINT AS principal,
  (acc - bi - coalesce(h.i, 0))::BIGINT AS interest_accrued, (interest_due + bi - coalesce(m.i, 0))::BIGINT AS interest_due,
  (principal_due + bp - coalesce(m.p, 0))::BIGINT AS principal_due, coalesce(today - oldest, 0)::BIGINT AS days_past_due
FROM billed b LEFT JOIN m USING (loan_id) LEFT JOIN h USING (loan_id) LEFT JOIN l USING (loan_id)""",
    f"""CREATE OR REPLACE TABLE moved AS
SELECT loan_id, 0 AS event_id, {BILLED} AS debit, {ACCRUED} AS credit, bi AS amount FROM billed WHERE bi > 0
UNION ALL SELECT loan_id, event_id, {CASH}, CASE component WHEN 1 THEN {BILLED} ELSE {LOAN} END, x FROM met
UNION ALL SELECT loan_id, event_id, {CASH}, CASE component WHEN 1 THEN {ACCRUED} ELSE {LOAN} END, x FROM ahead
UNION ALL SELECT 0, 0, {ACCRUED}, {INCOME}, sum(earned)::BIGINT FROM billed""",
)


def with_duckdb(connection: duckdb.DuckDBPyConnection) -> None:
    """(c) DuckDB SQL over its own tables `state`, `dues`, `payments`, into tables of its own."""
    for statement in SQL:
        connection.execute(statement)


def duckdb_day(connection: duckdb.DuckDBPyConnection) -> Day:
    """The tables that `with_duckdb` left."""

    def read(sql: str) -> pl.DataFrame:
        return pl.DataFrame(connection.execute(sql).to_arrow_table()).cast(pl.Int64)

    return Day(
        read(f"SELECT {', '.join(POSITION)} FROM positions ORDER BY loan_id"),
        read(f"SELECT {', '.join(DUE)} FROM after, clock WHERE amount > paid OR due > today"),
        read("SELECT loan_id, event_id, component, x AS amount FROM "
             "(SELECT loan_id, event_id, component, x FROM met UNION ALL "
             "SELECT loan_id, event_id, component, x FROM ahead)"),
        read(f"SELECT {', '.join(MOVED)} FROM moved"),
    )  # fmt: skip


def with_decimals(
    loans: list[dict[str, int]],
    dues: dict[int, list[dict[str, int]]],
    pay: dict[int, tuple[int, int]],
    today: int,
) -> tuple[list[tuple[int, ...]], ...]:
    """(a) A Python loop over loans with Decimal."""
    positions, open_, paid, moved = [], [], [], []
    for get in loans:
        loan, nights = get["loan_id"], today - get["from_"]
        exact = (
            Decimal(get["accrued_remainder"]) + Decimal(get["principal"]) * get["rate_ppb"] * nights
        )
        a = int((exact / DEN).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
        a += get["accrued_units"] - get["accrued_prepaid"]
        principal, idue, pdue = get["principal"], get["interest_due"], get["principal_due"]
        rows = {(r["instalment_no"], r["component"]): dict(r) for r in dues.get(loan, ())}
        no = get["instalment_no"]

        def put(no: int, component: int, amount: int, money: int, due: int,
                rows: dict[tuple[int, int], dict[str, int]] = rows) -> None:  # fmt: skip
            if amount:
                row = rows.setdefault((no, component), {"amount": 0, "paid": 0, "due": due})
                row["amount"], row["paid"] = row["amount"] + amount, row["paid"] + money
                row["due"] = due

        if get["end"] == today:
            room = max(get["emi"] - get["prepaid_dues"], 0)
            bi = min(a, room)
            bp = min(room - bi, principal - pdue)
            idue, pdue, a = idue + bi, pdue + bp, a - bi
            put(no, INTEREST, bi, 0, today)
            put(no, PRINCIPAL, bp, 0, today)
            if bi:
                moved.append((loan, 0, BILLED, ACCRUED, bi))
            no += 1
        event, m = pay.get(loan, (0, 0))
        for (_, component), row in sorted(rows.items(), key=lambda each: -each[0][1]):
            x = min(m, row["amount"] - row["paid"]) if row["due"] <= today else 0
            if x > 0:
                row["paid"], m = row["paid"] + x, m - x
                paid.append((loan, event, component, x))
                moved.append((loan, event, CASH, BILLED if component else LOAN, x))
                if component:
                    idue -= x
                else:
                    pdue, principal = pdue - x, principal - x
        early = min(m, a)
        for component, x in ((INTEREST, early), (PRINCIPAL, m - early)):
            if x > 0:
                put(no, component, x, x, today + 1)
                paid.append((loan, event, component, x))
                moved.append((loan, event, CASH, ACCRUED if component else LOAN, x))
        principal, a = principal - (m - early), a - early
        unpaid = [r["due"] for r in rows.values() if r["amount"] > r["paid"]]
        positions.append((principal, a, idue, pdue, today - min(unpaid) if unpaid else 0))
        open_ += [
            (loan, *key, r["amount"], r["paid"])
            for key, r in rows.items()
            if r["amount"] > r["paid"] or r["due"] > today
        ]
    return positions, open_, paid, moved
