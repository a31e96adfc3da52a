"""Who may read which page, who is left to keep users, and what a provider's claims mean: decided without a database."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.access.claims import NotFreshError, claimed
from loanbook.core.access.deciding import Access
from loanbook.core.access.keepers import Held, keepers, leaves_one
from loanbook.core.access.pages import PAGES, may_see
from loanbook.core.errors import PolicyError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.policy.rights.providers import IdentityProvider
from loanbook.core.policy.rights.roles import Role

TODAY = dt.date(2026, 3, 2)
AT = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
READERS = "analyst approver compliance scheduler senior-underwriter servicing underwriter"
AGENTS = "collector collection-agent"
OTHERS = {
    "loan": f"{READERS} {AGENTS}",
    "collections": f"{READERS} {AGENTS}",
    "metrics": f"{READERS} {AGENTS} administrator reminders",
    "approvals": f"approver {AGENTS} senior-underwriter servicing underwriter",
    "audit": "administrator compliance",
    "users": "administrator compliance",
}
"""The shipped roles that read a page, where they are not all that read every loan."""


@pytest.fixture
def access(policies: PolicyBook) -> Access:
    return Access([p for _, p in policies.policies if isinstance(p, Role)], TODAY)


def test_each_shipped_role_reads_the_pages_that_the_matrix_says_and_no_other(
    access: Access,
) -> None:
    for path, asked in PAGES.items():
        for role in access.roles:
            strong = Actor("ann", roles=frozenset({role}), second_factor=True)
            verdict = may_see(access, strong, asked)
            assert verdict.allowed == (role in OTHERS.get(path, READERS).split()), (path, role)
            assert verdict.allowed or verdict.why
            if access.roles[role].second_factor and asked.actions:
                assert not may_see(access, Actor("ann", roles=frozenset({role})), asked).allowed
        assert may_see(access, Actor("x", "demo"), asked).allowed
        assert may_see(access, Actor("nobody"), asked).allowed == (not asked.actions)


def test_somebody_always_keeps_the_users(access: Access) -> None:
    admin = frozenset({"administrator"})
    root, second = Held("root", admin, True), Held("second", admin, True)
    locked, other = Held("root", admin, False), Held("ann", frozenset({"analyst"}), True)
    assert keepers(access, [root, other, Held("second", admin, False)]) == {"root"}
    assert leaves_one(access, [root, second, other], [locked, second, other]).allowed
    verdict = leaves_one(access, [root, other], [locked, other])
    assert not verdict.allowed
    assert "root is the last" in verdict.why
    # where nobody kept users before, nothing is lost by a change
    assert leaves_one(access, [locked, other], [locked, other]).allowed


PROVIDER = """
name: house
version: 1
effective_from: 2000-01-01
issuer: https://id.example.com
name_claim: preferred_username
roles_claim: realm_access.roles
roles: {risk: analyst, sign: approver}
attributes: {region: places}
"""
CLAIMS: dict[str, Any] = {
    "iss": "https://id.example.com", "sub": "42", "iat": int(AT.timestamp()) - 5,
    "exp": int(AT.timestamp()) + 300, "nonce": "n1", "preferred_username": "ann",
    "realm_access": {"roles": ["risk", "unknown"]}, "places": "US-CA", "amr": ["pwd", "otp"],
}  # fmt: skip


def _provider(**changes: str) -> IdentityProvider:
    text = PROVIDER
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    policy = parse("identity_providers", "house.yaml", text)
    assert isinstance(policy, IdentityProvider)
    return policy


def test_claims_give_what_the_policy_names_and_nothing_else() -> None:
    who = claimed(CLAIMS, [_provider()], AT)
    assert (who.name, who.roles, who.second_factor) == ("ann", {"analyst"}, True)
    assert who.attributes == {"region": {"US-CA"}}
    # the same person under another name is the same; another token is another
    renamed = claimed({**CLAIMS, "preferred_username": "anna", "nonce": "n2"}, [_provider()], AT)
    assert (renamed.subject, renamed.token == who.token) == (who.subject, False)
    assert not claimed({**CLAIMS, "amr": ["pwd"]}, [_provider()], AT).second_factor
    assert not claimed({**CLAIMS, "amr": None}, [_provider()], AT).second_factor


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://other.example.com"}, "0 policies"),
        ({"sub": ""}, "one must"),
        ({"realm_access": {"roles": ["unknown"]}}, "gives a role"),
        ({"realm_access": None}, "gives a role"),
        ({"preferred_username": ["a", "b"]}, "no preferred_username"),
        ({"preferred_username": None}, "no preferred_username"),
        ({"iat": None}, "when it was issued"),
        ({"iat": int(AT.timestamp()) - 601}, "no longer fresh"),
        ({"iat": int(AT.timestamp()) + 121}, "no longer fresh"),
        ({"exp": int(AT.timestamp())}, "no longer fresh"),
    ],
)
def test_claims_that_say_too_little_or_come_too_late_begin_nothing(
    changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(AccessError, match=why) as error:
        claimed({**CLAIMS, **changes}, [_provider()], AT)
    assert isinstance(error.value, NotFreshError) == ("fresh" in why)


def test_an_address_names_somebody_once_the_provider_verified_it() -> None:
    by_mail = _provider(preferred_username="email")
    with pytest.raises(AccessError, match="not verified"):
        claimed({**CLAIMS, "email": "ann@example.com"}, [by_mail], AT)
    told = {**CLAIMS, "email": "ann@example.com", "email_verified": True}
    assert claimed(told, [by_mail], AT).name == "ann@example.com"


def test_a_provider_that_is_not_safe_or_gives_no_known_role_is_refused(
    policies: PolicyBook,
) -> None:
    with pytest.raises(PolicyError, match="https://"):
        _provider(**{"https://id": "http://id"})
    with pytest.raises(PolicyError, match="https://"):
        _provider(**{"https://id.example.com": "http://localhost.evil.example"})
    assert _provider(**{"https://id.example.com": "http://127.0.0.1:9400"})
    files = [("identity_providers", "house.yaml", PROVIDER.replace("approver", "approvers"))]
    with pytest.raises(PolicyError, match="field roles: no Role is named 'approvers'"):
        PolicyBook.of([*_roles(), *files])


def _roles() -> list[tuple[str, str, str]]:
    from loanbook.core.store.instance import SHIPPED_POLICIES, policy_files

    return policy_files(SHIPPED_POLICIES, "roles")
