"""Who acts: a person, a service, or whoever sits before a demo."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from loanbook.core.errors import LoanbookError


class AccessError(LoanbookError):
    """Nobody is known to act, or who acts may not do that; the message names what is missing."""


@dataclass(frozen=True)
class Actor:
    """Who acts, how that is known, and what is known of them."""

    name: str
    kind: Literal["person", "service", "demo"] = "person"
    roles: frozenset[str] = frozenset()
    attributes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Values by name of the attribute: region, product, entity, account, delegate_of, own_loan."""
    second_factor: bool = False
    """Whether the sign-in had a second factor."""
    session: str = ""
    """Public id of the session; empty: the operating system vouches."""
    address: str = ""
    device: str = ""

    @property
    def words(self) -> str:
        """As versions and events name it: `user:ann`, `service:dagster`."""
        return f"{'service' if self.kind == 'service' else 'user'}:{self.name}"


def plain_name(text: str) -> str:
    """A name without what writing it changes: width and form of letters, case, spaces.

    Two names that come out equal are one person: `Ann`, ` ann` and `ａｎｎ` are.
    """
    while True:  # without spaces, marks may join the letter before them
        folded = unicodedata.normalize("NFKC", text).casefold()
        plain = "".join(c for c in folded if not c.isspace() and unicodedata.category(c) != "Cf")
        if plain == text:
            return plain
        text = plain
