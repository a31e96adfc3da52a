"""Benchmarks: ratios of one run, never assertions in tests. `make bench`."""

import pipelines  # the memory settings of the daily run, before Polars reads its own

__all__ = ["pipelines"]
