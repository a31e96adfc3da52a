"""A provider of OpenID Connect: how this instance is known to it. What its claims give is policy.

`people/provider.toml` of the instance, which its owner alone reads (mode 600), has what the provider gave. Streamlit's
`st.login` does the rest: it checks signature, issuer, audience and nonce of the token.
"""

from __future__ import annotations

import tomllib
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loanbook.core.store.instance import InstanceError
from loanbook.core.store.people.keys import cookie_secret, read_file
from loanbook.core.store.settings import Settings

FILE = "provider.toml"


class Provider(BaseModel):
    """What `people/provider.toml` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(default="your organisation", min_length=1, max_length=60)
    """What the button says: Sign in with …"""
    client_id: str = Field(min_length=1)
    client_secret: str = Field(min_length=1, repr=False)
    server_metadata_url: str = Field(pattern=r"^https?://")
    """Its `.well-known/openid-configuration`."""
    redirect_uri: str = Field(pattern=r"^https?://.+/oauth2callback$")
    """Where the pages are reached, with `/oauth2callback`."""
    scope: str = "openid profile email"


def provider(where: Settings) -> Provider | None:
    """The provider of an instance; None: it has none. InstanceError names field and remedy."""
    path = where.people_folder / FILE
    if not path.is_file():
        return None
    try:
        return Provider.model_validate(tomllib.loads(read_file(path).decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as bad:
        raise InstanceError(f"{path}: not TOML: {bad}; mend the syntax") from bad
    except ValidationError as bad:  # without what it found: it may be the secret
        told = "; ".join(f"field {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in bad.errors())
        raise InstanceError(f"{path}: mend these fields: {told}") from None


def secrets(where: Settings) -> dict[str, Any] | None:
    """What Streamlit is told of the provider; None: there is none."""
    known = provider(where)
    if known is None:
        return None
    auth = known.model_dump(
        include={"client_id", "client_secret", "server_metadata_url", "redirect_uri"}
    )
    kwargs = {"scope": known.scope}
    return {"auth": {**auth, "cookie_secret": cookie_secret(where), "client_kwargs": kwargs}}
