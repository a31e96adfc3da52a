#!/usr/bin/env bash
# Polars has two days for one moment with a time zone: cast(pl.Date) is UTC's, dt.date() is the zone's.
# Versions: polars 2.1.0, pyarrow 26.0.1.
# Expected: a payment booked in New York on 29 February at 22:30 is of 29 February, as the value shows itself and as
#   pyarrow's cast of the same column has it.
# Seen: cast(pl.Date) and DataFrame.cast say 1 March, dt.date() says 29 February, with no error. A payment made in
#   the evening counts from the next day, here from the next month; one made in Tokyo before 9 counts from the day
#   before.
# loanbook: its files and ledger hold dates, not moments (`value_date`); when a batch was written is kept in UTC and
#   never becomes a business date.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check polars==2.1.0 pyarrow==26.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import datetime as dt

import polars as pl
import pyarrow as pa

booked = pl.Series("booked", [dt.datetime(2024, 2, 29, 22, 30)]).dt.replace_time_zone("America/New_York")
cast, of_zone = booked.cast(pl.Date)[0], booked.dt.date()[0]
in_frame = booked.to_frame().cast({"booked": pl.Date}).item()
by_arrow = booked.to_arrow().cast(pa.date32())[0].as_py()
print(f"polars {pl.__version__}: {booked[0]} casts to {cast}, dt.date() is {of_zone}; pyarrow casts to {by_arrow}")
assert of_zone == by_arrow == dt.date(2024, 2, 29)
assert cast == in_frame == dt.date(2024, 3, 1), "this has changed: look at it anew"
PYTHON
