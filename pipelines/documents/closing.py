"""Letters of loans that have ended: what is to be done by when, and the letters made, each once."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from loanbook.core.contract.jurisdiction import unpacked
from loanbook.core.documents.closure import ENDED, tasks
from loanbook.core.documents.letters import LETTERS, TEMPLATE, Letter, letter_words
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.closure_rules import ClosureRules
from loanbook.core.store.agreements import closures as stored
from loanbook.core.store.agreements.documents import DOCUMENT, keep_documents, versions_of_loans
from loanbook.core.store.instance import read_instance
from loanbook.core.store.known.persons import persons_of_loans
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.making import AT_ONCE, Draft, documents
from loanbook.pipelines.documents.rendering import Page

if TYPE_CHECKING:
    from loanbook.core.store.clocks import Clocks
    from loanbook.core.store.reader import LedgerReader
    from loanbook.core.store.writer import Ledger

RULES = "standard"
"""The policy of closure that counts."""


def _ended(reader: LedgerReader, rules: ClosureRules, at: Clocks) -> pl.DataFrame:
    """Loans that ended by a date, or are charged off on it, and have letters by the policy, with what these say."""
    rows = reader.query(stored.ENDED, {
        "since": rules.ended_from, "on": at.on, "known": at.known, "version": at.known, "losses": stored.losses(),
    })  # fmt: skip
    codes = {code: unpacked(code) for code in rows["place"].drop_nulls().unique()}
    place = pl.col("place").replace_strict(codes, default="", return_dtype=pl.String)
    return rows.with_columns(jurisdiction=place.fill_null(""))


def tasks_of(reader: LedgerReader, policies: PolicyBook, at: Clocks) -> pl.DataFrame:
    """What is to be done of loans that ended, on a date (`loanbook.core.documents.closure.TASKS`)."""
    rules = policies.in_force(ClosureRules, RULES, at.on)
    return _tasks(reader, _ended(reader, rules, at), rules, at)


def _tasks(
    reader: LedgerReader, facts: pl.DataFrame, rules: ClosureRules, at: Clocks
) -> pl.DataFrame:
    letters = reader.query(stored.LETTERS, {"kinds": [*LETTERS], "on": at.on})
    collateral = reader.query(stored.HELD, {"on": at.on}).select("loan_key", "reference", "returned_on")  # fmt: skip
    return tasks(facts.select(ENDED.names()).cast(ENDED), letters, collateral, rules, at.on)


def make_letters(
    ledger: Ledger, reader: LedgerReader, policies: PolicyBook, at: Clocks
) -> pl.DataFrame:
    """Make the letters that are to be made by the end of a date; the documents (`DOCUMENT`) that are new. Safe to repeat."""
    rules = policies.in_force(ClosureRules, RULES, at.on)
    facts = _ended(reader, rules, at)
    todo = _tasks(reader, facts, rules, at).filter((pl.col("what") == "letter") & pl.col("done_on").is_null())  # fmt: skip
    persons = persons_of_loans(ledger, todo["loan_id"])
    rows = todo.select("loan_id", "ended_on", kind="reference").join(
        facts, on=["loan_id", "ended_on"]
    ).join(persons, on="loan_id", how="left").sort("ended_on", "loan_key", "kind")  # fmt: skip
    made = [_made(ledger, part, at.on) for part in rows.iter_slices(AT_ONCE)]
    return pl.concat([pl.DataFrame(schema=DOCUMENT), *made])


def _made(ledger: Ledger, rows: pl.DataFrame, on: dt.date) -> pl.DataFrame:
    """Letters of some loans, made and kept; the documents (`DOCUMENT`) that are new."""
    named = read_instance(ledger.settings.home).entity
    letters = [_letter(row, named, on) for row in rows.to_dicts()]
    drafts = [Draft(each.kind, each.canonical, page_of(each), loan_key=each.loan_key) for each in letters]  # fmt: skip
    known = versions_of_loans(ledger, rows["loan_key"].to_list())
    return keep_documents(ledger, documents(DocumentStore(ledger.settings), drafts, known))


def _letter(row: dict[str, object], named: str | None, on: dt.date) -> Letter:
    kept = (
        "kind",
        "loan_key",
        "product",
        "currency",
        "jurisdiction",
        "ended_on",
        "lent",
        "paid",
        "given_up",
        "owed",
    )
    told = {name: row[name] for name in kept}
    return Letter.model_validate(
        {**told, "lender": named or row["lender"], "person": row["person"] or "", "made_on": on}
    )


def page_of(letter: Letter) -> Page:
    """The page of a letter, with its own date: it is the same whenever it is made."""
    return Page(TEMPLATE, letter_words(letter), letter.made_on)
