"""Consents and checks of identity: each once, and what they say as facts of the applicant."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.frames import content_hashes
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.pipelines.formats.origination import people
from loanbook.pipelines.formats.table import Bad, Parsed
from loanbook.pipelines.ingest.events import Known, Taken
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.ingest.origination.records import keep_new, tokens

_NO_WORD, _NO_NUMBER = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.Int64)


def consents(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of consents gives. A withdrawal is a row of its own with `given` = no: it counts from its day on."""
    assert file.business_date is not None
    parsed = people.consents(data, file.business_date)
    kept, again, bad = _new(parsed, "consents", "consent_ref", people.CONSENTS, known)
    source = pl.concat_str(pl.lit("consent_"), "purpose")
    tables = {
        "consents": kept.select(
            "applicant", "purpose", "text_hash", "text_version", "channel", "body_hash", "line", consent_id="key",
            given=pl.col("given") == "yes", given_at="moment", known_on=pl.lit(file.business_date),
        ),
        "applicant_facts": _facts(
            kept, file.business_date, source=source, field=source, number=(pl.col("given") == "yes").cast(pl.Int64),
            word=_NO_WORD, as_of=pl.col("moment").dt.date(),
        ),
    }  # fmt: skip
    return Taken(parsed.rows_in, kept.height, again, parsed.bad + bad, None, tables=tables)


def checks(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: FileMapping, known: Known
) -> Taken:
    """What a file of identity checks gives; a later check of the same person stands beside the earlier one."""
    assert file.business_date is not None
    parsed = people.checks(data, file.business_date)
    columns = [*people.CHECKS, "code", "list_version"]
    kept, again, bad = _new(parsed, "identity_checks", "check_ref", columns, known)
    tables = {
        "identity_checks": kept.select(
            "applicant", "provider", "result", "code", "list_version", "checked_on", "body_hash", "line", check_id="key",
            latency_ms="latency", known_on=pl.lit(file.business_date),
        ),
        "applicant_facts": _facts(
            kept, file.business_date, source=pl.lit("kyc"), field=pl.lit("kyc"), number=_NO_NUMBER, word=pl.col("result"),
            as_of=pl.col("checked_on"),
        ),
    }  # fmt: skip
    return Taken(parsed.rows_in, kept.height, again, parsed.bad + bad, None, tables=tables)


def _new(
    parsed: Parsed, table: str, key: str, columns: list[str], known: Known
) -> tuple[pl.DataFrame, int, Bad]:
    """Rows that are new with their applicant's token, how many are known, and conflicts."""
    rows = parsed.good.with_columns(
        pl.col(key).alias("key"), body_hash=content_hashes(parsed.good, columns)
    )
    fresh, again, bad = keep_new(rows, table, known)
    kept = fresh.with_columns(tokens(fresh["applicant"], known).alias("applicant"))
    return kept, again.height, bad


def _facts(kept: pl.DataFrame, on: dt.date, **told: pl.Expr) -> pl.DataFrame:
    return kept.select(
        "applicant", "line", **told, record="key", path=pl.concat_str(pl.lit("line "), pl.col("line").cast(pl.String)),
        known_on=pl.lit(on),
    )  # fmt: skip
