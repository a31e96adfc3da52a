"""`loanbook documents`: what was shown and signed, proven byte by byte."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from loanbook.core.words import counted
from loanbook.pipelines.commands.agreements.acting import lake
from loanbook.pipelines.commands.console import AsCsv, AsJson, iso_date, out, piped, show

Of = Annotated[
    str | None,
    typer.Argument(help="Of an offer, a loan, an application, or the beginning of a hash."),
]
Hash = Annotated[str, typer.Argument(help="The beginning of a document's hash, six signs or more.")]


def list_documents(of: Of = None, as_of: Annotated[str | None, typer.Option("--as-of", help="As they were on a date.")] = None,
                   as_json: AsJson = False, as_csv: AsCsv = False) -> None:  # fmt: skip
    """Documents with their version, hash, and who signed when."""
    from loanbook.core.store.agreements.documents import documents_of

    day = iso_date(as_of, "--as-of")
    with lake() as ledger:
        rows = documents_of(ledger, of)
    rows = rows.filter(pl.col("made_on") <= day) if day else rows
    told = rows.select("kind", version="number", application="application_id", offer="offer_id", loan="loan_key", made="made_on",
                       sha256=pl.col("sha256").str.slice(0, 12), signed=pl.col("signed_sha256").str.slice(0, 12),
                       by="signed_by", at=pl.col("signed_at").dt.truncate("1s"), template=pl.col("template_hash").str.slice(0, 8))  # fmt: skip
    if not piped(told, as_json, as_csv):
        show(told) if told.height else out.print("No document.")


def show_document(sha256: Hash, to: Annotated[Path | None, typer.Option(help="Write the PDF there.")] = None,
                  signed: Annotated[bool, typer.Option("--signed", help="The file as it was signed.")] = False) -> None:  # fmt: skip
    """The fields of a document, and its file, once its bytes are proven to be those that were kept."""
    from loanbook.core.errors import LedgerError
    from loanbook.core.store.agreements.documents import document
    from loanbook.pipelines.documents.keeping import DocumentStore

    with lake() as ledger:
        found = document(ledger, sha256)
        name = found["signed_sha256"] if signed else found["sha256"]
        if name is None:
            raise LedgerError(f"document {sha256} is not signed; leave --signed out")
        data = DocumentStore(ledger.settings).get(str(name))
    if to is None:
        out.print_json(str(found["fields"]))
        return
    path = to / f"{found['kind']}_{str(name)[:12]}.pdf" if to.is_dir() else to
    path.write_bytes(data)
    out.print(f"{path}: {len(data)} bytes, SHA-256 {name}")


def verify(of: Of = None, again: Annotated[bool, typer.Option("--again", help="Make each anew from its fields, too.")] = False,
           as_json: AsJson = False, as_csv: AsCsv = False) -> None:  # fmt: skip
    """Prove every file: its bytes by the hash that was kept, then signature and coverage. One fault ends with exit code 1."""
    from loanbook.pipelines.documents.keeping import DocumentStore
    from loanbook.pipelines.documents.verifying import verified

    with lake() as ledger:
        rows = verified(ledger, DocumentStore(ledger.settings), of, again)
    bad, strange = (rows.filter(pl.col("verdict") == verdict) for verdict in ("FAIL", "UNKNOWN"))
    if not piped(rows, as_json, as_csv):
        if bad.height:
            show(bad.drop("number", "verdict"), "FAIL")
        if strange.height:
            show(strange.select("sha256", "fault"), "Files that no document names")
        good = rows.height - bad.height - strange.height
        out.print(f"{counted(good, 'file')} OK, {bad.height} FAIL")
    if bad.height:
        raise typer.Exit(1)


def diff(before: Hash, after: Hash, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Fields in which two documents differ: terms, figures, instalments, parties."""
    from loanbook.core.documents.matching import differences
    from loanbook.core.store.agreements.documents import document

    with lake() as ledger:
        one, other = (str(document(ledger, sha256)["fields"]) for sha256 in (before, after))
    rows = differences(one, other)
    if not piped(rows, as_json, as_csv):
        show(rows) if rows.height else out.print("They say the same.")
