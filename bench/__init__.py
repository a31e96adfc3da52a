"""Benchmarks: ratios of one run, never assertions in tests. `make bench`."""

import loanbook.pipelines  # noqa: F401  the memory settings of the daily run, before Polars reads its own
