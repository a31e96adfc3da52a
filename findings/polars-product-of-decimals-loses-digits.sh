#!/usr/bin/env bash
# The product of two Polars Decimals keeps the larger scale of the two, not their sum.
# Version: polars 2.1.0.
# Expected: 1.11 * 2.33 = 2.5863, as in Python's decimal and in DuckDB, where the scales add up.
# Seen: 2.59: two decimals, so a rate times an amount is rounded before anyone asked for it. A cast to a larger
#   scale before the product keeps the digits.
# loanbook: money is Int64 minor units, rates parts per billion; a quotient is rounded once, in Int128, by a named
#   mode (core/contract/money.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check polars==2.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from decimal import Decimal

import polars as pl

factors = pl.DataFrame(
    {"a": [Decimal("1.11")], "b": [Decimal("2.33")]},
    schema={"a": pl.Decimal(38, 2), "b": pl.Decimal(38, 2)},
)
product = factors.select(plain=pl.col("a") * pl.col("b"),
                         cast=pl.col("a").cast(pl.Decimal(38, 4)) * pl.col("b"))
seen = product.row(0)
print(f"polars {pl.__version__}: {product.schema}")
print(f"1.11 * 2.33 = {seen[0]}; cast first {seen[1]}; exact {Decimal('1.11') * Decimal('2.33')}")
assert product.schema["plain"] == pl.Decimal(38, 2), "this has changed: look at it anew"
assert seen == (Decimal("2.59"), Decimal("2.5863")), "this has changed: look at it anew"
PYTHON
