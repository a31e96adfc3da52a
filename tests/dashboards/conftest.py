"""Ledgers that pages are shown of."""

from __future__ import annotations

from tests.pipelines.conftest import new_ledger, restated

__all__ = ["new_ledger", "restated"]
