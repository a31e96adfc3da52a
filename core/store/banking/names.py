"""How alike names are, all pairs at once: Jaro-Winkler similarity, by DuckDB."""

from __future__ import annotations

import duckdb
import polars as pl


def alike(pairs: pl.DataFrame) -> pl.Series:
    """0 to 1000 for each row of `pairs` (`one`, `other`); of few distinct pairs each is worked
    out once."""
    if pairs.is_empty():
        return pl.Series("score", [], dtype=pl.Int16)
    once = pairs.unique()
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET threads = 1")
        connection.register("pairs", once.to_arrow())
        scored = connection.execute(
            "SELECT one, other, round(1000 * jaro_winkler_similarity(one, other))::SMALLINT AS score FROM pairs"
        ).pl()
    return pairs.join(scored, on=["one", "other"], how="left", maintain_order="left")["score"]
