"""Ledgers that pages are shown of."""

from __future__ import annotations

from tests.pipelines.conftest import restated

__all__ = ["restated"]
