#!/usr/bin/env bash
# A DuckLake table that never had a row is slow to read: its statistics are asked for again for every column.
# Versions: duckdb 1.5.5, ducklake extension 1.5.5 and sqlite_scanner 1.5.5 (from the wheels duckdb-extension-*).
# Expected: a query of an empty table costs no more than one of a table with a row.
# Seen: of 40 columns it costs ten to twenty times as much, 2 ms a column. The lake keeps statistics of a table
#   from its first row on; of one without any nothing is kept in memory, so each column that a query reads asks
#   the catalogue anew. They stay when the row is deleted, by another transaction than wrote it.
# loanbook: writes the statistics of no rows itself (`count_empty_tables` of core/store/lake.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check duckdb==1.5.5 duckdb-extensions==1.5.5 \
  duckdb-extension-ducklake==1.5.5 duckdb-extension-sqlite-scanner==1.5.5
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import statistics
import time

import duckdb
from duckdb_extensions import import_extension

lake = duckdb.connect(config={"extension_directory": "extensions"})
for name in ("ducklake", "sqlite_scanner"):
    import_extension(name, con=lake)
    lake.load_extension(name)
lake.execute("ATTACH 'ducklake:sqlite:lake.sqlite' AS lake (DATA_PATH 'data', DATA_INLINING_ROW_LIMIT 0)")
columns = ", ".join(f"c{n} BIGINT" for n in range(40))
for table in ("never", "once"):
    lake.execute(f"CREATE TABLE lake.{table} ({columns})")
lake.execute("INSERT INTO lake.once (c0) VALUES (NULL)")
lake.execute("DELETE FROM lake.once")


def milliseconds(table: str) -> float:
    taken = []
    for _ in range(9):
        begun = time.process_time()
        assert not lake.execute(f"SELECT * FROM lake.{table} WHERE c0 < 20").fetchall()
        taken.append(1000 * (time.process_time() - begun))
    return statistics.median(taken)


never, once = milliseconds("never"), milliseconds("once")
print(f"duckdb {duckdb.__version__}: never a row {never:.1f} ms, a row that was deleted {once:.1f} ms")
assert never > 4 * once, "this has changed: look at it anew"
PYTHON
