"""Versions of policies that loans live by, or that decided: a version once used keeps its content for ever.

`used` below is what was stored of them when they were first used: (folder, name, version) -> policy.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping

from loanbook.core.policy.base import Policy
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.core.policy.models import Accounts, Approvals, Buckets, HolidayCalendar
from loanbook.core.policy.product import Product
from loanbook.core.policy.references import BUCKETS, references

Key = tuple[str, str, int]
Used = Mapping[Key, Policy]
BY_DATE = (Accounts, Approvals, Buckets, HolidayCalendar)
"""Kinds of which a loan reads the version of the day, as it does of policies of law (`Policy.of_law`);
of all others that of its product's first day."""
DECISIONS = "decisions"
"""Folder of policies that are used by deciding, not by loans; their contents are kept with what they decided."""
_UNREAD = ("description",)
"""Fields for people alone: they may be reworded."""


def in_use(book: PolicyBook, codes: Iterable[int], through: dt.date) -> dict[Key, Policy]:
    """What loans of the products `codes` read to the date `through`: the products themselves, what
    they refer to, and the buckets. PolicyError names a product whose file is gone."""
    folders = {id(policy): folder for folder, policy in book.policies}
    pinned = [book.product(code) for code in codes]
    named: set[tuple[type[Policy], str]] = {(Buckets, BUCKETS)} if pinned else set()
    found: list[Policy] = []
    for product in pinned:
        found.append(product)
        for model, name, _ in references(product):
            if model in BY_DATE:
                named.add((model, name))
            else:
                binding = book.versions(model, name, product)
                found += [policy for since, _, policy in binding if since <= through]
    found += [
        policy
        for _, policy in book.policies
        if (type(policy), policy.name) in named and policy.effective_from <= through
    ]
    return {(folders[id(policy)], policy.name, policy.version): policy for policy in found}


def changed(before: Policy, now: Policy) -> list[str]:
    """Fields in which two policies differ, with both values: `interest.rate_basis was 'ACT/365F',
    is 'ACT/360'`."""
    if isinstance(before, Accounts) and isinstance(now, Accounts):
        before = before.with_new_roles(now)
    return list(_changed(before.model_dump(mode="json"), now.model_dump(mode="json"), ""))


def _changed(before: object, now: object, place: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted({*before, *now} - (set(_UNREAD) if not place else set())):
            inner = f"{place}.{name}" if place else str(name)
            yield from _changed(before.get(name), now.get(name), inner)
    elif before != now:
        yield f"{place} was {str(before)[:80]!r}, is {str(now)[:80]!r}"


def refusals(book: PolicyBook, used: Used, published: dt.date | None) -> dict[Key, str]:
    """Versions that `book` may not hold as it does, or lacks, with the reason and the remedy.

    A version that was used has other content or is gone; or a new version would change days that
    are published to the date `published`, or the rules of loans that pin a product.
    """
    have = {(folder, p.name, p.version): p for folder, p in book.policies}
    found = {}
    for key, policy in used.items():
        if key not in have:
            found[key] = (
                f"{_named(key)} {_use(key)}, but no file holds it; put its file back (`loanbook "
                f'sql "{_query(key)}"` prints it)'
            )
        elif fields := changed(policy, have[key]):
            found[key] = (
                f"{_named(key)} was used already and can't change: {'; '.join(fields)}; put the file "
                "back as it was and give the change a file of its own, with a higher version"
            )
    for key, policy in have.items():
        if key in used:
            continue
        if why := _changes_the_past(policy, key, used, published):
            found[key] = why
        elif isinstance(policy, DecisionPolicy) and (unlike := policy.compared_unlike()):
            found[key] = f"{_named(key)}: {'; '.join(unlike)}; mend the file"
    return found


def _changes_the_past(
    policy: Policy, key: Key, used: Used, published: dt.date | None
) -> str | None:
    """Why a new version would change what loans were lived by; None: it does not."""
    before = [p for (folder, name, _), p in used.items() if (folder, name) == key[:2]]
    if not before or isinstance(policy, Product):
        return None
    if isinstance(policy, HolidayCalendar):
        last = max((p for p in before if isinstance(p, HolidayCalendar)), key=lambda p: p.version)
        moved = {
            day
            for day in set(policy.holidays) ^ set(last.holidays)
            if published is not None and day <= published
        }
        if policy.version < last.version or not (moved or policy.weekend != last.weekend):
            return None
        what = f"the holiday {min(moved)}" if moved else "the weekend"
        return f"{_named(key)} changes {what} of days that are published; keep it as version {last.version} has it"
    if isinstance(policy, BY_DATE) or policy.of_law:
        earlier = all(policy.effective_from < p.effective_from for p in before)
        if isinstance(policy, BY_DATE) and earlier:
            return None  # of days on which none was in force, so nothing was read of it
        if published is None or policy.effective_from > published:
            return None
        return (
            f"{_named(key)} is in force from {policy.effective_from}, but days to {published} are "
            "published; give it a later effective_from"
        )
    pinning = [
        p
        for p in used.values()
        if isinstance(p, Product)
        and policy.effective_from <= p.effective_from
        and any(
            isinstance(policy, model) and name == policy.name for model, name, _ in references(p)
        )
    ]
    newer = [p for p in before if p.effective_from <= policy.effective_from]
    if not pinning or not newer:
        return None
    last_pin = max(p.effective_from for p in pinning)
    return (
        f"{_named(key)} would change the rules of loans of {pinning[0].name}@{pinning[0].version}, which "
        f"read the version of their product's first day; give it an effective_from after {last_pin}"
    )


def as_used(book: PolicyBook, used: Used, published: dt.date | None) -> PolicyBook:
    """The book with every used version as it was used, and without what would change the past."""
    wrong = refusals(book, used, published)
    kept = {
        (folder, p.name, p.version): (folder, p)
        for folder, p in book.policies
        if (folder, p.name, p.version) not in wrong
    }
    for key, policy in used.items():
        kept[key] = (key[0], with_new_roles(policy, book))
    return PolicyBook(tuple(kept[key] for key in sorted(kept)), book.registry)


def with_new_roles(policy: Policy, book: PolicyBook) -> Policy:
    """A used policy; a chart of accounts has numbers for roles that have come since: those of its file,
    or of the newest chart of its name."""
    if not isinstance(policy, Accounts):
        return policy
    charts = [p for _, p in book.policies if isinstance(p, Accounts) and p.name == policy.name]
    if not charts:
        return policy
    newest = max(charts, key=lambda chart: (chart.version == policy.version, chart.version))
    return policy.with_new_roles(newest)


def _use(key: Key) -> str:
    return "decided on applications" if key[0] == DECISIONS else "is used by loans"


def _query(key: Key) -> str:
    if key[0] == DECISIONS:
        return (
            f"SELECT body FROM decision_policies WHERE policy = '{key[1]}' AND version = {key[2]}"
        )
    return f"SELECT content FROM policy_versions WHERE name = '{key[1]}'"


def _named(key: Key) -> str:
    return f"{key[0]}/{key[1]}@{key[2]}"
