#!/usr/bin/env bash
# mortgage takes a term in months and computes it as so many years.
# Version: mortgage 1.0.5.
# Expected: Loan(principal=1000, interest=.06, term=18, term_unit="months") is repaid in 18 instalments of 58.23;
#   `term_unit` is documented as the unit of the term, and "days", "months" and "years" are the values it takes.
# Seen: 216 instalments of 7.58: the unit is checked and kept, and used nowhere. Interest is 637.63 where 18 months
#   cost 48.17 (18 * 58.2317 - 1000). `years_to_pay` says 18, `summarize` prints "Term: 18 months" beside it. With
#   compounded="annually" what is called monthly_payment is the payment of a year.
# loanbook: does not use it. A term is a number of instalments with the unit of a period beside it, and a schedule
#   has exactly so many rows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check mortgage==1.0.5
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
from decimal import Decimal

from mortgage import Loan

loan = Loan(principal=1000, interest=0.06, term=18, term_unit="months")
rate = Decimal("0.06") / 12
right = 1000 * rate / (1 - (1 + rate) ** -18)
rows = len(loan.schedule()) - 1
print(f"mortgage {importlib.metadata.version('mortgage')}: {rows} instalments of {loan.monthly_payment}, interest "
      f"{loan.total_interest}, {loan.years_to_pay} years; 18 of {right:.4f} cost {18 * right - 1000:.2f}")
assert round(right, 2) == Decimal("58.23") and round(18 * right - 1000, 2) == Decimal("48.17")
assert (rows, loan.years_to_pay) == (216, 18), "this has changed: look at it anew"
assert (loan.monthly_payment, loan.total_interest) == (Decimal("7.58"), Decimal("637.63")), "look at it anew"
PYTHON
