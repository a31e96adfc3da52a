"""Documents of applicants: a JSON object a line, with the file itself in it."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib

import dataframely as dy
import polars as pl

from loanbook.core.errors import IntakeError
from loanbook.core.origination.documents import MEDIA, MOST_BYTES, SCANS, TYPES, media_of
from loanbook.pipelines.formats.origination.reading import json_rows, moment_in, must_have, texts_of
from loanbook.pipelines.formats.table import Parsed, parsed

DOCUMENTS = ["document_ref", "applicant", "type", "sha256", "uploaded_at", "uploader", "scan"]
REQUIRED = [*DOCUMENTS, "content"]


class DocumentRows(dy.Schema):
    """A document of an applicant as it may enter."""

    line = dy.Int64()
    document_ref = dy.String(min_length=1, max_length=64)
    applicant = dy.String()
    type = dy.String()
    scan = dy.String()
    uploader = dy.String()
    moment = dy.Datetime(nullable=True)
    file_date = dy.Date()
    media = dy.String(nullable=True)
    bytes = dy.Int64(nullable=True)
    as_hashed = dy.Bool()

    @dy.rule()
    def applicant_missing(cls) -> pl.Expr:
        return pl.col("applicant") != ""

    @dy.rule()
    def document_type_not_known(cls) -> pl.Expr:
        return pl.col("type").is_in(list(TYPES))

    @dy.rule()
    def uploader_missing(cls) -> pl.Expr:
        return pl.col("uploader") != ""

    @dy.rule()
    def uploaded_at_not_a_time(cls) -> pl.Expr:
        return pl.col("moment").is_not_null()

    @dy.rule()
    def uploaded_in_the_future(cls) -> pl.Expr:
        return pl.col("moment").is_null() | (pl.col("moment").dt.date() <= pl.col("file_date"))

    @dy.rule()
    def scan_not_known(cls) -> pl.Expr:
        return pl.col("scan").is_in([*SCANS, "infected"])

    @dy.rule()
    def document_is_infected(cls) -> pl.Expr:
        return pl.col("scan") != "infected"

    @dy.rule()
    def document_not_of_a_kind_that_is_kept(cls) -> pl.Expr:
        small = pl.col("bytes").fill_null(MOST_BYTES + 1) <= MOST_BYTES
        return pl.col("media").fill_null("").is_in(list(MEDIA.values())) & small

    @dy.rule()
    def document_is_not_as_hashed(cls) -> pl.Expr:
        return pl.col("as_hashed")


def documents(data: bytes, file_date: dt.date) -> Parsed:
    """Documents of a file, with `moment` (UTC), `media`, `bytes` and `content` (base64) of each. What is quoted of a refused row is
    never its content."""
    if data.lstrip()[:1] not in {b"{", b""}:
        raise IntakeError("documents come as JSON lines, an object a line, with their content in base64")  # fmt: skip
    texts, broken = json_rows(data)
    must_have(texts.columns, REQUIRED)
    rows = texts_of(texts, [*REQUIRED, "scanner"])
    read = [_read(text) for text in rows["content"]]
    typed = rows.with_columns(
        moment=moment_in("uploaded_at"), file_date=pl.lit(file_date),
        media=pl.Series([each[0] for each in read], dtype=pl.String), bytes=pl.Series([each[1] for each in read], dtype=pl.Int64),
        as_hashed=pl.col("sha256") == pl.Series([each[2] for each in read], dtype=pl.String).fill_null(""),
    )  # fmt: skip
    return parsed(typed, DocumentRows, "document_ref", rows.drop("content"), broken)


def _read(text: str) -> tuple[str | None, int | None, str | None]:
    """What a document is by its first bytes, how long, and its SHA-256; nothing where it is no base64."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None, None, None
    return media_of(data), len(data), hashlib.sha256(data).hexdigest()
