"""Providers of OpenID Connect: what their claims mean here, and which roles they give."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from loanbook.core.policy.base import Name, Policy

Claim = Annotated[str, StringConstraints(pattern=r"^[\w.:/-]{1,200}$")]
Attribute = Literal["entity", "product", "region", "account"]
_LOOPBACK = ("http://127.0.0.1", "http://localhost")


class IdentityProvider(Policy):
    """Who may sign in by a provider, as whom, and with which roles: what it says of a person, mapped."""

    issuer: str = Field(description="`iss` of its tokens, to the letter: https://id.example.com")
    name_claim: Claim = Field(
        default="preferred_username",
        description="claim that names the user; an email must be verified by the provider",
    )
    roles_claim: Claim = Field(
        default="groups",
        description="claim whose values give roles; a point leads into it: realm_access.roles",
    )
    roles: dict[str, Name] = Field(
        min_length=1,
        description="role by value of the claim; what is not named gives none, and without any nobody signs in",
    )
    attributes: dict[Attribute, Claim] = Field(
        default={}, description="claim by attribute of the user that rows are filtered by"
    )
    second_factor_amr: list[str] = Field(
        default=["mfa", "otp", "hwk"],
        description="values of `amr` (RFC 8176) that say that a second factor was used",
    )

    @model_validator(mode="after")
    def _is_safe(self) -> IdentityProvider:
        host = self.issuer.removesuffix("/").rsplit(":", 1)[0]
        if not self.issuer.startswith("https://") and not (
            host in _LOOPBACK or self.issuer.removesuffix("/") in _LOOPBACK
        ):
            raise ValueError("issuer: write an address that begins with https://")
        return self
