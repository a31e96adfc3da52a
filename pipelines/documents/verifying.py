"""Every document proven: bytes by the hash that was kept, then signature and coverage, then made again from its fields.

The hash comes first: a valid signature of a PDF is no proof of every byte of the file.
"""

from __future__ import annotations

import hashlib

import polars as pl

from loanbook.core.documents.kinds import ADVERSE_ACTION, KINDS, PROOF
from loanbook.core.documents.letters import LETTERS, Letter
from loanbook.core.documents.notices import Notice
from loanbook.core.documents.paper import Paper
from loanbook.core.store.agreements.documents import documents_of
from loanbook.core.store.queries import Queries
from loanbook.pipelines.documents import closing
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.making import page_of, page_of_notice
from loanbook.pipelines.documents.rendering import (
    Page,
    RenderingError,
    rendered,
    template_hash,
)
from loanbook.pipelines.documents.signing import signature_fault

VERDICTS = pl.Schema({
    "kind": pl.String, "number": pl.Int32, "offer_id": pl.String, "loan_key": pl.String, "file": pl.String,
    "sha256": pl.String, "verdict": pl.String, "fault": pl.String,
})  # fmt: skip
"""A row a file: `file` is unsigned or signed; `verdict` OK, FAIL, or UNKNOWN of what no document names."""


def verified(
    ledger: Queries, store: DocumentStore, of: str | None = None, again: bool = False
) -> pl.DataFrame:
    """A verdict (`VERDICTS`) of each file of the documents, and of files in the store that nobody knows.

    `again`: documents are also made again from the fields that the ledger keeps, where their template is the same still.
    """
    documents = documents_of(ledger, of)
    told = verdicts(store, documents, again)
    if of is not None:
        return told
    known = {*documents["sha256"], *documents["signed_sha256"].drop_nulls()}
    strangers = [
        {"kind": "unknown", "file": "", "sha256": name, "verdict": "UNKNOWN",
         "fault": "no document of the ledger has this hash: a run that was killed left it, or somebody put it there"}
        for name in store.all() if name not in known
    ]  # fmt: skip
    return pl.concat([told, pl.DataFrame(strangers, schema=VERDICTS)])


def verdicts(store: DocumentStore, documents: pl.DataFrame, again: bool = False) -> pl.DataFrame:
    """A verdict (`VERDICTS`) of each file of documents, as `loanbook.core.store.agreements.documents` tells them."""
    rows = [row for each in documents.to_dicts() for row in _of_document(store, each, again)]
    told = pl.DataFrame(rows, schema=VERDICTS)
    return told.unique(
        maintain_order=True
    )  # of copies that several signed the unsigned file is one


def _of_document(
    store: DocumentStore, of: dict[str, object], again: bool
) -> list[dict[str, object]]:
    fault = store.fault(str(of["sha256"])) or (_made_otherwise(of) if again else "")
    rows = [_row(of, "unsigned", str(of["sha256"]), fault)]
    signed = of["signed_sha256"]
    if signed is not None:
        data, fault = store.read(str(signed))
        fault = fault or signature_fault(data, str(of["certificate"]))
        rows.append(_row(of, "signed", str(signed), fault))
    return rows


def _row(of: dict[str, object], file: str, sha256: str, fault: str) -> dict[str, object]:
    named = {name: of[name] for name in ("kind", "number", "offer_id", "loan_key")}
    return {
        **named,
        "file": file,
        "sha256": sha256,
        "verdict": "FAIL" if fault else "OK",
        "fault": fault,
    }


def _made_otherwise(of: dict[str, object]) -> str:
    """What of a document made again differs; empty: nothing, or its template is another by now, or it is no paper's."""
    kind = str(of["kind"])
    if kind not in (*KINDS, *LETTERS) or kind == PROOF.name:
        return ""
    paper = _of_kind(kind).model_validate_json(str(of["fields"]))
    if paper.digest != of["fields_hash"]:
        return "has fields that are not those it was made of"
    if template_hash(str(of["template"])) != of["template_hash"]:
        return ""
    try:
        page = _page(kind, paper)
        made = hashlib.sha256(rendered(page)).hexdigest()
    except RenderingError as error:
        return f"can't be made again: {error}"
    return "" if made == of["sha256"] else f"made again from its fields it has the hash {made[:12]}"


def _of_kind(kind: str) -> type[Paper] | type[Letter] | type[Notice]:
    if kind == ADVERSE_ACTION.name:
        return Notice
    return Letter if kind in LETTERS else Paper


def _page(kind: str, paper: Paper | Letter | Notice) -> Page:
    if isinstance(paper, Notice):
        return page_of_notice(paper)
    return closing.page_of(paper) if isinstance(paper, Letter) else page_of(kind, paper)
