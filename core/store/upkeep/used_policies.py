"""Policy versions that loans live by, stored with their content when they were first used."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl
from pydantic import ValidationError

from loanbook.core.errors import LedgerError, PolicyError
from loanbook.core.frames import hashes
from loanbook.core.policy.base import AS_STORED, Policy
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.core.policy.decisions.underwriting import UnderwritingPolicy
from loanbook.core.policy.models import FOLDER_OF, FOLDERS
from loanbook.core.policy.used import Key, as_used, in_use, refusals, with_new_roles
from loanbook.core.store.lake import LAKE, insert, patiently, registered, transaction, utc_now
from loanbook.core.store.queries import Queries


def used_versions(ledger: Queries) -> dict[Key, Policy]:
    """What was stored of every version that loans were lived by.

    PolicyError if a stored content is none that this loanbook reads.
    """
    return _read(ledger.rows("SELECT folder, name, version, content FROM {lake}.policy_versions"))


def _decided(ledger: Queries) -> dict[Key, Policy]:
    """The same of every version that decided on applications."""
    kept = (("decision_policies", DecisionPolicy), ("underwriting_policies", UnderwritingPolicy))
    return _read(
        (FOLDER_OF[model], *row)
        for table, model in kept
        for row in ledger.rows(f"SELECT DISTINCT policy, version, body FROM {{lake}}.{table}")
    )


def _read(rows: Iterable[Sequence[Any]]) -> dict[Key, Policy]:
    found: dict[Key, Policy] = {}
    for folder, name, version, content in rows:
        try:
            found[(folder, name, version)] = FOLDERS[folder].model_validate_json(
                content, context=AS_STORED
            )
        except (KeyError, ValidationError) as bad:
            raise PolicyError(
                f"{folder}/{name}@{version}: its content as stored is none that this loanbook "
                f"reads: {bad}; the ledger was written by a newer one, update this one"
            ) from bad
    return found


def contradictions(ledger: Queries, policies: PolicyBook) -> dict[Key, str]:
    """Versions that the policies have otherwise than loans were lived by them, or applications decided, with reason and
    remedy."""
    _, published = ledger.published()
    return refusals(policies, _all_used(ledger, policies), published)


def must_agree(ledger: Queries, policies: PolicyBook) -> None:
    """Raise PolicyError, naming every version and field, where the policies contradict what loans
    were lived by, or what decided on applications."""
    wrong = contradictions(ledger, policies)
    if wrong:
        raise PolicyError("\n".join(why for _, why in sorted(wrong.items())))


def as_stored(ledger: Queries, policies: PolicyBook) -> PolicyBook:
    """The policies as loans were lived by them, whatever their files say now."""
    _, published = ledger.published()
    return as_used(policies, _all_used(ledger, policies), published)


def keep_used(ledger: Queries, policies: PolicyBook, through: dt.date) -> None:
    """Store the versions that loans of the ledger read to the date `through`, with their content.

    Raises PolicyError, and stores nothing, where `must_agree` would.
    """
    with ledger.at_once():
        must_agree(ledger, policies)
        known, pinned = used_versions(ledger), _pinned(ledger)
    now = in_use(policies, pinned, through)
    grown = {
        key: with_new_roles(policy, policies)
        for key, policy in known.items()
        if with_new_roles(policy, policies) != policy
    }
    _store(ledger, {key: policy for key, policy in now.items() if key not in known} | grown)


def _pinned(ledger: Queries) -> list[int]:
    """Codes of product versions that loans of the ledger have."""
    return [code for (code,) in ledger.rows("SELECT DISTINCT product FROM {lake}.loan_keys")]


def _store(ledger: Queries, versions: Mapping[Key, Policy]) -> None:
    if not versions:
        return
    contents = [policy.model_dump_json() for policy in versions.values()]
    rows = pl.DataFrame(
        {
            "folder": [folder for folder, _, _ in versions],
            "name": [name for _, name, _ in versions],
            "version": [version for _, _, version in versions],
            "content_hash": hashes(pl.Series(contents)),
            "content": contents,
            "used_since": [utc_now()] * len(contents),
        },
        schema_overrides={"version": pl.Int32},
    )

    def write() -> None:
        connection = ledger.connection
        with transaction(connection), registered(connection, "_stored", rows):
            connection.execute(  # a chart that has accounts for new roles
                f"DELETE FROM {LAKE}.policy_versions WHERE (folder, name, version) IN "
                "(SELECT (folder, name, version) FROM _stored)"
            )
            insert(connection, "policy_versions", rows)

    patiently(write)


def _all_used(ledger: Queries, policies: PolicyBook) -> dict[Key, Policy]:
    """Versions that loans were lived by or that decided."""
    return _with_those_before(ledger, policies) | _decided(ledger)


def _with_those_before(ledger: Queries, policies: PolicyBook) -> dict[Key, Policy]:
    """Used versions; of a ledger that published days before it kept them, those that the last one was
    closed under, as its version names them."""
    known = used_versions(ledger)
    version, published = ledger.published()
    if known or published is None:
        return known
    body = ledger.rows(
        "SELECT p.body FROM {lake}.policies p JOIN {lake}.versions v "
        f"ON v.policy_hash = p.policy_hash WHERE v.version = {version} LIMIT 1"
    )
    then: dict[Key, Policy] = {}
    for line in body[0][0].split("\n") if body else []:
        folder, _, content = line.partition(" ")
        try:
            policy = FOLDERS[folder].model_validate_json(content, context=AS_STORED)
        except (KeyError, ValidationError):
            continue  # of a release that wrote it otherwise: what the file says is taken
        then[(folder, policy.name, policy.version)] = policy
    codes = _pinned(ledger)
    lived = PolicyBook(
        tuple(
            (key[0], policy)
            for key, policy in sorted((_by_key(policies) | then).items(), key=lambda each: each[0])
        ),
        policies.registry,
    )
    return in_use(lived, codes, published)


def stored_under(ledger: Queries, digest: str) -> PolicyBook:
    """The policies that the ledger recorded under a digest. LedgerError where it has none, or reads them
    otherwise."""
    rows = ledger.frame("SELECT body FROM {lake}.policies WHERE policy_hash = ? LIMIT 1", [digest])
    found: list[tuple[str, Policy]] = []
    for line in rows["body"][0].split("\n") if rows.height else []:
        folder, _, content = line.partition(" ")
        found.append((folder, FOLDERS[folder].model_validate_json(content, context=AS_STORED)))
    book = PolicyBook(tuple(found))
    if not found or book.digest != digest:
        raise LedgerError(
            f"the policies {digest[:16]} are not in the ledger as they were recorded: run again with the release "
            "that recorded them"
        )
    return book


def _by_key(policies: PolicyBook) -> dict[Key, Policy]:
    return {(folder, p.name, p.version): p for folder, p in policies.policies}
