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
from loanbook.core.store.agreements.documents import DOCUMENT
from loanbook.core.store.agreements.keeping import keep
from loanbook.core.store.instance import read_instance
from loanbook.core.store.known.persons import persons_of_loans
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.rendering import Page, all_rendered, template_hash

if TYPE_CHECKING:
    from loanbook.core.store.clocks import Clocks
    from loanbook.core.store.reader import LedgerReader
    from loanbook.core.store.writer import Ledger

RULES = "standard"
"""The policy of closure that counts."""


def ended(reader: LedgerReader, at: Clocks) -> pl.DataFrame:
    """Loans that ended by a date, or are charged off on it, with what their letters say."""
    rows = reader.query(
        stored.ENDED,
        {"on": at.on, "known": at.known, "version": at.known, "losses": stored.losses()},
    )
    codes = {code: unpacked(code) for code in rows["place"].drop_nulls().unique()}
    place = pl.col("place").replace_strict(codes, default="", return_dtype=pl.String)
    return rows.with_columns(jurisdiction=place.fill_null(""))


def tasks_of(reader: LedgerReader, policies: PolicyBook, at: Clocks) -> pl.DataFrame:
    """What is to be done of loans that ended, on a date (`loanbook.core.documents.closure.TASKS`)."""
    letters = reader.query(stored.LETTERS, {"kinds": [*LETTERS], "on": at.on})
    collateral = reader.query(stored.HELD, {"on": at.on}).select("loan_key", "reference", "returned_on")  # fmt: skip
    rows = ended(reader, at).select(ENDED.names()).cast(ENDED)
    return tasks(rows, letters, collateral, policies.in_force(ClosureRules, RULES, at.on), at.on)


def make_letters(
    ledger: Ledger, reader: LedgerReader, policies: PolicyBook, at: Clocks
) -> pl.DataFrame:
    """Make the letters that are to be made by the end of a date; the documents (`DOCUMENT`) that are new. Safe to repeat."""
    todo = tasks_of(reader, policies, at).filter((pl.col("what") == "letter") & pl.col("done_on").is_null())  # fmt: skip
    if todo.is_empty():
        return pl.DataFrame(schema=DOCUMENT)
    facts = ended(reader, at)
    persons = persons_of_loans(ledger, todo["loan_id"])
    rows = todo.select("loan_id", "ended_on", kind="reference").join(
        facts, on=["loan_id", "ended_on"]
    ).join(persons, on="loan_id", how="left").sort("ended_on", "loan_key", "kind")  # fmt: skip
    named = read_instance(ledger.settings.home).entity
    letters = [_letter(row, named, at.on) for row in rows.to_dicts()]
    pdfs = all_rendered([page_of(each) for each in letters])
    store, of = DocumentStore(ledger.settings), template_hash(TEMPLATE)
    before = dict(
        ledger.frame("SELECT loan_key || '/' || kind, max(number) FROM {lake}.documents WHERE application_id = '' GROUP BY ALL").rows()
    )  # fmt: skip
    made = [
        {
            "sha256": store.put(pdf), "kind": each.kind, "number": before.get(f"{each.loan_key}/{each.kind}", 0) + 1, "offer_id": "",
            "application_id": "", "loan_key": each.loan_key, "template": TEMPLATE, "template_hash": of, "fields": each.canonical,
            "fields_hash": each.digest, "bytes": len(pdf), "made_on": each.made_on,
        }
        for each, pdf in zip(letters, pdfs, strict=True)
    ]  # fmt: skip
    documents = pl.DataFrame(made, schema=DOCUMENT)

    def none_since() -> bool:
        known = ledger.frame("SELECT sha256 FROM {lake}.documents WHERE sha256 IN (SELECT unnest(?))", [documents["sha256"].to_list()])  # fmt: skip
        return known.is_empty()

    keep(ledger, {"documents": documents}, none_since)
    return documents


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
