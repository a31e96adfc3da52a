"""Legal steps, and loans placed with agencies: a row each."""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.recovery import LEGAL_STAGES, PLACEMENT_STEPS
from loanbook.pipelines.formats.collections.moments import (
    AT,
    LOAN,
    NAMES_AN_AGENT,
    Stated,
    said_at,
    texts_of,
)
from loanbook.pipelines.formats.columns import AMOUNT as AMOUNT_FORM
from loanbook.pipelines.formats.columns import DATE, REF, FileColumn
from loanbook.pipelines.formats.payments import (
    IS_A_NUMBER,
    IS_EXACT,
    IS_WITHIN_BOUNDS,
    MINOR_OF_ROW,
    NAMES_A_CURRENCY,
)
from loanbook.pipelines.formats.table import Parsed, date_in, parsed

LEGAL_COLUMNS = ["reference", "loan_key", "stated_at", "stage", "next_on", "amount", "currency", "agent"]  # fmt: skip
PLACEMENT_COLUMNS = ["reference", "loan_key", "stated_at", "step", "agency", "agent"]
_AGENT = "text, 1 to 64 characters"
LEGAL_STEPS = (
    FileColumn("reference", "the sender's own reference; the same again is the same step", REF),
    FileColumn("loan_key", "loan that it is about", LOAN),
    FileColumn("stated_at", "when it was so, not after the file's date", AT),
    FileColumn("stage", "stage that the action reached (docs/guide/collections.md)", ", ".join(LEGAL_STAGES)),
    FileColumn("next_on", "next date before the court, not before the step's own; may be empty", DATE),
    FileColumn("amount", "what the step cost the lender; 0 where nothing", AMOUNT_FORM),
    FileColumn("currency", "currency of the amount: the loan's own", "ISO 4217: USD"),
    FileColumn("agent", "who wrote it down, as a code: no name", _AGENT),
)  # fmt: skip
LEGAL_NOTES = """Legal steps are added, never edited. What a step cost is a note: it asks nothing of the borrower; a charge that the contract or a court
allows is ordered. `loanbook collections legal` writes one, and lists loans under legal action."""
PLACEMENTS = (
    FileColumn("reference", "the sender's own reference; the same again is the same step", REF),
    FileColumn("loan_key", "loan that it is about", LOAN),
    FileColumn("stated_at", "when it was so, not after the file's date", AT),
    FileColumn("step", "what happened (docs/guide/collections.md)", ", ".join(PLACEMENT_STEPS)),
    FileColumn("agency", "the agency: a policy of collection_agencies", "small letters, digits and hyphens: synthetic-agency"),
    FileColumn("agent", "who wrote it down, as a code: no name", _AGENT),
)  # fmt: skip
PLACEMENT_NOTES = """Placements are added, never edited. What the agency collects comes by its own file (`collected_…`). `loanbook collections place`
writes one, and lists who holds which loan."""


class LegalSteps(Stated):
    """A legal step as it may enter."""

    stage = dy.String()
    next_on = dy.String()
    next_date = dy.Date(nullable=True)
    amount = dy.String()
    scaled = dy.Float64(nullable=True)
    minor = dy.Int64(nullable=True)
    currency = dy.String()
    agent = dy.String()

    @dy.rule()
    def stage_not_known(cls) -> pl.Expr:
        return pl.col("stage").is_in(list(LEGAL_STAGES))

    @dy.rule()
    def court_date_not_a_date(cls) -> pl.Expr:
        return (pl.col("next_on") == "") | pl.col("next_date").is_not_null()

    @dy.rule()
    def court_date_before_its_step(cls) -> pl.Expr:
        return pl.col("next_date").is_null() | (pl.col("said_on") <= pl.col("next_date").cast(pl.String))  # fmt: skip

    @dy.rule()
    def amount_not_a_number(cls) -> pl.Expr:
        return IS_A_NUMBER

    @dy.rule()
    def cost_below_zero(cls) -> pl.Expr:
        return pl.col("scaled").fill_null(0) >= 0

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


class Placements(Stated):
    """A step of a placement as it may enter."""

    step = dy.String()
    agency = dy.String()
    agent = dy.String()

    @dy.rule()
    def placement_step_not_known(cls) -> pl.Expr:
        return pl.col("step").is_in(list(PLACEMENT_STEPS))

    @dy.rule()
    def agent_missing_or_too_long(cls) -> pl.Expr:
        return NAMES_AN_AGENT


def legal_steps(data: bytes, file_date: dt.date) -> Parsed:
    """Legal steps of a file: texts, with `moment` (Datetime, UTC), `next_date`, `minor`. Raises IntakeError if it is none."""
    texts, broken = texts_of(data, LEGAL_COLUMNS)
    typed = texts.with_columns(
        **said_at("stated_at", file_date), next_date=date_in("next_on"), **MINOR_OF_ROW
    )
    return parsed(typed, LegalSteps, "reference", texts, broken)


def placements(data: bytes, file_date: dt.date) -> Parsed:
    """Steps of placements of a file: texts, with `moment` (Datetime, UTC). Raises IntakeError if it is none."""
    texts, broken = texts_of(data, PLACEMENT_COLUMNS)
    typed = texts.with_columns(**said_at("stated_at", file_date))
    return parsed(typed, Placements, "reference", texts, broken)
