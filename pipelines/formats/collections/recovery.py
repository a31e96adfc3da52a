"""Legal steps, and loans placed with agencies: a row each."""

from __future__ import annotations

import datetime as dt

import dataframely as dy
import polars as pl

from loanbook.core.catalogue.recovery import LEGAL_STAGES, PLACEMENT_STEPS
from loanbook.pipelines.formats.collections.moments import (
    ABOUT_LOAN,
    AT,
    NAMES_AN_AGENT,
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
    IS_WITHIN_BOUNDS,
    MINOR_OF_ROW,
    NAMES_A_CURRENCY,
    OfAnAmount,
)
from loanbook.pipelines.formats.table import Parsed, date_in, parsed

LEGAL_COLUMNS = ["reference", "loan_key", "stated_at", "stage", "next_on", "amount", "currency", "agent"]  # fmt: skip
PLACEMENT_COLUMNS = ["reference", "loan_key", "stated_at", "step", "agency", "agent"]
_STATED_AT = FileColumn("stated_at", "when it was so, not after the file's date", AT)
LEGAL_STEPS = (
    own_reference("step"),
    ABOUT_LOAN,
    _STATED_AT,
    FileColumn("stage", "stage that the action reached (docs/guide/collections.md)", ", ".join(LEGAL_STAGES)),
    FileColumn("next_on", "next date before the court, not before the step's own; may be empty", DATE),
    FileColumn("amount", "what the step cost the lender; 0 where nothing", AMOUNT_FORM),
    CURRENCY,
    agent_who("wrote it down"),
)  # fmt: skip
LEGAL_NOTES = """Legal steps are added, never edited. What a step cost is a note: it asks nothing of the borrower; a charge that the contract or a court
allows is ordered. `loanbook collections legal` writes one, and lists loans under legal action."""
PLACEMENTS = (
    own_reference("step"),
    ABOUT_LOAN,
    _STATED_AT,
    FileColumn("step", "what happened (docs/guide/collections.md)", ", ".join(PLACEMENT_STEPS)),
    FileColumn("agency", "the agency: a policy of collection_agencies", "small letters, digits and hyphens: synthetic-agency"),
    agent_who("wrote it down"),
)  # fmt: skip
PLACEMENT_NOTES = """Placements are added, never edited. What the agency collects comes by its own file (`collected_…`). `loanbook collections place`
writes one, and lists who holds which loan."""


class LegalSteps(Stated, OfAnAmount):
    """A legal step as it may enter."""

    stage = dy.String()
    next_on = dy.String()
    next_date = dy.Date(nullable=True)
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

    amount_not_a_number = IS_A_NUMBER

    @dy.rule()
    def cost_below_zero(cls) -> pl.Expr:
        return pl.col("scaled").fill_null(0) >= 0

    amount_out_of_bounds = IS_WITHIN_BOUNDS
    amount_finer_than_currency = IS_EXACT
    unknown_currency = NAMES_A_CURRENCY
    agent_missing_or_too_long = NAMES_AN_AGENT


class Placements(Stated):
    """A step of a placement as it may enter."""

    step = dy.String()
    agency = dy.String()
    agent = dy.String()

    @dy.rule()
    def placement_step_not_known(cls) -> pl.Expr:
        return pl.col("step").is_in(list(PLACEMENT_STEPS))

    agent_missing_or_too_long = NAMES_AN_AGENT


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
