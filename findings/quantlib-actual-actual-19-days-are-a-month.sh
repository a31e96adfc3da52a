#!/usr/bin/env bash
# QuantLib's ActualActual(ISMA) without a schedule turns 19 days into a month of interest and 14 days into 14 days.
# Version: QuantLib 1.44.
# Expected: the convention needs the coupon period; without one the call is refused, or counts days over days of the
#   year. A longer period never bears less than a shorter one by day.
# Seen: yearFraction guesses a whole number of months from the two dates and takes that for the coupon period: 1 to
#   15 January is 0.0383 (14/366), 1 to 20 January 0.0833 and so is 1 to 31 January. A payoff on 20 January at 12 % of
#   100,000 costs 1,000.00 where 19 days are 622.95, with no error and no warning.
# loanbook: its tests alone use QuantLib, with conventions that need no coupon period; it offers no actual/actual
#   ICMA (core/contract/dates/day_count.py). Who checks figures of a bond by QuantLib gives the schedule.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check quantlib==1.44
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import QuantLib as ql

isma, isda = ql.ActualActual(ql.ActualActual.ISMA), ql.ActualActual(ql.ActualActual.ISDA)
first = ql.Date(1, 1, 2024)
shares = [round(isma.yearFraction(first, ql.Date(day, 1, 2024)), 4) for day in (15, 20, 31)]
by_isma, by_isda = (round(100_000 * 0.12 * of.yearFraction(first, ql.Date(20, 1, 2024)), 2) for of in (isma, isda))
print(f"QuantLib {ql.__version__}: to 15, 20 and 31 January {shares}")
print(f"interest of 19 days {by_isma}, by ISDA {by_isda}")
assert by_isda == 622.95
assert shares == [0.0383, 0.0833, 0.0833], "this has changed: look at it anew"
assert by_isma == 1000.0, "this has changed: look at it anew"
PYTHON
