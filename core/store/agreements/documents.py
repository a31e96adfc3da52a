"""Documents and signatures, as the ledger keeps them: what each is of, and the hashes of its bytes."""

from __future__ import annotations

import polars as pl

from loanbook.core.contract.terms import Terms
from loanbook.core.documents.kinds import AGREEMENT
from loanbook.core.documents.matching import ON_PAPER
from loanbook.core.documents.offers import WITHDRAWN
from loanbook.core.errors import LedgerError
from loanbook.core.frames import empty
from loanbook.core.store.agreements.keeping import keep
from loanbook.core.store.queries import Queries

DOCUMENT = pl.Schema({
    "sha256": pl.String, "kind": pl.String, "number": pl.Int32, "offer_id": pl.String, "application_id": pl.String,
    "loan_key": pl.String, "template": pl.String, "template_hash": pl.String, "fields": pl.String,
    "fields_hash": pl.String, "bytes": pl.Int64, "made_on": pl.Date,
})  # fmt: skip
"""A document: `number` is its version among those of its kind and application."""
_SIGNATURE: dict[str, pl.DataType | type[pl.DataType]] = {
    "sha256": pl.String, "signed_sha256": pl.String, "offer_id": pl.String, "signer": pl.String, "mask": pl.String,
    "provider": pl.String, "reference": pl.String, "code": pl.Int32, "latency_ms": pl.Int64,
    "signed_at": pl.Datetime("us"), "certificate": pl.String, "certificate_sha256": pl.String,
}  # fmt: skip
SIGNATURE = pl.Schema(_SIGNATURE)
"""A signature: `signer` is the token of a person of the vault."""


def documents_of(ledger: Queries, of: str | None = None) -> pl.DataFrame:
    """Documents (`DOCUMENT`) with what was signed of each (`SIGNATURE`; null: nothing), by application, kind and version.

    `of`: only those of an offer, a loan, an application or the beginning of a hash.
    """
    whose = "$of IN (d.offer_id, d.loan_key, d.application_id) OR starts_with(d.sha256, $of)"
    return _documents(ledger, whose, {"of": of}) if of else _documents(ledger, "TRUE", {})


def agreements_of(ledger: Queries, offers: list[str]) -> pl.DataFrame:
    """As `documents_of`, the agreements of offers alone, by their ids."""
    whose = "d.kind = $kind AND d.offer_id IN (SELECT unnest($offers))"
    return _documents(ledger, whose, {"kind": AGREEMENT.name, "offers": offers})


def _documents(ledger: Queries, where: str, parameters: dict[str, object]) -> pl.DataFrame:
    return ledger.frame(
        f"""
        SELECT d.*, s.signed_sha256, s.mask AS signed_by, s.signed_at, s.provider, s.certificate, s.certificate_sha256
        FROM {{lake}}.documents d LEFT JOIN {{lake}}.signatures s ON s.sha256 = d.sha256 WHERE {where}
        ORDER BY d.application_id, d.kind, d.number, d.offer_id, s.signed_at
        """,
        parameters,
    )  # fmt: skip


def document(ledger: Queries, sha256: str) -> dict[str, object]:
    """A document by its hash, or the beginning of it. LedgerError: there is none, or are several."""
    found = documents_of(ledger, sha256) if len(sha256) >= 6 else documents_of(ledger).clear()
    found = found.unique("sha256", keep="last", maintain_order=True)  # several may have signed it
    if found.height != 1:
        raise LedgerError(
            f"{'no document has' if found.is_empty() else 'several documents have'} a hash that begins with {sha256!r}; "
            "write six or more signs of it, as `loanbook documents list` shows"
        )
    return found.row(0, named=True)


def versions(ledger: Queries, applications: list[str]) -> pl.DataFrame:
    """`application_id`, `kind` and the last `number` of documents that are there."""
    return ledger.frame(
        "SELECT application_id, kind, max(number)::INTEGER AS last FROM {lake}.documents "
        "WHERE application_id IN (SELECT unnest(?)) GROUP BY ALL", [applications],
    )  # fmt: skip


def versions_of_loans(ledger: Queries, loan_keys: list[str]) -> pl.DataFrame:
    """`loan_key`, `kind` and the last `number` of documents of loans that are of no application."""
    return ledger.frame(
        "SELECT loan_key, kind, max(number)::INTEGER AS last FROM {lake}.documents "
        "WHERE application_id = '' AND loan_key IN (SELECT unnest(?)) GROUP BY ALL", [loan_keys],
    )  # fmt: skip


def keep_documents(ledger: Queries, documents: pl.DataFrame) -> pl.DataFrame:
    """Keep documents (`DOCUMENT`) together; those that are new: none of them where another run kept one meanwhile."""

    def none_since() -> bool:
        known = ledger.frame(
            "SELECT sha256 FROM {lake}.documents WHERE sha256 IN (SELECT unnest(?))", [documents["sha256"].to_list()]
        )  # fmt: skip
        return known.is_empty()

    return documents if keep(ledger, {"documents": documents}, none_since) else documents.clear()


def signed_by(ledger: Queries, offer_id: str) -> set[str]:
    """Tokens of the persons who signed the agreement of an offer."""
    rows = ledger.frame("SELECT signer FROM {lake}.signatures WHERE offer_id = ?", [offer_id])
    return set(rows["signer"])


def signed_agreements(ledger: Queries, keys: pl.Series | None = None) -> pl.DataFrame:
    """`loan_key`, `offer_id`, `fields` (JSON), `sha256`, `signed_sha256` of agreements that all
    who are bound have signed and that are not withdrawn; the hash of the copy that was signed last.

    `keys`: of these loans alone.
    """
    among = "AND d.loan_key IN (SELECT loan_key FROM _keys)" if keys is not None else ""
    tables = {} if keys is None else {"_keys": keys.unique().to_frame("loan_key")}
    return ledger.beside(
        f"""
        SELECT d.loan_key, d.offer_id, d.fields, d.sha256, s.detail AS signed_sha256
        FROM {{lake}}.documents d JOIN {{lake}}.offer_steps s ON s.offer_id = d.offer_id AND s.step = 'signed'
        WHERE d.kind = ? {among} AND NOT EXISTS (SELECT 1 FROM {{lake}}.offer_steps w
              WHERE w.offer_id = d.offer_id AND w.step = ?)
        ORDER BY d.loan_key
        """,
        [AGREEMENT.name, WITHDRAWN], **tables,
    )  # fmt: skip


def signed_terms(ledger: Queries, keys: pl.Series) -> pl.DataFrame:
    """`loan_key` and the terms (`loanbook.core.documents.matching.ON_PAPER`, typed) of signed agreements of loans."""
    signed = signed_agreements(ledger, keys)
    types = {name: type_ for name, type_ in empty(Terms).schema.items() if name in ON_PAPER}
    texts = pl.Struct(
        {name: pl.String if type_ == pl.Date else type_ for name, type_ in types.items()}
    )
    if signed.is_empty():
        return pl.DataFrame(schema={"loan_key": pl.String, **types})
    terms = pl.col("fields").str.json_path_match("$.terms").str.json_decode(texts)
    told = signed.select("loan_key", terms=terms).unnest("terms")
    return told.with_columns(
        pl.col(name).str.to_date() for name, type_ in types.items() if type_ == pl.Date
    )
