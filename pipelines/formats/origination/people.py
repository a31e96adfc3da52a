"""Consents and checks of identity, a row each."""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from loanbook.pipelines.formats.origination.reading import NAMED, moment_in, read_rows, texts_of
from loanbook.pipelines.formats.table import Parsed, date_in, parsed, whole_number

PURPOSES = ("bureau", "bank")
RESULTS = ("passed", "failed", "review")
CONSENTS = [
    "consent_ref",
    "applicant",
    "purpose",
    "given",
    "text_hash",
    "text_version",
    "channel",
    "given_at",
]
CHECKS = ["check_ref", "applicant", "provider", "result", "checked_on"]
_OPTIONAL = ["code", "list_version", "latency_ms"]
_HASH = r"^[0-9a-f]{64}$"


class ConsentRows(dy.Schema):
    """A consent, or its withdrawal, as it may enter."""

    line = dy.Int64()
    consent_ref = dy.String(min_length=1, max_length=64)
    applicant = dy.String()
    purpose = dy.String()
    given = dy.String()
    text_hash = dy.String()
    channel = dy.String()
    moment = dy.Datetime(nullable=True)
    file_date = dy.Date()

    @dy.rule()
    def applicant_missing(cls) -> pl.Expr:
        return pl.col("applicant") != ""

    @dy.rule()
    def consent_purpose_not_known(cls) -> pl.Expr:
        return pl.col("purpose").is_in(list(PURPOSES))

    @dy.rule()
    def given_not_yes_or_no(cls) -> pl.Expr:
        return pl.col("given").is_in(["yes", "no"])

    @dy.rule()
    def text_hash_not_a_hash(cls) -> pl.Expr:
        return pl.col("text_hash").str.contains(_HASH)

    @dy.rule()
    def given_at_not_a_time(cls) -> pl.Expr:
        return pl.col("moment").is_not_null()

    @dy.rule()
    def given_in_the_future(cls) -> pl.Expr:
        return pl.col("moment").is_null() | (pl.col("moment").dt.date() <= pl.col("file_date"))


class CheckRows(dy.Schema):
    """A result of a provider of identity checks, as it may enter."""

    line = dy.Int64()
    check_ref = dy.String(min_length=1, max_length=64)
    applicant = dy.String()
    provider = dy.String()
    result = dy.String()
    checked_on = dy.Date(nullable=True)
    file_date = dy.Date()

    @dy.rule()
    def applicant_missing(cls) -> pl.Expr:
        return pl.col("applicant") != ""

    @dy.rule()
    def provider_not_named(cls) -> pl.Expr:
        return pl.col("provider").str.contains(NAMED)

    @dy.rule()
    def result_not_known(cls) -> pl.Expr:
        return pl.col("result").is_in(list(RESULTS))

    @dy.rule()
    def checked_on_not_a_date(cls) -> pl.Expr:
        return pl.col("checked_on").is_not_null()

    @dy.rule()
    def checked_in_the_future(cls) -> pl.Expr:
        return pl.col("checked_on").is_null() | (pl.col("checked_on") <= pl.col("file_date"))


def consents(data: bytes, file_date: dt.date) -> Parsed:
    """Consents of a file, `moment` (Datetime, UTC) when each was given or withdrawn."""
    texts, broken = read_rows(data, CONSENTS)
    texts = texts_of(texts, CONSENTS)
    typed = texts.with_columns(moment=moment_in("given_at"), file_date=pl.lit(file_date))
    return parsed(typed, ConsentRows, "consent_ref", texts, broken)


def checks(data: bytes, file_date: dt.date) -> Parsed:
    """Checks of identity of a file."""
    texts, broken = read_rows(data, CHECKS)
    texts = texts_of(texts, [*CHECKS, *_OPTIONAL])
    typed = texts.with_columns(
        checked_on=date_in("checked_on"),
        file_date=pl.lit(file_date),
        latency=whole_number(pl.col("latency_ms")),
    )
    return parsed(typed, CheckRows, "check_ref", texts, broken)
