"""Papers to documents: each kind rendered by its template, kept by its hash, with the fields that it was made of."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from loanbook.core.documents.kinds import ADVERSE_ACTION, AGREEMENT, OFFER
from loanbook.core.documents.notices import Notice, notice_words
from loanbook.core.documents.paper import Paper
from loanbook.core.documents.wording import told
from loanbook.core.store.agreements.documents import DOCUMENT, versions
from loanbook.core.store.queries import Queries
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.rendering import Page, all_rendered, template_hash


def kinds_of(paper: Paper) -> tuple[str, ...]:
    """Kinds of document that an offer comes with."""
    return (OFFER.name, paper.disclosure, AGREEMENT.name)


def page_of(kind: str, paper: Paper) -> Page:
    """The page of a paper's document, with the date of the offer: it is the same whenever it is made."""
    return Page(kind, told(kind, paper), paper.made_on)


def page_of_notice(notice: Notice) -> Page:
    """The page of a notice of adverse action."""
    return Page(ADVERSE_ACTION.name, notice_words(notice), notice.made_on)


def made(ledger: Queries, store: DocumentStore, papers: Sequence[Paper]) -> pl.DataFrame:
    """The documents of papers (`DOCUMENT`), rendered and in the store; the ledger is told of them by who asked."""
    of = [(paper, kind) for paper in papers for kind in kinds_of(paper)]
    pdfs = all_rendered([page_of(kind, paper) for paper, kind in of])
    ids = [paper.application_id or paper.offer_id for paper, _ in of]
    known = {(a, k): last for a, k, last in versions(ledger, ids).rows()}
    hashes = {kind: template_hash(kind) for kind in {kind for _, kind in of}}
    rows = []
    for (paper, kind), pdf, id_ in zip(of, pdfs, ids, strict=True):
        known[id_, kind] = known.get((id_, kind), 0) + 1
        rows.append({
            "sha256": store.put(pdf), "kind": kind, "number": known[id_, kind], "offer_id": paper.offer_id,
            "application_id": id_, "loan_key": paper.loan_key, "template": kind, "template_hash": hashes[kind],
            "fields": paper.canonical, "fields_hash": paper.digest, "bytes": len(pdf), "made_on": paper.made_on,
        })  # fmt: skip
    return pl.DataFrame(rows, schema=DOCUMENT)
