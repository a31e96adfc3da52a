"""A lender in production whose pages are signed in to: a book in two currencies, and a user for each role."""

from __future__ import annotations

import shutil
from pathlib import Path

from loanbook.core.access.actor import Actor
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.instance import SHIPPED_POLICIES
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.people.models import User
from loanbook.core.store.people.sessions import Credentials, begun, resolved
from loanbook.core.store.people.users import NewUser, add_user, found
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.pipelines.approvals.approving import proposed
from loanbook.pipelines.approvals.desk import Desk
from loanbook.pipelines.resources import read_policies

PASSWORD = "a sentence nobody knows"
SETUP = Actor("setup", "service")
BY_PRODUCT = """
name: by-product
version: 1
effective_from: 2000-01-01
grants:
  - action: ledger.read
    within: [product]
masks:
  loan_keys.loan_key: last_four
"""
USERS = {
    "ana": ("analyst", {}),
    "app": ("approver", {}),
    "col": ("collector", {"region": ["US-CA"]}),
    "com": ("compliance", {}),
    "root": ("administrator", {}),
    "sam": ("servicing", {}),
    "pat": ("by-product", {"product": ["instalment-act365"]}),
    "pia": ("by-product", {"product": ["instalment-jpy"]}),
}
"""Users by name: their role and what is known of them. Who needs no password has none: argon2 takes its time."""


def open_office(book: Path, home: Path) -> People:
    """A copy of a book as a lender in production, with `USERS`; ana, root and app have a password."""
    shutil.copytree(book, home)
    (home / "loanbook.toml").write_text('profile = "production"\n')
    shutil.copytree(SHIPPED_POLICIES, home / "policies")
    (home / "policies" / "roles" / "by-product.yaml").write_text(BY_PRODUCT)
    people = open_people(Settings.of(home))
    for name, (role, known) in USERS.items():
        password = PASSWORD if name in ("ana", "app", "root") else None
        add_user(people, SETUP, NewUser(name, "person", None, password, (role,), known))
    return people


def signed_in(people: People, name: str, *, second_factor: bool = True) -> str:
    """The secret of a session of a user, as a sign-in begins it."""
    with people.writing() as session:
        user: User = found(session, name)
        secret, signed = begun(people, session, user, "session", Credentials(name, ""))
        signed.second_factor = second_factor
        return secret


FEE = {"command": "charge_fee", "loan_key": "A", "value_date": "2018-01-14", "amount": "9.99",
       "due_date": "2018-01-23", "reason": "late_delivery"}  # fmt: skip


def ordered(people: People, name: str, **changes: str) -> str:
    """The id of an order that somebody proposed."""
    actor = resolved(people, signed_in(people, name))
    assert actor is not None
    policies = read_policies(people.settings.home / "policies")
    reader = LedgerReader(people.settings, Shown())
    return proposed(Desk.of(people, reader, policies), actor, FEE | changes)
