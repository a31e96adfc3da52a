"""Benchmarks: ratios of one run, never assertions in tests. `make bench`."""
