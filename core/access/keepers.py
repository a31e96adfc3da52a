"""Who keeps the users: an instance never comes to be without one who can sign in and give roles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loanbook.core.access.deciding import Access, Verdict

KEEPS = "users.manage"
"""The action that somebody must always be able to do."""


@dataclass(frozen=True)
class Held:
    """What of a user decides whether they keep the others."""

    name: str
    roles: frozenset[str]
    can_sign_in: bool
    """A person who is not locked, and has a password, a provider or the operating system to vouch."""


def keepers(access: Access, users: Iterable[Held]) -> set[str]:
    """Names of those who can sign in and keep users."""
    keeping = access.granting(KEEPS)
    return {each.name for each in users if each.can_sign_in and each.roles & keeping}


def leaves_one(access: Access, before: Iterable[Held], after: Iterable[Held]) -> Verdict:
    """Whether a change of users leaves one who keeps them; where nobody did before, nothing is lost."""
    had = keepers(access, before)
    if not had or keepers(access, after):
        return Verdict(True)
    return Verdict(
        False,
        f"{', '.join(sorted(had))} is the last who can sign in and keep users: give another the role first, "
        f"one of {', '.join(sorted(access.granting(KEEPS)))}",
    )
