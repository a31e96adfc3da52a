#!/usr/bin/env bash
# DuckLake writes a HUGEINT column to its Parquet files as DOUBLE.
# Versions: duckdb 1.5.5, ducklake extension 1.5.5 (from the wheel duckdb-extension-ducklake).
# Expected: a column declared HUGEINT gives back the number that was stored, or the write is refused.
# Seen: 9007199254740993 (2^53 + 1) comes back as 9007199254740992, with no error; DESCRIBE says HUGEINT,
#   the file holds a DOUBLE. Rows that are inlined in the catalogue (a few, by default) are exact, so a small
#   trial shows nothing: DATA_INLINING_ROW_LIMIT 0 makes it write the file.
# loanbook: stores Int64 alone; an exact interest is two columns, whole units and remainder (docs/adr/0002).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
  duckdb==1.5.5 duckdb-extension-ducklake==1.5.5 duckdb-extensions==1.5.5
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import glob

import duckdb
from duckdb_extensions import import_extension

stored = 2**53 + 1
lake = duckdb.connect(config={"extension_directory": "extensions"})
import_extension("ducklake", con=lake)
lake.load_extension("ducklake")
lake.execute("ATTACH 'ducklake:lake.ducklake' AS lake (DATA_PATH 'data', DATA_INLINING_ROW_LIMIT 0)")
lake.execute("CREATE TABLE lake.t (x HUGEINT)")
lake.execute(f"INSERT INTO lake.t VALUES ({stored})")
read = lake.execute("SELECT x FROM lake.t").fetchone()[0]
(declared,) = {row[1] for row in lake.execute("DESCRIBE lake.t").fetchall()}
(file,) = glob.glob("data/**/*.parquet", recursive=True)
held = lake.execute(f"SELECT type FROM parquet_schema('{file}') WHERE name = 'x'").fetchone()[0]
print(f"duckdb {duckdb.__version__}: declared {declared}, the file holds {held}")
print(f"stored {stored}, read {read}")
assert (declared, held, read) == ("HUGEINT", "DOUBLE", 2**53), "this has changed: look at it anew"
PYTHON
