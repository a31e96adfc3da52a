"""The store of documents: files by the SHA-256 of their content, in the instance's folder, each written once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from loanbook.core.errors import LedgerError
from loanbook.core.store.people.keys import make_file
from loanbook.core.store.settings import Settings


class DocumentStore:
    """Files by the hash of their content; only the lender's own user may look into them."""

    def __init__(self, where: Settings) -> None:
        self.folder = where.home / "documents"

    def path(self, sha256: str) -> Path:
        """Where a document lies, or would."""
        return self.folder / sha256[:2] / f"{sha256}.pdf"

    def put(self, data: bytes) -> str:
        """Keep a document; its hash. One that is there already is left as it is."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_file(self.path(sha256), data)
        return sha256

    def get(self, sha256: str) -> bytes:
        """A document as it was kept. LedgerError: it is not there, or is another."""
        data, fault = self.read(sha256)
        if fault:
            raise LedgerError(
                f"document {sha256[:12]} {fault}: put {self.path(sha256)} back from a backup"
            )
        return data

    def fault(self, sha256: str) -> str:
        """What is wrong with a document's bytes; empty: they are those that were kept."""
        return self.read(sha256)[1]

    def read(self, sha256: str) -> tuple[bytes, str]:
        """A document's bytes as they lie there, and what is wrong with these; empty: they are those that were kept."""
        try:
            data = self.path(sha256).read_bytes()
        except FileNotFoundError:
            return b"", "is not there"
        except OSError as error:
            return b"", f"can't be read ({error.strerror})"
        found = hashlib.sha256(data).hexdigest()
        same = found == sha256
        return data, "" if same else f"is not what was kept: its bytes have the hash {found[:12]}"

    def all(self) -> Iterator[str]:
        """Hashes by whose name a file lies in the store."""
        for path in sorted(self.folder.glob("[0-9a-f][0-9a-f]/*.pdf")):
            yield path.stem
