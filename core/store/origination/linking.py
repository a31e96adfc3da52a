"""Pairs of records that may be of one person, by splink over a DuckDB of this process's memory alone.

Fellegi and Sunter, A Theory for Record Linkage (1969): each field of a pair weighs the logarithm of how much likelier it is as it is
for one person than for two, and weights add up. No name leaves memory: the database has no file, and may write none when memory is
short; numbers, addresses and accounts stand in it as hashes.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import duckdb
import polars as pl

from loanbook.core.errors import LedgerError
from loanbook.core.origination.duplicates import PAIRS
from loanbook.core.policy.decisions.duplicates import SAME, DuplicateRules, Evidence

LIKE = ("name", "birth_date")
"""Fields that are the same, alike, or not."""
ALIKE = 0.92
"""Jaro-Winkler likeness of two names from which on they are alike."""
_BLOCKS = (*SAME, "name", "birth_date, initial")
"""Pairs that agree in one of these are compared; all others are not looked at."""
_HIT, _NEVER = 0.9, 0.99
_KEPT = ", ".join(
    ["person_l", "person_r", "match_weight", "mw_tf_adj_name", *(f"gamma_{n}, mw_{n}" for n in (*LIKE, *SAME))]
)  # fmt: skip
"""What is taken out of the database: no name."""


def method() -> str:
    """What compares records, with its version."""
    from importlib.metadata import version

    return f"splink {version('splink')}"


def pairs_of(compared: pl.DataFrame, rules: DuplicateRules) -> pl.DataFrame:
    """Pairs (`PAIRS`) of records (`loanbook.core.origination.duplicates.COMPARED`) of one kind that weigh enough."""
    if compared.height < 2:
        return pl.DataFrame(schema=PAIRS)
    from splink import DuckDBAPI, Linker  # half a second of import, which nobody else pays for

    threads = os.environ.get("POLARS_MAX_THREADS") or os.cpu_count() or 1
    config: dict[str, Any] = {"temp_directory": "", "threads": int(threads)}
    connection = duckdb.connect(":memory:", config=config)
    logger = logging.getLogger("splink")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        table = DuckDBAPI(connection).register(compared.to_arrow())
        linker = Linker(table, _settings(rules, compared.height), log_level=None)
        scored = linker.inference.predict(
            threshold_match_weight=rules.least_weight, warning_mode="never"
        )
        rows = connection.sql(f"SELECT {_KEPT} FROM {scored.physical_name}").pl()
    except duckdb.OutOfMemoryException as short:
        raise LedgerError(
            f"{compared.height:,} persons can't be compared in this memory, and nothing of them is put on disk: {str(short)[:80]}; "
            "give the process more memory"
        ) from None
    finally:
        logger.setLevel(level)
        connection.close()
    return _as_pairs(rows, rules, compared.height)


def _prior(rules: DuplicateRules, persons: int) -> float:
    """Share of all pairs that are thought to be of one person."""
    return min(0.5, rules.repeated_per_thousand / 1_000 * 2 / (persons - 1))


def _settings(rules: DuplicateRules, persons: int) -> dict[str, Any]:
    exact = [_exact(name, getattr(rules, name)) for name in SAME]
    return {
        "link_type": "dedupe_only", "unique_id_column_name": "person", "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": True, "probability_two_random_records_match": _prior(rules, persons),
        "blocking_rules_to_generate_predictions": [_block(each) for each in _BLOCKS],
        "comparisons": [_name(rules), _birth(rules), *exact],
    }  # fmt: skip


def _block(columns: str) -> dict[str, str]:
    each = [f"l.{name.strip()} = r.{name.strip()}" for name in (*columns.split(","), "kind")]
    return {"blocking_rule": " AND ".join(each), "sql_dialect": "duckdb"}


def _level(sql: str, label: str, bits: int, **more: Any) -> dict[str, Any]:
    """A level whose m and u have the ratio of its weight."""
    m, u = (_HIT, _HIT / 2**bits) if bits > 0 else (_NEVER * 2.0**bits, _NEVER)
    return {"sql_condition": sql, "label_for_charts": label, "m_probability": m, "u_probability": u} | more  # fmt: skip


def _unknown(name: str) -> dict[str, Any]:
    return {"sql_condition": f"{name}_l IS NULL OR {name}_r IS NULL", "label_for_charts": "not known", "is_null_level": True}  # fmt: skip


def _comparison(name: str, *levels: dict[str, Any]) -> dict[str, Any]:
    return {"output_column_name": name, "comparison_levels": [_unknown(name), *levels]}


def _exact(name: str, told: Evidence) -> dict[str, Any]:
    return _comparison(
        name, _level(f"{name}_l = {name}_r", "same", told.same), _level("ELSE", "other", told.other)
    )


def _name(rules: DuplicateRules) -> dict[str, Any]:
    told = rules.names
    by_frequency = {"tf_adjustment_column": "name", "tf_adjustment_weight": 1.0}
    return _comparison(
        "name", _level("name_l = name_r", "same", told.same, **by_frequency),
        _level(f"jaro_winkler_similarity(name_l, name_r) >= {ALIKE}", "alike", told.alike),
        _level("ELSE", "other", told.other),
    )  # fmt: skip


def _birth(rules: DuplicateRules) -> dict[str, Any]:
    told = rules.birth_date
    near = "damerau_levenshtein(birth_date_l, birth_date_r) <= 1"
    swapped = (
        "birth_date_l[1:4] = birth_date_r[1:4] AND birth_date_l[6:7] = birth_date_r[9:10] "
        "AND birth_date_l[9:10] = birth_date_r[6:7]"
    )
    return _comparison(
        "birth_date", _level("birth_date_l = birth_date_r", "same", told.same),
        _level(f"{near} OR ({swapped})", "alike", told.alike), _level("ELSE", "other", told.other),
    )  # fmt: skip


def _as_pairs(rows: pl.DataFrame, rules: DuplicateRules, persons: int) -> pl.DataFrame:
    """Pairs with what each field that both tell weighs."""
    told = []
    for name in (*LIKE, *SAME):
        levels = {1: "same", 0: "other"} if name in SAME else {2: "same", 1: "alike", 0: "other"}
        gamma = pl.col(f"gamma_{name}")
        word = gamma.replace_strict(levels, default=None, return_dtype=pl.String)
        weight = pl.col(f"mw_{name}")
        if name == "name":
            weight = weight + pl.col("mw_tf_adj_name")
        bits = weight.round(2)
        told.append(pl.when(gamma >= 0).then(pl.format("{} {} {}", pl.lit(name), word, bits)))
    start = round(_log2(_prior(rules, persons)), 2)
    left, right = pl.col("person_l"), pl.col("person_r")
    return rows.select(
        person=pl.min_horizontal(left, right), other=pl.max_horizontal(left, right),
        weight=(pl.col("match_weight") * 100).round().cast(pl.Int64),
        evidence=pl.concat_str(*told, pl.lit(f"before {start}"), separator=";", ignore_nulls=True),
    ).cast(PAIRS).sort(["weight", "person", "other"], descending=[True, False, False])  # fmt: skip


def _log2(share: float) -> float:
    from math import log2

    return log2(share / (1 - share))
