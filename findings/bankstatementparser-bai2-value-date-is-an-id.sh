#!/usr/bin/env bash
# bankstatementparser reads the value date of a BAI2 detail as its id, forgets the date and divides yen by 100.
# Versions: bankstatementparser 0.0.29, bai2 0.15.0 beside it.
# Expected: a detail with funds type V holds a value date and time before its references; an amount has as many
#   implied decimals as its currency, so 120000 in JPY is 120,000 yen. Package bai2 reads both so.
# Seen: transaction_id and reference are "260107", the date; the value date is that of the file; the amount is 1200.
#   Two payments of one value date have the same id, and whoever drops repeats by it loses one. With funds type S
#   (amounts by day of availability) the id is the amount that is available at once.
# loanbook: does not read BAI2 files and uses neither. Who makes a payments file of one takes bai2, whose check of
#   totals and counts stays on, and sets `value_date` from `availability`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check bankstatementparser==0.0.29 bai2==0.15.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import datetime as dt
import importlib.metadata

from bai2 import bai2
from bankstatementparser import Bai2Parser

with open("statement.bai2", "w") as file:
    file.write(
        "01,SENDER,RECEIVER,260105,0800,1,80,1,2/\n02,RECEIVER,SENDER,1,260105,,JPY,2/\n"
        "03,00001,JPY,010,500000,,/\n"
        "16,165,120000,V,260107,,BANK1,LOAN1,/\n16,165,80000,V,260107,,BANK2,LOAN2,/\n"
        "49,700000,4/\n98,700000,1,6/\n99,700000,1,8/\n"
    )
rows = Bai2Parser("statement.bai2").parse()
with open("statement.bai2") as file:
    (account,) = bai2.parse_from_file(file).children[0].children
seen = [(row.transaction_id, row.Reference, row.ValDt, int(row.Amount)) for row in rows.itertuples()]
right = [(d.bank_reference, d.customer_reference, d.availability["date"], d.amount) for d in account.children]
print(f"bankstatementparser {importlib.metadata.version('bankstatementparser')}: {seen}")
print(f"bai2 {importlib.metadata.version('bai2')}: {right}")
day = dt.date(2026, 1, 7)
assert right == [("BANK1", "LOAN1", day, 120000), ("BANK2", "LOAN2", day, 80000)]
assert seen == [
    ("260107", "260107", "2026-01-05", 1200),
    ("260107", "260107", "2026-01-05", 800),
], "this has changed: look at it anew"
PYTHON
