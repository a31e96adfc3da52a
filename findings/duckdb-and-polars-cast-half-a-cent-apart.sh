#!/usr/bin/env bash
# The same cast of the same amount gives another cent in DuckDB than in Polars, and another whole number.
# Versions: duckdb 1.5.5, polars 2.1.0, pyarrow 26.0.1 between them.
# Expected: a cast to fewer decimals is refused or rounds in one way, the more so as either reads the other's frames.
# Seen: 2.345 to DECIMAL(18, 2) is 2.35 in DuckDB (half away from zero) and 2.34 in Polars (half to even): one loan
#   in two that ends on half a cent differs, all in one direction. To a whole number DuckDB rounds a decimal, 2.5 to
#   3 and 3.5 to 4, and Polars cuts it, 2 and 3; a DuckDB DOUBLE rounds half to even, 2 and 4.
# loanbook: no cast rounds money: a quotient is rounded once, by the product's named mode (core/contract/money.py); a
#   text amount with more decimals than its currency is refused (pipelines/formats/payments.py). A servicer's own
#   figures, which are only compared, name theirs (pipelines/formats/loan_tape.py: rounded_minor).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check duckdb==1.5.5 polars==2.1.0 pyarrow==26.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from decimal import Decimal

import duckdb
import polars as pl

interest = pl.DataFrame({"x": [Decimal("2.345"), Decimal("2.355"), Decimal("2.365"), Decimal("-2.345")]})
halves = pl.DataFrame({"x": [Decimal("2.5"), Decimal("3.5")]})
ask = duckdb.connect().execute
in_duckdb = [x for (x,) in ask("SELECT x::DECIMAL(18, 2) FROM interest").fetchall()]
in_polars = interest["x"].cast(pl.Decimal(18, 2)).to_list()
whole_duckdb = [x for (x,) in ask("SELECT x::BIGINT FROM halves").fetchall()]
whole_double = [x for (x,) in ask("SELECT x::DOUBLE::BIGINT FROM halves").fetchall()]
whole_polars = halves["x"].cast(pl.Int64).to_list()
print(f"duckdb {duckdb.__version__} {[str(x) for x in in_duckdb]} {whole_duckdb}, by way of DOUBLE {whole_double}")
print(f"polars {pl.__version__} {[str(x) for x in in_polars]} {whole_polars}")
assert in_duckdb == [Decimal(x) for x in ("2.35", "2.36", "2.37", "-2.35")], "this has changed: look at it anew"
assert in_polars == [Decimal(x) for x in ("2.34", "2.36", "2.36", "-2.34")], "this has changed: look at it anew"
assert (whole_duckdb, whole_double, whole_polars) == ([3, 4], [2, 4], [2, 3]), "this has changed: look at it anew"
PYTHON
