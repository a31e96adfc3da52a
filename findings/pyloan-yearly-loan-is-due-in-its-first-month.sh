#!/usr/bin/env bash
# pyloan lets a loan with one instalment a year fall due at the end of the month in which it is paid out.
# Version: pyloan 0.7.3.
# Expected: 100,000 for one year at 6 %, paid out on 15 January 2024 with one yearly instalment, is repaid in January
#   2025 with about 6,000 of interest; by the package's own words the first payment is one period after the start.
# Seen: one instalment, on 31 January 2024, of 100,250.00: sixteen days after the payout, interest of 250. With one a
#   quarter or half-year the first is on that day too, and the loan ends so much sooner. It is the default
#   (payment_end_of_month=True) on any start day but the last of a month; the total looks whole, no row is missing.
# loanbook: does not use it. A first due date is told by the tape, and a first period shorter or longer than the
#   others is a stub with its own interest, never a period that vanishes (core/contract/first_period.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pyloan==0.7.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import datetime as dt
import importlib.metadata
from decimal import Decimal

from pyloan import Loan


def rows(start: str, a_year: int) -> list[tuple[dt.date, Decimal, Decimal]]:
    schedule = Loan(100000, 6, 1, start, annual_payments=a_year).get_payment_schedule()
    return [(row.date.date(), row.interest_amount, row.loan_balance_amount) for row in schedule[1:]]


yearly, halves, month_end = rows("2024-01-15", 1), rows("2024-01-15", 2), rows("2024-01-31", 1)
print(f"pyloan {importlib.metadata.version('pyloan')}: due dates and interest of a year from 15 January")
print(f"{[(str(d), str(i)) for d, i, _ in yearly]}; in two halves {[str(d) for d, _, _ in halves]}")
print(f"from 31 January {[(str(d), str(i)) for d, i, _ in month_end]}")
assert month_end == [(dt.date(2025, 1, 31), Decimal("6000.00"), 0)]
assert yearly == [(dt.date(2024, 1, 31), Decimal("250.00"), 0)], "this has changed: look at it anew"
assert [d for d, _, _ in halves] == [dt.date(2024, 1, 31), dt.date(2024, 7, 31)], "this has changed: look at it anew"
PYTHON
