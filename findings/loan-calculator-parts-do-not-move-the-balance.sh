#!/usr/bin/env bash
# loan-calculator's level schedule tells another principal part than its own balance falls by.
# Version: loan-calculator 1.2.2.
# Expected: each instalment's principal part is what the balance falls by, and interest is that of the balance before
#   it over the days since: what its documentation says of the progressive Price schedule (J from the balance
#   before, A = P - J).
# Seen: interest is computed from the days of the schedule read backwards, which agrees only where all periods are
#   equally long. 1000 lent at 12 % with a first period of 60 days and then 31 and 30: the balance falls by 324.04,
#   the principal part says 330.20 and the interest 12.64 where 60 days cost 18.80, as its own constant schedule has
#   it. Totals agree, so a check of sums sees nothing.
# loanbook: does not use it. Its interest is that of the balance on each day, and the principal part what the
#   balance falls by; a first period of another length has its own rule (core/contract/schedule/stub_interest.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check loan-calculator==1.2.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import datetime as dt
import importlib.metadata

from loan_calculator import Loan

days = [dt.date(2024, 3, 1), dt.date(2024, 4, 1), dt.date(2024, 5, 1)]
loan = Loan(1000, 0.12, dt.date(2024, 1, 1), days)
other = Loan(1000, 0.12, dt.date(2024, 1, 1), days, amortization_schedule_type="constant-amortization-schedule")
falls = [round(before - after, 2) for before, after in zip(loan.balance, loan.balance[1:])]
told = [round(part, 2) for part in loan.amortizations]
first, owed = round(loan.interest_payments[0], 2), round(other.interest_payments[0], 2)
print(f"loan-calculator {importlib.metadata.version('loan-calculator')}: the balance falls by {falls}")
print(f"principal parts are {told}; first interest {first}, in the constant schedule {owed}")
assert round(sum(falls), 2) == round(sum(told), 2) == 1000
assert falls == [324.04, 336.3, 339.66] and owed == 18.8
assert (told, first) == ([330.2, 333.29, 336.51], 12.64), "this has changed: look at it anew"
PYTHON
