"""What assets and the command share: the instance, its policies, the code's own hash.

The engine is imported by what uses it: a command that only reads doesn't wait for it.
"""

from __future__ import annotations

import getpass
import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from loanbook.core.errors import PolicyError
from loanbook.core.store.instance import (
    FILE,
    SHIPPED,
    SHIPPED_POLICIES,
    InstanceError,
    policies_folder,
    policy_files,
)
from loanbook.core.store.people.acting import has_people, is_demo
from loanbook.core.store.settings import Settings

if TYPE_CHECKING:
    from loanbook.core.policy.book import PolicyBook
    from loanbook.core.store.reader import LedgerReader
    from loanbook.core.store.writer import Ledger
    from loanbook.core.store.writing import Provenance

ROOT = SHIPPED
POLICIES = SHIPPED_POLICIES
DEMO = SHIPPED / "data" / "instance"
"""The instance of a checkout, which `loanbook demo` fills."""


def settings() -> Settings:
    """The instance that the environment or the working folder names; in a checkout, else,
    `data/instance`."""
    return Settings.from_environment()


def settings_if_any() -> Settings | None:
    """The instance, as `settings`; None where there is none, as for `loanbook simulate`."""
    try:
        return settings()
    except InstanceError:
        return None


def _home() -> Path | None:
    where = settings_if_any()
    return where.home if where else None


def read_policies(folder: Path | None = None) -> PolicyBook:
    """All policy files of a folder (default: the instance's own, else the shipped ones);
    PolicyError names file, field and remedy."""
    from loanbook.core.policy.book import PolicyBook
    from loanbook.core.policy.models import FOLDERS

    folder = folder or policies_folder(_home())
    if not folder.is_dir():
        raise PolicyError(f"{folder} is no folder of policies; point to one like data/policies")
    return PolicyBook.of(each for each in policy_files(folder) if each[0] in FOLDERS)


def policies_of(reader: LedgerReader) -> PolicyBook:
    """All policies as loans were lived by them, with the product codes that the reader's ledger has
    stored."""
    from loanbook.core.store.upkeep.used_policies import as_stored

    names = reader.query("SELECT name FROM products ORDER BY code")["name"]
    policies = read_policies(policies_folder(reader.settings.home)).with_registry(names)
    return as_stored(reader.lake(), policies)


@lru_cache(maxsize=1)
def code_hash() -> str:
    """SHA-256 over the source of the packages that compute figures."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "core").rglob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def provenance(policies: PolicyBook, run_id: str | None = None) -> Provenance:
    """Who closes now, under which policies and code, and where the audit trail stands.

    AccessError in production where who acts may not run the book, or a policy was not put in force.
    """
    from loanbook.core.store.writing import Provenance

    where = settings_if_any()
    actor, trail = f"user:{getpass.getuser()}", None
    if where is not None and (not is_demo(where) or has_people(where)):
        actor, trail = _vouched(where, policies)
    return Provenance(run_id or uuid.uuid4().hex, actor, policies.digest, code_hash(), trail)


def _vouched(where: Settings, policies: PolicyBook) -> tuple[str, tuple[int, str]]:
    """Who runs the book, known to be allowed to, and the last entry of the trail with its hash."""
    from loanbook.core.store.people.acting import must_be_allowed
    from loanbook.core.store.people.audit import head
    from loanbook.core.store.people.database import open_people
    from loanbook.pipelines.policies_in_force import must_be_in_force

    actor, people = must_be_allowed(where, "book.run", told="run"), open_people(where)
    if not is_demo(where):
        must_be_in_force(people, actor, policies)
    return actor.words, head(people)


def must_be_an_instance(where: Settings) -> None:
    """Raise InstanceError for a folder that nobody made an instance: a mistyped path, or a disk that is
    not mounted. A ledger begins only where `loanbook init` or `loanbook demo` was."""
    found = where.has_ledger or (where.home / FILE).is_file()
    if found or where.home == DEMO:
        return
    raise InstanceError(
        f"{where.home} holds no ledger and no {FILE}: mend the path, mount its disk, or make an instance "
        "there with `loanbook init FOLDER`"
    )


def open_stored(where: Settings | None = None) -> tuple[Ledger, PolicyBook]:
    """The instance's ledger, and its policies as loans were lived by them, whatever files say now."""
    from loanbook.core.store.upkeep.used_policies import as_stored
    from loanbook.core.store.writer import Ledger

    where = where or settings()
    must_be_an_instance(where)
    policies = read_policies(policies_folder(where.home))
    ledger = Ledger(where)
    with _closed_on_failure(ledger):
        return ledger, as_stored(ledger, policies.with_registry(ledger.products()))


def open_instance(where: Settings | None = None) -> tuple[Ledger, PolicyBook]:
    """The instance's ledger, and its policies with stored product codes, for new days.

    Raises PolicyError where a version that was used has another content.
    """
    from loanbook.core.store.writer import Ledger

    where = where or settings()
    must_be_an_instance(where)
    policies = read_policies(policies_folder(where.home))  # before a ledger is made for them
    ledger = Ledger(where)
    with _closed_on_failure(ledger):
        return ledger, ledger.register(policies)


@contextmanager
def _closed_on_failure(ledger: Ledger) -> Iterator[None]:
    try:
        yield
    except BaseException:
        ledger.close()
        raise
