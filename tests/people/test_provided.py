"""Sign-ins by a provider, set up of a second factor, and the last who keeps users: in the people's database."""

from __future__ import annotations

import shutil
from typing import Any

import pyotp
import pytest

from loanbook.core.access.actor import AccessError
from loanbook.core.access.claims import NotFreshError
from loanbook.core.store.instance import SHIPPED_POLICIES
from loanbook.core.store.people import audit, sessions, users
from loanbook.core.store.people.database import People
from loanbook.core.store.people.provided import sign_in_by_claims
from loanbook.core.store.people.sessions import Credentials, resolved, sign_in
from loanbook.core.store.people.users import NewUser, add_user
from tests.core.test_signing_in import PROVIDER
from tests.people.conftest import ADMIN, PASSWORD, Clock

GROUPS = PROVIDER.replace("{risk: analyst, sign: approver}", "{risk: analyst, sign: approver, keep: administrator}")  # fmt: skip


@pytest.fixture
def provided(people: People) -> People:
    folder = people.settings.home / "policies"
    shutil.copytree(SHIPPED_POLICIES / "roles", folder / "roles")
    (folder / "identity_providers").mkdir()
    (folder / "identity_providers" / "house.yaml").write_text(GROUPS)
    return people


def _claims(clock: Clock, nonce: str, *groups: str, **told: Any) -> dict[str, Any]:
    at = int(clock.at.timestamp())
    return {"iss": "https://id.example.com", "sub": "42", "iat": at, "exp": at + 300, "nonce": nonce,
            "preferred_username": "Dee", "realm_access": {"roles": list(groups)}, "amr": ["mfa"]} | told  # fmt: skip


def test_a_provider_vouches_once_a_token_and_its_roles_follow_its_claims(
    provided: People, clock: Clock
) -> None:
    first = _claims(clock, "1", "risk", places=["US-CA"])
    secret, actor = sign_in_by_claims(provided, first, "10.0.0.1", "a browser")
    assert (actor.name, actor.roles, actor.second_factor) == ("Dee", {"analyst"}, True)
    assert actor.attributes == {"region": {"US-CA"}}
    assert resolved(provided, secret) == actor
    sessions.sign_out(provided, actor)
    assert resolved(provided, secret) is None
    with pytest.raises(
        NotFreshError, match="used already"
    ):  # what the browser kept is worth nothing
        sign_in_by_claims(provided, first)
    users.give_role(provided, ADMIN, "dee", "collector")
    _, later = sign_in_by_claims(provided, _claims(clock, "2", "sign", preferred_username="Dora"))
    assert (later.name, later.roles) == ("Dee", {"approver", "collector"})
    users.lock(provided, ADMIN, "Dee", "gone")
    with pytest.raises(AccessError, match="locked out"):
        sign_in_by_claims(provided, _claims(clock, "3", "sign"))
    told = audit.entries(provided, activity="sign_in.denied")
    assert told["status_detail"].to_list() == ["Dee is locked out"]


def test_a_provider_takes_no_name_that_somebody_has_and_nobody_signs_in_with_a_password_of_theirs(
    provided: People, clock: Clock
) -> None:
    with pytest.raises(AccessError, match="another user has the name"):
        sign_in_by_claims(provided, _claims(clock, "1", "risk", preferred_username="ＡＮＮ"))
    sign_in_by_claims(provided, _claims(clock, "2", "risk"))
    with pytest.raises(AccessError, match="sign-in refused"):
        sign_in(provided, Credentials("Dee", ""))
    assert audit.verified(provided)[1] is None


def test_the_last_who_keeps_users_is_neither_locked_nor_loses_the_role(
    provided: People, clock: Clock
) -> None:
    add_user(provided, ADMIN, NewUser("Root", password=PASSWORD, roles=("administrator",)))
    add_user(provided, ADMIN, NewUser("Svc", "service", roles=("administrator",)))
    for change in (
        lambda: users.lock(provided, ADMIN, "root", "mistaken"),
        lambda: users.take_role(provided, ADMIN, "Root", "administrator"),
    ):
        with pytest.raises(AccessError, match="Root is the last who can sign in and keep users"):
            change()
    assert audit.entries(provided, activity="access.denied").height == 2
    add_user(provided, ADMIN, NewUser("Eve", roles=("administrator",)))  # she can't sign in
    with pytest.raises(AccessError, match="is the last"):
        users.lock(provided, ADMIN, "root", "mistaken")
    _, dee = sign_in_by_claims(provided, _claims(clock, "1", "keep"))
    users.lock(provided, ADMIN, "root", "on leave")
    with pytest.raises(AccessError, match="Dee is the last"):  # nor does the provider take the role
        sign_in_by_claims(provided, _claims(clock, "2", "risk"))
    assert users.known_names(provided)["dee"].roles == {"administrator"}
    assert dee.name == "Dee"


def test_a_second_factor_is_set_up_in_a_young_session_alone_and_counts_in_it(
    people: People, clock: Clock
) -> None:
    secret, ann = sign_in(people, Credentials("ann", PASSWORD))
    assert sessions.may_enrol(people, ann)
    clock.pass_by(minutes=11)
    assert not sessions.may_enrol(people, ann)
    secret, ann = sign_in(people, Credentials("ann", PASSWORD))
    key = pyotp.parse_uri(sessions.begin_second_factor(people, "ann"))
    with pytest.raises(AccessError, match="no code of it"):
        sessions.confirm_second_factor(people, ann, "ann", "000000x")
    sessions.confirm_second_factor(people, ann, "ann", key.at(clock.at))  # type: ignore[union-attr]
    now = resolved(people, secret)
    assert now is not None
    assert now.second_factor
    assert not sessions.may_enrol(people, now)
    # the code that set it up is used; another session of hers has no second factor by that
    with pytest.raises(AccessError):
        sign_in(people, Credentials("ann", PASSWORD, key.at(clock.at)))  # type: ignore[union-attr]
