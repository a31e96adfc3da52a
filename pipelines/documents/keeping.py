"""The store of documents: files by the SHA-256 of their content, in the instance's folder, each written once."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from loanbook.core.errors import LedgerError
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
        path = self.path(sha256)
        if path.exists():
            return sha256
        for folder in (self.folder, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f".{sha256}.{secrets.token_hex(4)}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)  # whole before its name is there, and the same bytes whoever was first
        return sha256

    def get(self, sha256: str) -> bytes:
        """A document as it was kept. LedgerError: it is not there, or is another."""
        fault = self.fault(sha256)
        if fault:
            raise LedgerError(
                f"document {sha256[:12]} {fault}: put {self.path(sha256)} back from a backup"
            )
        return self.path(sha256).read_bytes()

    def fault(self, sha256: str) -> str:
        """What is wrong with a document's bytes; empty: they are those that were kept."""
        try:
            data = self.path(sha256).read_bytes()
        except FileNotFoundError:
            return "is not there"
        except OSError as error:
            return f"can't be read ({error.strerror})"
        found = hashlib.sha256(data).hexdigest()
        return (
            "" if found == sha256 else f"is not what was kept: its bytes have the hash {found[:12]}"
        )

    def all(self) -> Iterator[str]:
        """Hashes by whose name a file lies in the store."""
        for path in sorted(self.folder.glob("[0-9a-f][0-9a-f]/*.pdf")):
            yield path.stem
