"""Promises to pay, and notices of borrowers: a row each."""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.contacts import NOTICES
from loanbook.pipelines.formats.collections.moments import (
    ABOUT_LOAN,
    AT,
    IS_A_TIME,
    IS_PAST,
    NAMES_AN_AGENT,
    OfAMoment,
    Stated,
    agent_who,
    own_reference,
    said_at,
    texts_of,
)
from loanbook.pipelines.formats.columns import AMOUNT as AMOUNT_FORM
from loanbook.pipelines.formats.columns import CURRENCY, DATE, FileColumn
from loanbook.pipelines.formats.payments import (
    IS_A_NUMBER,
    IS_EXACT,
    IS_POSITIVE,
    IS_WITHIN_BOUNDS,
    MINOR_OF_ROW,
    NAMES_A_CURRENCY,
    OfAnAmount,
)
from loanbook.pipelines.formats.table import Parsed, date_in, parsed

PROMISE_COLUMNS = [
    "reference", "loan_key", "promised_at", "due_date", "amount", "currency", "agent",
]  # fmt: skip
NOTICE_COLUMNS = ["reference", "loan_key", "stated_at", "kind", "written", "reason", "agent"]
PROMISES = (
    own_reference("promised payment"),
    ABOUT_LOAN,
    FileColumn("promised_at", "when it was promised, not after the file's date; rows of a loan with the same moment are one plan", AT),
    FileColumn("due_date", "day by which it is to come, not before the promise", DATE),
    FileColumn("amount", "what is to come", AMOUNT_FORM),
    CURRENCY,
    agent_who("took the promise"),
)  # fmt: skip
PROMISE_NOTES = """Promises are added, never edited: a later promise of the loan takes the place of what of the earlier one is not due yet.
`loanbook collections promise` writes them, `loanbook collections promises` judges them by the money that came."""
NOTICE_FIELDS = (
    own_reference("notice"),
    ABOUT_LOAN,
    FileColumn("stated_at", "when it came, not after the file's date; it counts from then on", AT),
    FileColumn("kind", "what of (docs/guide/collections.md)", ", ".join(NOTICES)),
    FileColumn("written", "whether it was in writing", "yes, no"),
    FileColumn("reason", "why, as a code: no free text; may be empty", "2 to 40 small letters, digits and underscores, a letter first: not_my_debt"),
    agent_who("took it"),
)  # fmt: skip
NOTICE_NOTES = """Notices are added, never edited: what answers one or takes it back is a row of its own. Which of them hold contact, contact
rules say. `loanbook collections notice` writes one."""


class Promises(OfAMoment, OfAnAmount):
    """A promised payment as it may enter."""

    promised_on = dy.Date(nullable=True)
    due = dy.Date(nullable=True)
    agent = dy.String()

    promised_at_not_a_time = IS_A_TIME
    promised_in_the_future = IS_PAST

    @dy.rule()
    def promise_due_not_a_date(cls) -> pl.Expr:
        return pl.col("due").is_not_null()

    @dy.rule()
    def due_before_it_was_promised(cls) -> pl.Expr:
        return (pl.col("due") >= pl.col("promised_on")).fill_null(True)

    amount_not_a_number = IS_A_NUMBER
    amount_not_positive = IS_POSITIVE
    amount_out_of_bounds = IS_WITHIN_BOUNDS
    amount_finer_than_currency = IS_EXACT
    unknown_currency = NAMES_A_CURRENCY
    agent_missing_or_too_long = NAMES_AN_AGENT


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

    agent_missing_or_too_long = NAMES_AN_AGENT


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
