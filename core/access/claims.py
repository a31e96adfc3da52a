"""Who a provider of OpenID Connect says somebody is: its claims, read by the policy of the provider.

Claims come from an ID token whose signature was checked where it was received. What they mean here (the name, the
roles, the attributes, a second factor) is said by the policy alone; what it does not name is nothing.
Source: OpenID Connect Core 1.0 §2 and §5.1, RFC 8176 (amr).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from loanbook.core.access.actor import AccessError
from loanbook.core.policy.rights.providers import IdentityProvider


class NotFreshError(AccessError):
    """An answer of a provider that began a session already, or is too old to: the next one may."""


FRESH = dt.timedelta(minutes=10)
"""So old a token may be when a session begins with it."""
SKEW = dt.timedelta(minutes=2)
"""So far the provider's clock may be ahead."""


@dataclass(frozen=True)
class Claimed:
    """Somebody whom a provider vouches for, in the words of this instance."""

    provider: str
    """Name of the policy."""
    subject: str
    """SHA-256 of issuer and subject: who it is, whatever they are called."""
    token: str
    """32 hex digits that name the token: a session begins with it once."""
    name: str
    roles: frozenset[str]
    attributes: Mapping[str, frozenset[str]]
    second_factor: bool


def claimed(
    claims: Mapping[str, Any], providers: Iterable[IdentityProvider], at: dt.datetime
) -> Claimed:
    """What the claims of a token say. AccessError tells what is missing of them."""
    issuer, subject = str(claims.get("iss", "")), str(claims.get("sub", ""))
    found = [each for each in providers if each.issuer == issuer]
    if not issuer or not subject or len(found) != 1:
        raise AccessError(
            f"{len(found)} policies in identity_providers have the issuer {issuer!r}; one must"
        )
    policy = found[0]
    _must_be_fresh(claims, at)
    name = _of(claims, policy.name_claim)
    if len(name) != 1:
        raise AccessError(
            f"the provider gives no {policy.name_claim}, by which {policy.name} names users"
        )
    if policy.name_claim == "email" and claims.get("email_verified") is not True:
        raise AccessError("the provider has not verified the address by which users are named")
    roles = frozenset(
        policy.roles[value] for value in _of(claims, policy.roles_claim) if value in policy.roles
    )
    if not roles:
        raise AccessError(
            f"no value of the claim {policy.roles_claim} gives a role by {policy.name}"
        )
    attributes = {
        str(name): frozenset(_of(claims, claim)) for name, claim in policy.attributes.items()
    }
    who = f"{issuer} {subject}"
    token = " ".join([who, *(str(claims.get(each, "")) for each in ("iat", "nonce", "jti"))])
    return Claimed(
        policy.name, _digest(who), _digest(token)[:32], name[0], roles, attributes,
        bool(set(_of(claims, "amr")) & set(policy.second_factor_amr)),
    )  # fmt: skip


def _must_be_fresh(claims: Mapping[str, Any], at: dt.datetime) -> None:
    """A token begins a session when it comes, not for as long as a browser keeps it."""
    try:
        issued, ends = int(claims["iat"]), int(claims["exp"])
    except (KeyError, TypeError, ValueError) as bad:
        raise AccessError("the token does not say when it was issued and when it ends") from bad
    now = int(at.timestamp())
    if not now - FRESH.total_seconds() <= issued <= now + SKEW.total_seconds() or ends <= now:
        raise NotFreshError("the provider's answer is no longer fresh; sign in again")


def _of(claims: Mapping[str, Any], path: str) -> list[str]:
    """Values of a claim, one or a list of texts; a point leads into a claim of claims."""
    value: Any = claims
    for part in path.split(".") if path not in claims else [path]:
        value = value.get(part) if isinstance(value, Mapping) else None
    told = value if isinstance(value, list) else [value]
    return [each for each in told if isinstance(each, str) and each]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
