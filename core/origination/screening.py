"""Persons beside names of lists of sanctions: all pairs in blocks of whole numbers, by how alike their names are.

No blocking by letters: it costs more than it saves at this speed, and loses names.
"""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import polars as pl
from rapidfuzz import fuzz, process

SCORER = f"rapidfuzz {version('rapidfuzz')} token_sort_ratio"
AT_ONCE = 2_000
"""Persons that are compared at once: with 20,000 names 40 MB of scores."""
SUBJECTS = pl.Schema({"subject": pl.String(), "name": pl.String(), "born": pl.Int64()})
"""A row a name of a person; `born`: year, null where it is not known."""
LISTED = pl.Schema({
    "list": pl.String(), "entry_key": pl.String(), "entry_ref": pl.String(), "name": pl.String(), "born_from": pl.Int64(),
    "born_to": pl.Int64(),
})  # fmt: skip
"""A row a name or alias of an entry; years of birth from the first to the last that the list tells."""
HITS = pl.Schema({
    "subject": pl.String(), "list": pl.String(), "entry_key": pl.String(), "entry_ref": pl.String(), "listed_name": pl.String(),
    "score": pl.Int64(), "birth": pl.String(),
})  # fmt: skip
"""A row a person and entry, by the name of it that is most alike; `birth`: fits or not known."""
STATES = ("clear", "possible", "confirmed")


def plain(name: str) -> pl.Expr:
    """A name without case, accents, marks and signs, words set apart by one space."""
    bare = pl.col(name).str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    return bare.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()


def hits(subjects: pl.DataFrame, listed: pl.DataFrame, threshold: int, apart: int) -> pl.DataFrame:
    """Pairs (`HITS`) of persons (`SUBJECTS`) and entries (`LISTED`) whose names are alike by `threshold` per cent or more,
    without those whose births, where both are known, lie more than `apart` years apart.

    Words of a name may stand in any order (token_sort_ratio). Rows with an empty name take no part.
    """
    persons = subjects.with_columns(_plain=plain("name")).filter(pl.col("_plain") != "")
    names = listed.with_columns(_plain=plain("name")).filter(pl.col("_plain") != "")
    if persons.is_empty() or names.is_empty():
        return pl.DataFrame(schema=HITS)
    against = names["_plain"].to_list()
    parts = [_pairs(part, names, against, threshold) for part in persons.iter_slices(AT_ONCE)]
    both = pl.concat(parts)
    low, high = pl.col("born_from") - apart, pl.col("born_to") + apart
    fits = pl.col("born").is_between(low, high)
    told = both.filter(fits.fill_null(True)).with_columns(
        birth=pl.when(fits).then(pl.lit("fits")).otherwise(pl.lit("not known"))
    )
    best = told.sort("score", "listed_name", descending=[True, False]).unique(
        ["subject", "entry_key"], keep="first", maintain_order=True
    )
    return best.select(HITS.names()).cast(HITS).sort("subject", "list", "entry_key")


def _pairs(
    persons: pl.DataFrame, names: pl.DataFrame, against: list[str], threshold: int
) -> pl.DataFrame:
    scores = process.cdist(
        persons["_plain"].to_list(), against, scorer=fuzz.token_sort_ratio, score_cutoff=threshold, dtype=np.uint8
    )  # fmt: skip
    left, right = np.nonzero(scores)
    of_names = names.select(
        "list", "entry_key", "entry_ref", "born_from", "born_to", listed_name="name"
    )
    return pl.concat(
        [
            persons.select("subject", "born")[left],
            of_names[right],
            pl.DataFrame({"score": scores[left, right].astype(np.int64)}),
        ],
        how="horizontal",
    )


def standing(found: pl.DataFrame, verdicts: pl.DataFrame, needed: int) -> pl.DataFrame:
    """`hit_id`, `state` of each hit of `found` (`hit_id`): confirmed where a person said so last, cleared where `needed`
    different persons said so since, else open.

    `verdicts`: `hit_id`, `verdict` (cleared or confirmed), `maker` (plain name), in their order.
    """
    numbered = verdicts.with_row_index("place")
    last = (
        numbered.filter(pl.col("verdict") == "confirmed").group_by("hit_id").agg(at=pl.col("place").max())
    )  # fmt: skip
    since = numbered.join(last, on="hit_id", how="left").filter(
        (pl.col("verdict") == "cleared") & (pl.col("at").is_null() | (pl.col("place") > pl.col("at")))
    )  # fmt: skip
    cleared = since.group_by("hit_id").agg(clearing=pl.col("maker").n_unique())
    both = found.select("hit_id").join(last, on="hit_id", how="left").join(cleared, on="hit_id", how="left")  # fmt: skip
    return both.select(
        "hit_id",
        state=pl.when(pl.col("clearing").fill_null(0) >= needed).then(pl.lit("cleared"))
        .when(pl.col("at").is_not_null()).then(pl.lit("confirmed")).otherwise(pl.lit("open")),
    )  # fmt: skip
