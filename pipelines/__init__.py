"""Dagster assets, the command, and everything that touches files and the clock.

- `formats` - raw text in, typed rows and quarantine out: one module a file format
- `ingest` - landing files become loans and events
- `servicing` - the daily close, its gate, its schedule
- `documents` - documents on paper, set by templates
- `reporting` - reconciliation, dispute packs, generated pages
- `simulation` - synthetic books, and histories derived from a tape
- `definitions` - everything Dagster knows
- `orchestration` - a Dagster run started by the command
- `asset_keys` - the prefix of its assets
- `dagster_home` - the instance's folder of Dagster
- `partitions` - business days as partitions
- `resources` - the instance, its policies, the code's own hash
- `expectations` - Great Expectations, off-line
- `commands` - the `loanbook` command, a module an object
- `instance` - how an instance's files are read
- `waiting` - what lies in the landing folder, and what of it was not taken in yet
- `trial` - new loans and orders, lived by the engine before they enter
- `cli` - the entry point that the package names
"""

import os

# Read once, when Polars is first imported: the memory of one day's columns serves the next ones
# instead of going back to the system and coming again, page by page.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000,muzzy_decay_ms:-1")
