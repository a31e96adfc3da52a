"""Pairs of records that may be of one person, and what people said of them; whom reads take for one person since."""

from __future__ import annotations

from typing import Any

import polars as pl

from loanbook.core.errors import LedgerError
from loanbook.core.origination.duplicates import MERGE_EVENTS, merged_on, one_person
from loanbook.core.store.queries import Queries

FOUND = pl.Schema({
    "pair_id": pl.String(), "person": pl.String(), "other": pl.String(), "applicant": pl.String(), "other_applicant": pl.String(),
    "revision": pl.Int64(), "other_revision": pl.Int64(), "weight": pl.Int64(), "evidence": pl.String(), "method": pl.String(),
    "rules_hash": pl.String(), "on_date": pl.Date(),
})  # fmt: skip
"""A row a pair as it is kept; `weight`: hundredths of a bit."""
SAID = pl.Schema({
    "merge_id": pl.String(), "event": pl.String(), "person": pl.String(), "other": pl.String(), "applicant": pl.String(),
    "other_applicant": pl.String(), "pair_id": pl.String(), "reason": pl.String(), "note": pl.String(), "maker": pl.String(),
    "checkers": pl.String(), "order_id": pl.String(), "on_date": pl.Date(),
})  # fmt: skip
"""A row what people said of a pair: merged, parted (a merge was undone) or apart (it never was one person)."""
ALIASES = pl.Schema({"on": pl.Date(), "applicant": pl.String(), "alias": pl.String()})
"""Tokens by which applications name one person, both ways; `on`: as merges stood at the end of that day."""


def pairs_now(ledger: Queries) -> pl.DataFrame:
    """Pairs (`FOUND`) by the last look at both persons, with what people `event` said last (null: nothing) and when `since`;
    those of whom nothing was said first, the heaviest at the top. A pair that is merged stays, whatever its persons became: else
    nobody could undo it."""
    rows = ledger.frame(
        "WITH newest AS (SELECT person, max(revision) AS revision FROM (SELECT person, revision FROM {lake}.duplicate_pairs "
        "UNION ALL SELECT other, other_revision FROM {lake}.duplicate_pairs) GROUP BY person), "
        "last AS (SELECT person, other, max_by(struct_pack(p := p), recorded_at).p AS p FROM (SELECT person, other, recorded_at, "
        f"struct_pack({', '.join(f'{n} := {n}' for n in FOUND)}) AS p FROM {{lake}}.duplicate_pairs) GROUP BY 1, 2), "
        "said AS (SELECT person, other, last(event ORDER BY recorded_at) AS event, last(on_date ORDER BY recorded_at) AS since "
        "FROM {lake}.person_merges GROUP BY 1, 2) "
        f"SELECT {', '.join(f'l.p.{n} AS {n}' for n in FOUND)}, s.event, s.since FROM last l "
        "JOIN newest a ON a.person = l.p.person JOIN newest b ON b.person = l.p.other "
        "LEFT JOIN said s ON s.person = l.person AND s.other = l.other "
        "WHERE s.event = 'merged' OR (a.revision = l.p.revision AND b.revision = l.p.other_revision)"
    )
    told = rows.cast(pl.Schema({**FOUND, "event": pl.String(), "since": pl.Date()}))
    return told.sort(pl.col("event").is_not_null(), -pl.col("weight"), "pair_id")


def found_as(ledger: Queries, pair_id: str) -> dict[str, Any]:
    """A pair as it was found (`FOUND`), whatever was found of its persons since. LedgerError: none was."""
    names = ", ".join(FOUND)
    rows = ledger.frame(f"SELECT {names} FROM {{lake}}.duplicate_pairs WHERE pair_id = $id LIMIT 1", {"id": pair_id})  # fmt: skip
    if rows.is_empty():
        raise LedgerError(f"no pair was ever found that has the id {pair_id!r}")
    return rows.row(0, named=True)


def looked_at(ledger: Queries) -> tuple[str, str, str]:
    """Hash of the records, hash of the rules, and method of the last look; empty: there was none."""
    rows = ledger.frame(
        "SELECT records_hash, rules_hash, method FROM {lake}.duplicate_looks ORDER BY recorded_at DESC LIMIT 1"
    )
    return rows.row(0) if rows.height else ("", "", "")


def new_pairs(ledger: Queries, found: pl.DataFrame) -> pl.DataFrame:
    """Those of `found` (`FOUND`) that are not kept yet."""
    known = ledger.beside(
        "SELECT p.pair_id FROM {lake}.duplicate_pairs p JOIN _ids i ON i.pair_id = p.pair_id", [],
        _ids=found.select("pair_id"),
    )  # fmt: skip
    return found.join(known, on="pair_id", how="anti")


def said_of_pairs(ledger: Queries) -> pl.DataFrame:
    """What people said of pairs (`SAID`), in its order, with the moment `recorded_at`."""
    return ledger.frame(
        f"SELECT {', '.join(SAID)}, recorded_at FROM {{lake}}.person_merges ORDER BY recorded_at, merge_id"
    ).cast(pl.Schema({**SAID, "recorded_at": pl.Datetime("us")}))


def persons_read_as(ledger: Queries) -> pl.DataFrame:
    """`person`, `reads_as` of all who are merged with another now (`loanbook.core.origination.duplicates.one_person`)."""
    said = said_of_pairs(ledger)
    return one_person(said.select(MERGE_EVENTS.names()))


def aliases(ledger: Queries, days: pl.Series) -> pl.DataFrame:
    """Tokens of applications (`ALIASES`) that name one person by merges as they stood on each of some days."""
    said = said_of_pairs(ledger)
    parts = [pl.DataFrame(schema=ALIASES)]
    if said.height:
        tokens = pl.concat([
            said.select("person", "applicant"), said.select(person="other", applicant="other_applicant"),
        ]).filter(pl.col("applicant") != "").unique()  # fmt: skip
        for day in days.drop_nulls().unique().sort():
            of = one_person(merged_on(said.select(MERGE_EVENTS.names()), day)).join(
                tokens, on="person"
            )
            both = of.join(of.select("reads_as", alias="applicant"), on="reads_as")
            told = both.filter(pl.col("applicant") != pl.col("alias")).select("applicant", "alias")
            parts.append(
                told.unique().with_columns(on=pl.lit(day)).select(ALIASES.names()).cast(ALIASES)
            )
    return pl.concat(parts).sort("on", "applicant", "alias")
