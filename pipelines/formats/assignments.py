"""Orders about entries in suspense: whose payment one is, or that it is none, by two people."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from loanbook.core.ledger.people import same_person
from loanbook.pipelines.formats.columns import FileColumn
from loanbook.pipelines.formats.table import Parsed, parsed, read_csv

DECISIONS = ("apply", "settled", "outside")
COLUMNS = ("entry_id", "decision", "loan_key", "maker", "checker", "reason")
ASSIGNMENTS = (
    FileColumn("entry_id", "entry in suspense (`loanbook payments suspense`)", "20 characters"),
    FileColumn(
        "decision",
        "apply: it is a payment of the loan; settled: its payments came in another file; outside: it is "
        "not the book's",
        "apply, settled, outside",
    ),
    FileColumn(
        "loan_key", "loan that it is of; of `apply` alone", "text: the loan number of its tape"
    ),
    FileColumn("maker", "who decides", "text, 1 to 64 characters"),
    FileColumn(
        "checker",
        "who checked: another person; may be empty below `one_person_below_minor` of the account's "
        "`receipt_matching`",
        "text",
    ),
    FileColumn(
        "reason",
        "why, as a code: no free text",
        "2 to 40 small letters, digits and underscores, a letter first: payer_confirmed",
    ),
)
ASSIGNMENT_NOTES = """What `loanbook payments assign` writes. The payment counts from the entry's own day, whatever day it is
assigned on: what was said of the loan since is restated. An entry is decided once; the same decision again is known."""


class Assignments(dy.Schema):
    """A decision as it may enter."""

    line = dy.Int64()
    entry_id = dy.String(min_length=1, max_length=64)
    decision = dy.String()
    loan_key = dy.String()
    maker = dy.String(min_length=1, max_length=64)
    checker = dy.String(max_length=64)
    reason = dy.String(regex=r"^[a-z][a-z0-9_]{1,39}$")

    @dy.rule()
    def unknown_decision(cls) -> pl.Expr:
        return pl.col("decision").is_in(list(DECISIONS))

    @dy.rule()
    def loan_where_none_belongs(cls) -> pl.Expr:
        return (pl.col("decision") == "apply") | (pl.col("loan_key") == "")

    @dy.rule()
    def maker_is_checker(cls) -> pl.Expr:
        """Two people are two names, however they are written."""
        return ~same_person("maker", "checker")


def parse(data: bytes) -> Parsed:
    """Decisions of a file. Raises IntakeError if it is none."""
    raw, broken = read_csv(data, list(COLUMNS))
    texts = raw.select("line", *(pl.col(name).str.strip_chars() for name in COLUMNS))
    return parsed(texts, Assignments, "entry_id", texts, broken)
