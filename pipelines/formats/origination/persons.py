"""Persons by name: rows that go to the vault alone. No cell of theirs is ever quoted."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.personal import KINDS, NAMES
from loanbook.core.errors import IntakeError
from loanbook.pipelines.formats.origination.reading import is_csv, rows_of, texts_of
from loanbook.pipelines.formats.table import Parsed, date_in, header_of, parsed

NAMED_BY = ("full_name", "given_name", "family_name", "legal_name")
WHO = ("applicant", "ref")
_NOBODY = "the file has neither applicant nor ref: name each person by the token of the application, or by your own"


class PersonRows(dy.Schema):
    """A person as the vault may keep them."""

    line = dy.Int64()
    person_ref = dy.String(min_length=1, max_length=200)
    kind = dy.String()
    named = dy.Bool()
    birth_date = dy.String()
    born = dy.Date(nullable=True)
    file_date = dy.Date()

    @dy.rule()
    def person_kind_not_known(cls) -> pl.Expr:
        return pl.col("kind").is_in(list(KINDS))

    @dy.rule()
    def person_without_a_name(cls) -> pl.Expr:
        return pl.col("named")

    @dy.rule()
    def birth_date_not_a_date(cls) -> pl.Expr:
        return (pl.col("birth_date") == "") | pl.col("born").is_not_null()

    @dy.rule()
    def born_in_the_future(cls) -> pl.Expr:
        return pl.col("born").is_null() | (pl.col("born") <= pl.col("file_date"))


def persons(data: bytes, file_date: dt.date, prefix: str) -> Parsed:
    """Persons of a file, `person_ref` by which the vault knows each: `prefix` and the token of the application, or the sender's own.

    IntakeError: the file has neither `applicant` nor `ref`, or a column that is no field of a person: nothing is left out unsaid.
    """
    if is_csv(data) and not {*WHO} & {*header_of(data)}:
        raise IntakeError(_NOBODY)  # before a fault of the header quotes what may be a row
    texts, broken = rows_of(data)
    strange = sorted({*texts.columns} - {"line", "kind", *WHO, *NAMES})
    if not {*WHO} & {*texts.columns}:
        raise IntakeError(_NOBODY)
    if strange:
        raise IntakeError(
            f"{strange[0][:40]} is no field of a person; use applicant or ref, kind, {', '.join(NAMES)}"
        )
    rows = texts_of(texts, ["kind", *WHO, *NAMES])
    token = pl.when(pl.col("applicant") != "").then(prefix + pl.col("applicant"))
    typed = rows.with_columns(
        person_ref=pl.coalesce(token, "ref"), born=date_in("birth_date"), file_date=pl.lit(file_date),
        kind=pl.when(pl.col("kind") == "").then(pl.lit("individual")).otherwise("kind"),
        named=pl.any_horizontal(pl.col(name) != "" for name in NAMED_BY),
    )  # fmt: skip
    read = parsed(typed, PersonRows, "person_ref", rows.select("line"), broken)
    return replace(read, bad=[row | {"found": ""} for row in read.bad])  # a cell may name somebody
