#!/usr/bin/env bash
# A dataframely column `dy.Decimal()` holds whole numbers: cast=True rounds 12.50 to 12 and calls the row valid.
# Versions: dataframely 3.1.2, polars 2.1.0.
# Expected: a row whose value cannot be kept as it is fails the rule `dtype`, as a text that is no number does; a
#   Decimal without arguments takes decimals.
# Seen: the default scale is 0. filter(cast=True) gives 12, 14 and 0 for 12.50, 13.50 and 0.49 with no failure; a
#   scale of 2 makes 1.239 to 1.24 as quietly, and dy.Int64 makes 1.9 to 1. The text "1.5" for an Int64 does fail.
#   Without cast the wrong scale is an error, so it is `cast=True` that loses money.
# loanbook: its contracts hold no Decimal and are never asked to cast; amounts are text until their rules have passed
#   (pipelines/formats/payments.py), then Int64 minor units.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check dataframely==3.1.2 polars==2.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from decimal import Decimal

import dataframely as dy
import polars as pl


class Payments(dy.Schema):
    amount = dy.Decimal()


class Cents(dy.Schema):
    amount = dy.Decimal(precision=18, scale=2)


class Counts(dy.Schema):
    days = dy.Int64()


paid = pl.DataFrame({"amount": [Decimal("12.50"), Decimal("13.50"), Decimal("0.49")]})
good, failed = Payments.filter(paid, cast=True)
cents, finer = Cents.filter(pl.DataFrame({"amount": ["1.239"]}), cast=True)
days, cut = Counts.filter(pl.DataFrame({"days": [1.9]}), cast=True)
text, refused = Counts.filter(pl.DataFrame({"days": ["1.5"]}), cast=True)
kept = [str(amount) for amount in good["amount"]]
print(f"dataframely {dy.__version__}: 12.50, 13.50, 0.49 are {kept}, refused {len(failed)}")
print(f"1.239 to cents {cents.item()}, refused {len(finer)}; 1.9 to Int64 {days.item()}, refused {len(cut)}")
assert (kept, len(failed)) == (["12", "14", "0"], 0), "this has changed: look at it anew"
assert (cents.item(), len(finer)) == (Decimal("1.24"), 0), "this has changed: look at it anew"
assert (days.item(), len(cut)) == (1, 0), "this has changed: look at it anew"
assert (text.height, len(refused)) == (0, 1)
PYTHON
