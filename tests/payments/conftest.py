"""Ledgers of the tests of files, for those of payments."""

from tests.pipelines.conftest import new_ledger

__all__ = ["new_ledger"]
