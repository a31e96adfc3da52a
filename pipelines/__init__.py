"""Dagster assets and everything that touches files and the clock."""
