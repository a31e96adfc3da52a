#!/usr/bin/env bash
# A series of months from the 31st keeps the day of the shortest month so far in DuckDB and pandas, not in Polars.
# Versions: duckdb 1.5.5, pandas 3.1.1, polars 2.1.0.
# Expected: instalments on the last of the month, from 31 January: 29 February, 31 March, 30 April, as adding
#   1, 2 and 3 months to 31 January gives.
# Seen: DuckDB's generate_series and range, and pandas' date_range with DateOffset(months=1), add a month to the
#   date before: once February is passed every date is the 29th (the 28th in other years), so a schedule is two days
#   early for the rest of its life. Polars' date_range counts from the start. Each library's own addition of three
#   months is right: the series is not what its step says.
# loanbook: a due date is counted from the loan's anchor, never from the due date before it
#   (core/contract/dates/due_dates.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check duckdb==1.5.5 pandas==3.1.1 polars==2.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import datetime as dt

import duckdb
import pandas as pd
import polars as pl

first, last = dt.date(2024, 1, 31), dt.date(2024, 5, 31)
ask = duckdb.connect().execute
series = ask(
    "SELECT d::DATE FROM generate_series(DATE '2024-01-31', DATE '2024-05-31', INTERVAL 1 MONTH) AS s (d)"
)
by_duckdb = [day.day for (day,) in series.fetchall()]
by_pandas = [day.day for day in pd.date_range(first, last, freq=pd.DateOffset(months=1))]
by_polars = [day.day for day in pl.date_range(first, last, "1mo", eager=True)]
print(f"duckdb {duckdb.__version__} {by_duckdb}; pandas {pd.__version__} {by_pandas}")
print(f"polars {pl.__version__} {by_polars}")
assert by_polars == [31, 29, 31, 30, 31]
assert by_duckdb == by_pandas == [31, 29, 29, 29, 29], "this has changed: look at it anew"
(added,) = ask("SELECT (DATE '2024-01-31' + INTERVAL 2 MONTH)::DATE").fetchone()
assert added == (pd.Timestamp(first) + pd.DateOffset(months=2)).date() == dt.date(2024, 3, 31)
PYTHON
