"""What the keys of the vault stand under: the instance's master key, or a key management service.

A service wraps and opens a handful of keys, not those of persons: what it costs does not grow with the book.
"""

from __future__ import annotations

import importlib
from typing import Protocol

from loanbook.core.errors import LedgerError
from loanbook.core.store.people.database import People
from loanbook.core.store.people.keys import master_keys, opened, sealed
from loanbook.core.store.settings import Settings


class Root(Protocol):
    """Wraps keys under one that it keeps itself, as key management services do."""

    def wrap(self, key: bytes, about: str) -> bytes:
        """A key under the newest key of the root, bound to what it is about (the encryption context)."""

    def unwrap(self, wrapped: bytes, about: str) -> bytes:
        """A key that was wrapped under any key that the root still knows; LedgerError where it does not."""


class MasterKey:
    """The master key in a file of mode 600, or in the environment, with the one that is about to follow it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def wrap(self, key: bytes, about: str) -> bytes:
        """Under the newest master key."""
        return sealed(key, master_keys(self._settings)[0], about)

    def unwrap(self, wrapped: bytes, about: str) -> bytes:
        """By any master key that is there."""
        return opened(wrapped, master_keys(self._settings), about)


def root_of(people: People) -> Root:
    """The root that `[people] key_service` names, else the master key."""
    named = people.rules.key_service
    if not named:
        return MasterKey(people.settings)
    module, _, name = named.partition(":")
    try:
        made: Root = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise LedgerError(
            f"loanbook.toml: [people] key_service: {named} can't be loaded: {error}; install it, or mend its name"
        ) from error
    return made
