"""The fields of a document, as a value: what it says is kept as JSON, known by its hash, and rendered anew from it."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict


class Fields(BaseModel):
    """What a document says; the order of its fields is that of their JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def canonical(self) -> str:
        """The fields as JSON, the same text for the same fields."""
        return self.model_dump_json()

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()
