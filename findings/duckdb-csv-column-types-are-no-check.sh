#!/usr/bin/env bash
# A type that DuckDB's CSV reader is told for a column lets through what is no such value, and changes it.
# Version: duckdb 1.5.5.
# Expected: with `columns` told, a cell that is no date, no whole number or no DECIMAL(10, 2) is an error or a
#   rejected row, as "2024-02-30" and "abc" are.
# Seen: "2024-02-03 to 2024-03-02" is the date 2024-02-03 (any text after a blank is dropped), "24-02-03" is a day of
#   the year 24, "12.999" is 13.00, "7.5" as BIGINT is 8 and "1_000" is 1000. store_rejects has no row of them, and
#   TRY_CAST of the same texts gives the same values, not NULL.
# loanbook: reads every cell as text, matches it against the whole form that is told and refuses the row otherwise
#   (pipelines/formats/table.py: date_in, percent_ppb; payments.py: exact_minor); dates lie from 1900 to 2299.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check duckdb==1.5.5
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import datetime as dt
from decimal import Decimal

import duckdb

with open("payments.csv", "w") as file:
    file.write("day,amount,count\n2024-02-03 to 2024-03-02,12.999,7.5\n24-02-03,0.005,1_000\n")
lake = duckdb.connect()
rows = lake.execute(
    """FROM read_csv('payments.csv', header = true, store_rejects = true,
       columns = {'day': 'DATE', 'amount': 'DECIMAL(10, 2)', 'count': 'BIGINT'})"""
).fetchall()
(rejected,) = lake.execute("SELECT count(*) FROM reject_errors").fetchone()
(tried,) = lake.execute("SELECT TRY_CAST('2024-02-03 to 2024-03-02' AS DATE)").fetchone()
for row in rows:
    print(f"duckdb {duckdb.__version__}: {[str(value) for value in row]}")
print(f"rejected: {rejected}; TRY_CAST gives {tried}")
assert rows == [
    (dt.date(2024, 2, 3), Decimal("13.00"), 8),
    (dt.date(24, 2, 3), Decimal("0.01"), 1000),
], "this has changed: look at it anew"
assert (rejected, tried) == (0, dt.date(2024, 2, 3)), "this has changed: look at it anew"
PYTHON
