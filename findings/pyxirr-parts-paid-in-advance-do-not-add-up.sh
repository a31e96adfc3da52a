#!/usr/bin/env bash
# pyxirr's principal parts of a loan paid in advance do not add up to the loan, nor with interest to the instalment.
# Versions: pyxirr 0.10.8, numpy-financial 1.0.0 beside it.
# Expected: ppmt + ipmt = pmt in each period, and the parts sum to what was lent, as numpy-financial has it and as
#   pyxirr's own do for payments in arrears.
# Seen: with pmt_at_beginning=True the first instalment of 336.66 has interest 0 (right: nothing has accrued) and a
#   principal part of 326.75; the parts of a loan of 1000 sum to 990.10, one period's interest short (1000 / 1.01),
#   and cumprinc repeats it. The balance computed from them never closes.
# loanbook: uses pyxirr in its benchmark alone, for irr of whole cash flows, which this does not touch; a principal
#   part is the instalment less the interest, and the last one closes the balance.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pyxirr==0.10.8 numpy-financial==1.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata

import numpy_financial as npf
import pyxirr

rate, count, lent = 0.01, 3, 1000
instalment = pyxirr.pmt(rate, count, lent, pmt_at_beginning=True)
parts = [pyxirr.ppmt(rate, n, count, lent, pmt_at_beginning=True) for n in (1, 2, 3)]
interest = [pyxirr.ipmt(rate, n, count, lent, pmt_at_beginning=True) for n in (1, 2, 3)]
whole = [round(a + b, 2) for a, b in zip(parts, interest)]
together = round(pyxirr.cumprinc(rate, count, lent, 1, count, pmt_at_beginning=True), 2)
right = npf.ppmt(rate, [1, 2, 3], count, lent, when="begin")
arrears = sum(pyxirr.ppmt(rate, n, count, lent) for n in (1, 2, 3))
print(f"pyxirr {importlib.metadata.version('pyxirr')}: instalment {instalment:.2f}, principal and interest {whole}")
print(f"principal in all {sum(parts):.2f}, cumprinc {together}")
print(f"numpy-financial {right.sum():.2f}, in arrears {arrears:.2f}")
assert round(right.sum(), 2) == round(arrears, 2) == -1000
assert round(instalment, 2) == round(right[0], 2) == -336.66
assert whole == [-326.75, -336.66, -336.66], "this has changed: look at it anew"
assert round(sum(parts), 2) == together == -990.1, "this has changed: look at it anew"
PYTHON
