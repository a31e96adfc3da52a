#!/usr/bin/env bash
# xlsx2csv writes a cell whose number format has a word in it, as "USD", without its number: the amount is gone.
# Versions: xlsx2csv 0.8.6, polars 2.1.0 (engine xlsx2csv), XlsxWriter 3.3.1 to make the file.
# Expected: a cell of 7500.25 in the format #,##0.00 "USD" comes out as 7500.25, as from openpyxl and calamine: text
#   in quotes is no part of a date.
# Seen: any d, m, h, s or y within the quotes makes the format a date format. The cell is the format itself with the
#   letters replaced by day, month, hour or second of 7500.25 read as a date: #,##0.00 "us13". A term of 60 in
#   0 "months" is 0 "02ont12s". An amount in "kr" comes out right, so it hangs on the currency. No error, and
#   polars.read_excel(engine="xlsx2csv") hands the text on.
# loanbook: reads text files alone. Who makes one of a workbook with it sets ignore_formats=["date"] and turns dates
#   into text in the sheet, or uses the default engine of Polars; an amount that is none is refused on the way in.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
  xlsx2csv==0.8.6 polars==2.1.0 xlsxwriter==3.3.1 fastexcel==0.21.0 pyarrow==26.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata

import polars as pl
import xlsxwriter

with xlsxwriter.Workbook("tape.xlsx") as book:
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["principal", "term", "fee"])
    for column, (number, form) in enumerate(
        [(7500.25, '#,##0.00 "USD"'), (60, '0 "months"'), (12.5, '#,##0.00 "kr"')]
    ):
        sheet.write_number(1, column, number, book.add_format({"num_format": form}))
wrong = pl.read_excel("tape.xlsx", engine="xlsx2csv").row(0)
told = pl.read_excel("tape.xlsx", engine="xlsx2csv", engine_options={"ignore_formats": ["date"]}).row(0)
right = pl.read_excel("tape.xlsx").row(0)
print(f"xlsx2csv {importlib.metadata.version('xlsx2csv')}: {wrong}; calamine: {right}; formats ignored: {told}")
assert right == told == (7500.25, 60, 12.5)
assert wrong == ('#,##0.00 "us13"', '0 "02ont12s"', 12.5), "this has changed: look at it anew"
PYTHON
