"""Promises to pay, and notices of borrowers: a row each."""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.contacts import NOTICES
from loanbook.pipelines.formats.collections.moments import (
    AT,
    IS_A_TIME,
    IS_PAST,
    LOAN,
    NAMES_AN_AGENT,
    OfAMoment,
    Stated,
    said_at,
    texts_of,
)
from loanbook.pipelines.formats.columns import AMOUNT as AMOUNT_FORM
from loanbook.pipelines.formats.columns import DATE, REF, FileColumn
from loanbook.pipelines.formats.payments import (
    IS_A_NUMBER,
    IS_EXACT,
    IS_POSITIVE,
    IS_WITHIN_BOUNDS,
    MINOR_OF_ROW,
    NAMES_A_CURRENCY,
)
from loanbook.pipelines.formats.table import Parsed, date_in, parsed

PROMISE_COLUMNS = [
    "reference", "loan_key", "promised_at", "due_date", "amount", "currency", "agent",
]  # fmt: skip
NOTICE_COLUMNS = ["reference", "loan_key", "stated_at", "kind", "written", "reason", "agent"]
_AGENT = "text, 1 to 64 characters"
PROMISES = (
    FileColumn("reference", "the sender's own reference; the same again is the same promised payment", REF),
    FileColumn("loan_key", "loan that it is about", LOAN),
    FileColumn("promised_at", "when it was promised, not after the file's date; rows of a loan with the same moment are one plan", AT),
    FileColumn("due_date", "day by which it is to come, not before the promise", DATE),
    FileColumn("amount", "what is to come", AMOUNT_FORM),
    FileColumn("currency", "currency of the amount: the loan's own", "ISO 4217: USD"),
    FileColumn("agent", "who took the promise, as a code: no name", _AGENT),
)  # fmt: skip
PROMISE_NOTES = """Promises are added, never edited: a later promise of the loan takes the place of what of the earlier one is not due yet.
`loanbook collections promise` writes them, `loanbook collections promises` judges them by the money that came."""
NOTICE_FIELDS = (
    FileColumn("reference", "the sender's own reference; the same again is the same notice", REF),
    FileColumn("loan_key", "loan that it is about", LOAN),
    FileColumn("stated_at", "when it came, not after the file's date; it counts from then on", AT),
    FileColumn("kind", "what of (docs/guide/collections.md)", ", ".join(NOTICES)),
    FileColumn("written", "whether it was in writing", "yes, no"),
    FileColumn("reason", "why, as a code: no free text; may be empty", "2 to 40 small letters, digits and underscores, a letter first: not_my_debt"),
    FileColumn("agent", "who took it, as a code: no name", _AGENT),
)  # fmt: skip
NOTICE_NOTES = """Notices are added, never edited: what answers one or takes it back is a row of its own. Which of them hold contact, contact
rules say. `loanbook collections notice` writes one."""


class Promises(OfAMoment):
    """A promised payment as it may enter."""

    promised_on = dy.Date(nullable=True)
    due = dy.Date(nullable=True)
    amount = dy.String()
    scaled = dy.Float64(nullable=True)
    minor = dy.Int64(nullable=True)
    currency = dy.String()
    agent = dy.String()

    @dy.rule()
    def promised_at_not_a_time(cls) -> pl.Expr:
        return IS_A_TIME

    @dy.rule()
    def promised_in_the_future(cls) -> pl.Expr:
        return IS_PAST

    @dy.rule()
    def promise_due_not_a_date(cls) -> pl.Expr:
        return pl.col("due").is_not_null()

    @dy.rule()
    def due_before_it_was_promised(cls) -> pl.Expr:
        return (pl.col("due") >= pl.col("promised_on")).fill_null(True)

    @dy.rule()
    def amount_not_a_number(cls) -> pl.Expr:
        return IS_A_NUMBER

    @dy.rule()
    def amount_not_positive(cls) -> pl.Expr:
        return IS_POSITIVE

    @dy.rule()
    def amount_out_of_bounds(cls) -> pl.Expr:
        return IS_WITHIN_BOUNDS

    @dy.rule()
    def amount_finer_than_currency(cls) -> pl.Expr:
        return IS_EXACT

    @dy.rule()
    def unknown_currency(cls) -> pl.Expr:
        return NAMES_A_CURRENCY

    @dy.rule()
    def agent_missing_or_too_long(cls) -> pl.Expr:
        return NAMES_AN_AGENT


class Notices(Stated):
    """A notice as it may enter."""

    kind = dy.String()
    written = dy.String()
    reason = dy.String(regex=r"^([a-z][a-z0-9_]{1,39})?$")
    agent = dy.String()

    @dy.rule()
    def notice_not_known(cls) -> pl.Expr:
        return pl.col("kind").is_in(list(NOTICES))

    @dy.rule()
    def written_not_yes_or_no(cls) -> pl.Expr:
        return pl.col("written").is_in(["yes", "no"])

    @dy.rule()
    def agent_missing_or_too_long(cls) -> pl.Expr:
        return NAMES_AN_AGENT


def promises(data: bytes, file_date: dt.date) -> Parsed:
    """Promised payments of a file: texts, with `moment` (Datetime, UTC), `promised_on` and `due` (Date), `minor`. Raises
    IntakeError if it is none."""
    texts, broken = texts_of(data, PROMISE_COLUMNS)
    typed = texts.with_columns(
        **said_at("promised_at", file_date),
        promised_on=pl.col("promised_at").str.head(10).str.to_date("%Y-%m-%d", strict=False), due=date_in("due_date"),
        **MINOR_OF_ROW,
    )  # fmt: skip
    return parsed(typed, Promises, "reference", texts, broken)


def notices(data: bytes, file_date: dt.date) -> Parsed:
    """Notices of a file: texts, with `moment` (Datetime, UTC). Raises IntakeError if it is none."""
    texts, broken = texts_of(data, NOTICE_COLUMNS)
    typed = texts.with_columns(**said_at("stated_at", file_date))
    return parsed(typed, Notices, "reference", texts, broken)
