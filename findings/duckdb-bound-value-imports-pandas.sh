#!/usr/bin/env bash
# The first value that is bound to a DuckDB query imports pandas and pyarrow, if they are installed.
# Versions: duckdb 1.5.5, pandas 3.1.1, pyarrow 26.0.1.
# Expected: an int that is bound is converted as it is; optional packages are touched by frames alone.
# Seen: `execute("SELECT ?", [1])` imports both, which costs several times what DuckDB's own import does; the same
#   query with its value as a literal imports neither. A short command pays it for one parameter.
# loanbook: `loanbook status` binds nothing (core/store/queries.py: ledger_status).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3.11} -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check duckdb==1.5.5 pandas==3.1.1 pyarrow==26.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time

begun = time.process_time()
import duckdb

own = time.process_time() - begun
connection = duckdb.connect()


def loaded() -> tuple[bool, bool]:
    return "pandas" in sys.modules, "pyarrow" in sys.modules


connection.execute("SELECT 1").fetchall()
literal = loaded()
begun = time.process_time()
connection.execute("SELECT ?", [1]).fetchall()
bound, seconds = loaded(), time.process_time() - begun
print(f"duckdb {duckdb.__version__}: import {own:.2f} s of CPU, the first bound value {seconds:.2f} s")
print(f"pandas and pyarrow are loaded after a literal: {literal}, after a bound value: {bound}")
assert (literal, bound) == ((False, False), (True, True)), "this has changed: look at it anew"
PYTHON
