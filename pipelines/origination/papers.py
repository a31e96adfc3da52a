"""Documents of applicants: opened with a reason that the trail keeps, and proven to be what came."""

from __future__ import annotations

import base64
import hashlib

import polars as pl

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.errors import ForgottenError, LedgerError, LoanbookError
from loanbook.core.store.people.acting import denied
from loanbook.core.store.people.audit import Record, log
from loanbook.core.store.people.database import People
from loanbook.core.store.people.in_force import access_of
from loanbook.core.store.queries import InstanceQueries
from loanbook.core.store.sending.vault import Vault
from loanbook.core.store.vault.vault import SHORTEST_REASON

VERDICTS = pl.Schema({"document_id": pl.String, "sha256": pl.String, "verdict": pl.String, "fault": pl.String})  # fmt: skip
"""A row a document: OK, FAIL, or FORGOTTEN of a person whose key is destroyed."""
_ALL = "SELECT document_id, sha256, media, sealed FROM {lake}.applicant_documents"


def opened(
    ledger: InstanceQueries, people: People, actor: Actor, document: str, reason: str
) -> tuple[bytes, str]:
    """A document's bytes and kind. Takes `personal.unmask` of every field, and a reason; LedgerError: it is not what came."""
    if len(reason.strip()) < SHORTEST_REASON:
        raise LoanbookError("say why the document is needed: --reason TEXT, a few words")
    verdict = access_of(people.settings, people).may(actor, "personal.unmask")
    if not verdict.allowed:
        denied(people, actor, verdict.why, f"document {document}")
        raise AccessError(verdict.why)
    found = ledger.frame(f"{_ALL} WHERE document_id = ?", [document])
    if found.height != 1:
        raise LoanbookError(f"no document is named {document!r}; `loanbook apply show` has those of a case")  # fmt: skip
    log(people, actor, Record("person.unmask", ("document", document), detail=reason))
    row = found.row(0, named=True)
    return _bytes(Vault(ledger.settings.lake, ledger.settings), row), row["media"]


def verdicts(ledger: InstanceQueries) -> pl.DataFrame:
    """A verdict (`VERDICTS`) of each document; nobody sees what stands in them."""
    vault = Vault(ledger.settings.lake, ledger.settings)
    rows = []
    for row in ledger.frame(f"{_ALL} ORDER BY document_id").iter_rows(named=True):
        word, fault = "OK", ""
        try:
            _bytes(vault, row)
        except LedgerError as error:
            word, fault = "FORGOTTEN" if isinstance(error, ForgottenError) else "FAIL", str(error)
        rows.append((row["document_id"], row["sha256"], word, fault))
    return pl.DataFrame(rows, schema=VERDICTS, orient="row")


def _bytes(vault: Vault, row: dict[str, object]) -> bytes:
    """A document as it came. LedgerError: it can't be opened, or is not what came."""
    sealed, name = row["sealed"], str(row["document_id"])
    assert isinstance(sealed, bytes)
    data = base64.b64decode(vault.opened_text(name, sealed))
    found = hashlib.sha256(data).hexdigest()
    if found != row["sha256"]:
        raise LedgerError(f"document {name} is not what came: its bytes have the hash {found[:12]}")
    return data
