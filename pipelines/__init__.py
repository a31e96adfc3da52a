"""Dagster assets and everything that touches files and the clock."""

import os

# Read once, when Polars is first imported: the memory of one day's columns serves the next ones
# instead of going back to the system and coming again, page by page.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000,muzzy_decay_ms:-1")
