#!/usr/bin/env bash
# DuckDB's Python client takes a Decimal with a positive exponent for its digits alone: 1E+3 becomes 1.000.
# Versions: duckdb 1.5.5, pandas 3.1.1; polars 2.1.0 and pyarrow 26.0.1 beside it.
# Expected: Decimal("1000.00").normalize(), which Python writes 1E+3 and holds equal to 1000, is stored as 1000.00.
# Seen: 1.00, with no error, wherever the client turns a Decimal into a value: a bound parameter, executemany, an
#   object column of a pandas frame. 1500.00 becomes 15.00 and -500 becomes -5.00; 12.50 is right, so a trial with
#   cents shows nothing. Polars and pyarrow read the same Decimals as they are meant.
# loanbook: binds whole minor units, dates and text, never a Decimal; its figures in units of a currency are made
#   after the query, by Polars (core/store/views.py: in_units). Who binds a Decimal to the ledger's views of his own
#   accord writes it without an exponent first: Decimal(f"{amount:f}").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
  duckdb==1.5.5 pandas==3.1.1 polars==2.1.0 pyarrow==26.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from decimal import Decimal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa

paid = [Decimal("1000.00"), Decimal("1500.00"), Decimal("-500.00"), Decimal("12.50")]
trimmed = [amount.normalize() for amount in paid]
assert trimmed == paid  # the same amounts, written 1E+3, 1.5E+3, -5E+2 and 12.5
lake = duckdb.connect()
lake.execute("CREATE TABLE payments (amount DECIMAL(18, 2))")
lake.executemany("INSERT INTO payments VALUES (?)", [[amount] for amount in trimmed])
stored = [amount for (amount,) in lake.execute("FROM payments").fetchall()]
frame = pd.DataFrame({"amount": trimmed})
scanned = [amount for (amount,) in lake.execute("SELECT amount::DECIMAL(18, 2) FROM frame").fetchall()]
print(f"duckdb {duckdb.__version__}: {[str(t) for t in trimmed]} are stored as {[str(s) for s in stored]}")
print(f"a pandas frame of them is read as {[str(s) for s in scanned]}")
assert pl.Series(trimmed, dtype=pl.Decimal(18, 2)).to_list() == paid
assert pa.array(trimmed, pa.decimal128(18, 2)).to_pylist() == paid
wrong = [Decimal("1.00"), Decimal("15.00"), Decimal("-5.00"), Decimal("12.50")]
assert (stored, scanned) == (wrong, wrong), "this has changed: look at it anew"
PYTHON
