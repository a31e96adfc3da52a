#!/usr/bin/env bash
# In DuckDB the intervals 1 month and 30 days are equal, so GROUP BY, DISTINCT and a join take them for one.
# Version: duckdb 1.5.5.
# Expected: periods that end on other dates are told apart: 31 January plus a month is 29 February, plus 30 days
#   is 1 March.
# Seen: loans whose period is a month and loans whose period is 30 days fall in one group, DISTINCT drops one of
#   the two, and a year is less than 361 days. Fetched to Python or pandas, a month is a timedelta of 30 days and a
#   year of 360, so 2025-01-01 plus the fetched year is 2025-12-27. The documentation does say that a comparison
#   counts a month as 30 days; that it also decides which loans are one group, one would not think.
# loanbook: stores a period as two whole numbers, a unit and how many of it (core/contract/dates/due_dates.py), and
#   adds months by the calendar; no column of the ledger is an INTERVAL.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check duckdb==1.5.5
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import datetime as dt

import duckdb

ask = duckdb.connect().execute
LOANS = "(VALUES (INTERVAL '1 month', 100), (INTERVAL '30 days', 200)) AS loans (every, principal)"
ends = ask(f"SELECT (DATE '2024-01-31' + every)::DATE FROM {LOANS}").fetchall()
groups = ask(f"SELECT every, sum(principal) FROM {LOANS} GROUP BY every").fetchall()
kinds = ask(f"SELECT count(DISTINCT every) FROM {LOANS}").fetchone()[0]
(longest,) = ask("SELECT INTERVAL '1 year' < INTERVAL '361 days'").fetchone()
(year,) = ask("SELECT INTERVAL '1 year'").fetchone()
print(f"duckdb {duckdb.__version__}: due dates {[str(day) for (day,) in ends]}, groups {groups}")
print(f"distinct periods: {kinds}; a year is less than 361 days: {longest}; fetched, a year is {year}")
assert ends == [(dt.date(2024, 2, 29),), (dt.date(2024, 3, 1),)]
assert [total for _, total in groups] == [300], "this has changed: look at it anew"
assert (kinds, longest, year) == (1, True, dt.timedelta(days=360)), "this has changed: look at it anew"
assert dt.date(2025, 1, 1) + year == dt.date(2025, 12, 27)
PYTHON
