"""Roles and providers of an instance that are in force today, as its files say."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import TYPE_CHECKING

from loanbook.core.errors import PolicyError
from loanbook.core.store.instance import policies_folder, policy_files
from loanbook.core.store.settings import Settings

if TYPE_CHECKING:
    from loanbook.core.access.deciding import Access
    from loanbook.core.policy.rights.providers import IdentityProvider
    from loanbook.core.policy.rights.roles import Role
    from loanbook.core.store.people.database import People


def access_of(where: Settings, people: People | None = None) -> Access:
    """The roles of an instance that are in force today."""
    from loanbook.core.access.deciding import Access

    today = (people.clock() if people else dt.datetime.now(dt.UTC)).date()
    found = _roles(tuple(policy_files(policies_folder(where.home), "roles")))
    if not found:
        raise PolicyError(
            f"{policies_folder(where.home)} has no folder of roles: put roles/NAME.yaml there, as those that "
            "`loanbook init` makes"
        )
    return Access(found, today)


@lru_cache(maxsize=4)
def _roles(files: tuple[tuple[str, str, str], ...]) -> list[Role]:
    """Roles of files, read once while the files say the same: pages ask on every run."""
    from loanbook.core.policy.book import parse
    from loanbook.core.policy.rights.roles import Role

    return [role for each in files if isinstance(role := parse(*each), Role)]


def providers_of(people: People) -> list[IdentityProvider]:
    """Of each provider of an instance the version that is in force today."""
    from loanbook.core.policy.book import parse
    from loanbook.core.policy.rights.providers import IdentityProvider

    today = people.clock().date()
    found = [
        policy
        for folder, file, text in policy_files(
            policies_folder(people.settings.home), "identity_providers"
        )
        if isinstance(policy := parse(folder, file, text), IdentityProvider)
        and policy.effective_from <= today
    ]
    ordered = sorted(found, key=lambda each: (each.effective_from, each.version))
    return list({each.name: each for each in ordered}.values())
