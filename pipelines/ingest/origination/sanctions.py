"""Editions of lists of sanctions: which entries an edition has, and the names of those that are new or changed."""

from __future__ import annotations

import re

import polars as pl

from loanbook.core.errors import IntakeError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.pipelines.formats.origination.sanctions import entries
from loanbook.pipelines.ingest.events import Known, Taken
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.ingest.origination.records import keep_new

_NAMED = re.compile(r"^sanctions_[0-9-]{10}_([a-z0-9][a-z0-9-]{0,39})[._]")


def taken(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What an edition of a list gives: it has every entry of the list; one that it lacks is listed no longer.

    IntakeError: the name does not tell the list, or rows of it are refused: an edition that lacks an entry for that would clear
    persons.
    """
    assert file.business_date is not None
    named = _NAMED.match(file.path.name)
    if named is None:
        raise IntakeError(
            f"{file.path.name[:80]} does not name its list; name it like sanctions_2024-02-02_ofac-sdn.xml"
        )
    parsed = entries(data)
    if parsed.bad:
        first = parsed.bad[0]
        raise IntakeError(
            f"{len(parsed.bad)} entries can't be read, the first at {first['line']} ({first['rule']}: {first['found'][:60]}): an "
            "edition counts as a whole, for who is not in it is cleared; mend it, or fetch it again"
        )
    name, edition = named[1], f"{file.business_date}/{file.file_id[:12]}"
    rows = parsed.good.with_columns(
        key=pl.concat_str(
            pl.lit(name), "entry_ref", pl.col("body_hash").str.head(16), separator="/"
        )
    )
    on = pl.lit(file.business_date)
    fresh, _, _ = keep_new(rows, "sanction_names", known)
    names = (
        fresh.with_columns(listed=pl.concat_str("name", "aliases", separator=";").str.split(";")).explode("listed")
        .with_columns(pl.col("listed").str.strip_chars()).filter(pl.col("listed") != "")
    )  # fmt: skip
    tables = {
        "sanction_members": rows.select("line", entry_key="key", list=pl.lit(name), edition=pl.lit(edition), known_on=on),
        "sanction_names": names.select(
            "entry_ref", "kind", "born_from", "born_to", "program", "body_hash", entry_key="key", list=pl.lit(name), name="listed",
            known_on=on,
        ),
    }  # fmt: skip
    return Taken(parsed.rows_in, rows.height, 0, [], None, tables=tables)
