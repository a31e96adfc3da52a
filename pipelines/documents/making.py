"""Papers to documents: each kind rendered by its template, kept by its hash, with the fields that it was made of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from loanbook.core.documents.kinds import ADVERSE_ACTION, AGREEMENT, OFFER
from loanbook.core.documents.notices import Notice, notice_words
from loanbook.core.documents.paper import Paper
from loanbook.core.documents.wording import told
from loanbook.core.store.agreements.documents import DOCUMENT, versions
from loanbook.core.store.queries import Queries
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.rendering import Page, all_rendered, template_hash

AT_ONCE = 500
"""So many letters are made and kept together: a run that is killed makes the others when it runs again."""


def kinds_of(paper: Paper) -> tuple[str, ...]:
    """Kinds of document that an offer comes with."""
    return (OFFER.name, paper.disclosure, AGREEMENT.name)


def page_of(kind: str, paper: Paper) -> Page:
    """The page of a paper's document, with the date of the offer: it is the same whenever it is made."""
    return Page(kind, told(kind, paper), paper.made_on)


def page_of_notice(notice: Notice) -> Page:
    """The page of a notice of adverse action."""
    return Page(ADVERSE_ACTION.name, notice_words(notice), notice.made_on)


@dataclass(frozen=True)
class Draft:
    """A document before it is made: what it says (JSON), how that is set, and what it is of."""

    kind: str
    fields: str
    page: Page
    offer_id: str = ""
    application_id: str = ""
    loan_key: str = ""

    @property
    def versioned_by(self) -> tuple[str, str]:
        """What its versions are counted by: its application, or else its loan, and its kind."""
        return self.application_id or self.loan_key, self.kind


def documents(store: DocumentStore, drafts: Sequence[Draft], known: pl.DataFrame) -> pl.DataFrame:
    """The documents (`DOCUMENT`) of drafts, rendered and in the store; the ledger is told of them by who asked.

    `known`: what `Draft.versioned_by` tells, in two columns, and the last version of it that is there.
    """
    last = {(of, kind): number for of, kind, number in known.rows()}
    pdfs = all_rendered([each.page for each in drafts])
    hashes = {name: template_hash(name) for name in {each.page.template for each in drafts}}
    rows = []
    for each, pdf in zip(drafts, pdfs, strict=True):
        last[each.versioned_by] = number = last.get(each.versioned_by, 0) + 1
        rows.append({
            "sha256": store.put(pdf), "kind": each.kind, "number": number, "offer_id": each.offer_id,
            "application_id": each.application_id, "loan_key": each.loan_key, "template": each.page.template,
            "template_hash": hashes[each.page.template], "fields": each.fields,
            "fields_hash": hashlib.sha256(each.fields.encode()).hexdigest(), "bytes": len(pdf), "made_on": each.page.on,
        })  # fmt: skip
    return pl.DataFrame(rows, schema=DOCUMENT)


def made(ledger: Queries, store: DocumentStore, papers: Sequence[Paper]) -> pl.DataFrame:
    """The documents of papers, as `documents` makes them."""
    drafts = [
        Draft(kind, paper.canonical, page_of(kind, paper), paper.offer_id, paper.application_id or paper.offer_id, paper.loan_key)
        for paper in papers for kind in kinds_of(paper)
    ]  # fmt: skip
    known = versions(ledger, [each.application_id for each in drafts])
    return documents(store, drafts, known)
