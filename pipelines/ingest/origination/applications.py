"""Partners' applications: each once, with tokens in place of people and things, as a case that is submitted."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.frames import content_hashes
from loanbook.core.origination.applications import OTHERS, Applications
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.partners import (
    APPLICATION_OPTIONAL,
    APPLICATION_REQUIRED,
    ApplicationMapping,
)
from loanbook.pipelines.formats.origination.applications import TOKENS, named_in, parse
from loanbook.pipelines.ingest.events import Known, Taken
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.ingest.origination.records import keep_new, tokens


def taken(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: ApplicationMapping, known: Known
) -> Taken:
    """What a file of applications gives."""
    assert file.business_date is not None
    parsed = parse(data, file.business_date, mapping, policies)
    rows = parsed.good.with_columns(
        key=pl.concat_str(pl.lit(mapping.source_system), "application_ref", separator="/"),
        body_hash=content_hashes(parsed.good, [*APPLICATION_REQUIRED, *APPLICATION_OPTIONAL]),
    )
    kept, again, bad = keep_new(rows, "applications", known)
    tables = {
        "applications": _applications(kept, mapping, file.business_date, known),
        "application_links": _links(kept, file.business_date, known),
        "case_events": _submitted(kept, file.business_date, mapping.source_system),
    }
    return Taken(parsed.rows_in, kept.height, again.height, parsed.bad + bad, None, tables=tables)


def _applications(
    rows: pl.DataFrame, mapping: ApplicationMapping, on: dt.date, known: Known
) -> pl.DataFrame:
    def word(name: str) -> pl.Expr:
        return pl.when(pl.col(name) != "").then(pl.col(name).str.to_lowercase()).alias(name)

    counts = {name: named_in(name).list.len().cast(pl.Int64) for name in OTHERS}
    made = rows.select(
        "product", "currency", "submitted_on", "body_hash", "line", "applicant_kind",
        word("channel"), word("purpose"), word("housing"),
        pl.when(pl.col("state") != "").then("state").alias("state"),
        application_id="key", partner=pl.lit(mapping.source_system), reference="application_ref",
        amount="minor", term="months", income_year="income_year_minor",
        income_verified_year="income_verified_year_minor", employment_years="employment_years_number",
        age_years="age_years_number", borrowers=1 + counts["co_applicant"], guarantors=counts["guarantor"],
        business_date=pl.lit(on),
    ).with_columns(tokens(rows["applicant"], known).alias("applicant"))  # fmt: skip
    Applications.validate(made.select(Applications.column_names()))
    return made


def _links(rows: pl.DataFrame, on: dt.date, known: Known) -> pl.DataFrame:
    """People, devices, accounts and the like of applications, as tokens."""
    long = (
        rows.select("key", *TOKENS).unpivot(index="key", variable_name="kind", value_name="told")
        .with_columns(named_in("told")).explode("told").drop_nulls("told")
    )  # fmt: skip
    return long.select(
        application_id="key", kind="kind", token=tokens(long["told"], known), known_on=pl.lit(on)
    )


def _submitted(rows: pl.DataFrame, on: dt.date, source: str) -> pl.DataFrame:
    """The first event of each case. It is committed with its application, in the file's own transaction: no run can have
    judged the case by another state, as `loanbook.core.store.origination.writing.append` asks of all later events."""
    return rows.select(
        application_id="key", event=pl.lit("submitted"), happened_at=pl.lit(on).cast(pl.Datetime("us")),
        actor=pl.lit(f"partner:{source}"), reason=pl.lit(""), reference=pl.lit(""), place="line",
    )  # fmt: skip
