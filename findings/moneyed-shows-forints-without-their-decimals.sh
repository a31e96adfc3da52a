#!/usr/bin/env bash
# py-moneyed knows that a forint has 100 fillér and shows 1,234.56 of them as 1,235.
# Versions: py-moneyed 3.0, babel 2.19.0, iso4217 1.16.20260101 for the standard.
# Expected: an amount is shown with the decimals that its currency has, as get_amount_in_sub_unit counts them: 123456.
# Seen: format_money rounds to whole units for 15 currencies whose ISO 4217 exponent is 2 or 3, HUF, COP, IDR, ALL and
#   IQD (3) among them, since Babel takes the digits of common use from CLDR. A statement shows parts that do not add
#   up to their total, and a round trip through the text loses money. Babel's get_currency_precision, which says 0, is
#   thus no number of minor units.
# loanbook: takes exponents from its own table by ISO 4217 (core/contract/money.py: EXPONENT) and writes every
#   decimal; it uses neither. Who does passes currency_digits=False, and a pattern with 3 decimals for dinars.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
  py-moneyed==3.0 babel==2.19.0 iso4217==1.16.20260101
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata

from babel.numbers import get_currency_precision
from iso4217 import Currency
from moneyed import Money, format_money

parts = [Money("617.28", "HUF"), Money("617.28", "HUF")]
total = sum(parts)
shown = [format_money(amount, locale="en_US") for amount in [*parts, total]]
fewer = sorted(c.code for c in Currency if c.exponent and get_currency_precision(c.code) < c.exponent)
print(f"py-moneyed {importlib.metadata.version('py-moneyed')}: {shown}, of {total.get_amount_in_sub_unit()} sub-units")
print(f"babel {importlib.metadata.version('babel')} shows fewer decimals than ISO 4217 for {fewer}")
assert total.get_amount_in_sub_unit() == 123456
assert shown == ["HUF617", "HUF617", "HUF1,235"], "this has changed: look at it anew"
assert len(fewer) == 15 and {"HUF", "COP", "IDR", "IQD"} <= set(fewer), "this has changed: look at it anew"
PYTHON
