"""Keys of Dagster's assets: all below one prefix, so that they stand beside a lender's own."""

from __future__ import annotations

import dagster as dg

PREFIX = "loanbook"


def key(name: str) -> dg.AssetKey:
    """The key of an asset of this product: `loanbook/NAME`."""
    return dg.AssetKey([PREFIX, name])
