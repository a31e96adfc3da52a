#!/usr/bin/env bash
# bankstatementparser takes the comma of a CSV amount for thousands in one row and for decimals in the next.
# Version: bankstatementparser 0.0.29.
# Expected: one file has one way to write amounts; what could be read in two ways is refused, as its own words on
#   amounts promise: a value that cannot be parsed raises.
# Seen: "1,234.56" is 1234.56, and "1,000" in the same column is 1.000 and "12,500" is 12.500: a comma without a point
#   is always the decimal one. Three payments of 14,734.56 are summed as 1,248.06, without a word.
# loanbook: a mapping says once for a file how amounts are written (`amounts`: currency sign, thousands, decimal); a
#   row in another form is refused, never read otherwise (pipelines/formats/mapped.py: plain).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check bankstatementparser==0.0.29
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
from decimal import Decimal

from bankstatementparser import CsvStatementParser

with open("statement.csv", "w") as file:
    file.write('Date,Description,Amount\n2026-01-05,A,"1,234.56"\n2026-01-06,B,"1,000"\n2026-01-07,C,"12,500"\n')
parser = CsvStatementParser("statement.csv")
amounts = [str(amount) for amount in parser.parse()["amount"]]
total = parser.get_summary()["total_amount"]
print(f"bankstatementparser {importlib.metadata.version('bankstatementparser')}: {amounts}, in all {total}")
assert amounts == ["1234.56", "1.000", "12.500"], "this has changed: look at it anew"
assert total == Decimal("1248.060"), "this has changed: look at it anew"
PYTHON
