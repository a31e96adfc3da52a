#!/usr/bin/env bash
# mt-940 gives a reversed credit (RC) a positive amount, though it gives a debit a negative one.
# Version: mt-940 5.1.1.
# Expected: opening balance plus the signed amounts is the closing balance: a payment of 100.00 that comes back the
#   next day as RC leaves 0.00. Package and format agree that C and RD are credits, D and RC debits.
# Seen: both rows are +100.00: the payment counts twice instead of not at all, and the sum is off the closing balance
#   by 200.00. The documentation says that the right sign waits for the next major release and is had by
#   Options(reversal_sign=True); by default a returned payment passes for one that was made.
# loanbook: does not read MT940 files and does not use mt-940. Who makes a payments file of one sets that option,
#   checks the sum against the closing balance, and sends an RC as a reversal of the payment it returns, not as money.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check mt-940==5.1.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
from decimal import Decimal

import mt940

STATEMENT = """:20:X
:25:10020030/1234567
:28C:1/1
:60F:C260101EUR1000,00
:61:2601020102C100,00NTRFLOAN1
:86:instalment
:61:2601030103RC100,00NTRFLOAN1
:86:returned
:61:2601030103D25,00NTRFRENT
:86:rent
:62F:C260103EUR975,00
-
"""


def sums(**options: object) -> tuple[list[Decimal], Decimal]:
    read = mt940.parse(STATEMENT, **options)
    moved = read.data["final_closing_balance"].amount.amount - read.data["final_opening_balance"].amount.amount
    return [row.data["amount"].amount for row in read], moved


rows, moved = sums()
right, _ = sums(options=mt940.Options(reversal_sign=True))
print(f"mt-940 {importlib.metadata.version('mt-940')}: {[str(r) for r in rows]}, the balance moved by {moved}")
assert right == [100, -100, -25] and sum(right) == moved
assert rows == [100, 100, -25], "this has changed: look at it anew"
PYTHON
