"""What an actor may do, of what, and which rows and columns it sees: decided here and nowhere else.

An actor may do what any of its roles grants. Rows are those that any role that reads lets it see; a column is
masked where every role that reads masks it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from loanbook.core.access.actor import Actor
from loanbook.core.catalogue.personal import FIELDS, WAYS
from loanbook.core.policy.rights.roles import PERSONS, Grant, Role

READ = "ledger.read"
Rows = Mapping[str, frozenset[str]]
"""Values by attribute (`SCOPES`): a row must fit each of them."""


@dataclass(frozen=True)
class Verdict:
    """Whether something may be done; if not, why."""

    allowed: bool
    why: str = ""


@dataclass(frozen=True)
class Reading:
    """What of the ledger an actor sees."""

    views: frozenset[str] = frozenset({"*"})
    """Views that may be read; `*`: all."""
    rows: tuple[Rows, ...] = ({},)
    """Rows that fit any of these; an empty one fits every row."""
    masks: Mapping[str, str] = field(default_factory=dict)
    """`VIEW.COLUMN` or `*.COLUMN` -> how it is shown."""

    @property
    def sees_every_row(self) -> bool:
        """Whether no row is filtered."""
        return any(not each for each in self.rows)

    def sees(self, view: str) -> bool:
        """Whether the view may be read at all."""
        return "*" in self.views or view in self.views

    def narrowed(self, scope: Rows) -> Reading:
        """The same of rows that fit a scope too."""
        if not scope:
            return self
        rows = tuple(
            {**each, **{n: values & each[n] if n in each else values for n, values in scope.items()}}
            for each in self.rows
        )  # fmt: skip
        return Reading(self.views, rows, self.masks)

    @property
    def token(self) -> str:
        """Names what is seen: two actors with the same one see the same rows and columns."""
        rows = sorted(
            json.dumps({k: sorted(v) for k, v in each.items()}, sort_keys=True)
            for each in self.rows
        )
        told = json.dumps([sorted(self.views), rows, sorted(self.masks.items())])
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    def mask(self, view: str, column: str) -> str | None:
        """How a column is shown; None: as it is."""
        return self.masks.get(f"{view}.{column}", self.masks.get(f"*.{column}"))


WHOLE = Reading()
"""Nothing is hidden: what the product itself reads, and a demo."""


class Access:
    """The roles in force on a date."""

    def __init__(self, roles: Iterable[Role], on: dt.date) -> None:
        self.roles: dict[str, Role] = {}
        for role in sorted(roles, key=lambda r: (r.effective_from, r.version)):
            if role.effective_from <= on:
                self.roles[role.name] = role

    def may(
        self, actor: Actor, action: str, of: str = "*", *, amount: int | None = None
    ) -> Verdict:
        """Whether an actor may do an action of a thing; `of` "*": of any of them.

        `amount`: of an order, minor units; an order without one is beyond every bound.
        """
        if actor.kind == "demo":
            return Verdict(True)
        asked, weak = [], []
        for role in self._roles(actor):
            for grant in role.grants:
                if grant.action != action or not _is_of(grant, of):
                    continue
                if grant.below_minor is not None and (
                    amount is None or amount >= grant.below_minor
                ):
                    asked.append(f"{role.name} grants it below {grant.below_minor} minor units")
                elif role.second_factor and actor.kind == "person" and not actor.second_factor:
                    weak.append(role.name)
                else:
                    return Verdict(True)
        return Verdict(False, self._missing(actor, action, of, asked, weak))

    def granting(self, action: str) -> frozenset[str]:
        """Names of the roles that grant an action, of whatever."""
        return frozenset(
            role.name
            for role in self.roles.values()
            if any(g.action == action for g in role.grants)
        )

    def counting(self, actor: Actor) -> frozenset[str]:
        """Roles of an actor that count as they signed in."""
        return actor.roles - {*self.wants_second_factor(actor)}

    def wants_second_factor(self, actor: Actor) -> list[str]:
        """Roles of a person that count only once they signed in with a second factor; sorted."""
        if actor.kind != "person" or actor.second_factor:
            return []
        return [role.name for role in self._roles(actor) if role.second_factor]

    def _missing(
        self, actor: Actor, action: str, of: str, asked: list[str], weak: list[str]
    ) -> str:
        what = action if of == "*" else f"{action} of {of}"
        if weak:
            return (
                f"{actor.name} may not {what}: role {weak[0]} asks for a second factor; sign in with it "
                "(`loanbook users sign-in`)"
            )
        if asked:
            return f"{actor.name} may not {what}: {asked[0]}"
        having = sorted(
            role.name
            for role in self.roles.values()
            if any(g.action == action and _is_of(g, of) for g in role.grants)
        )
        roles = f"one of the roles {', '.join(having)}" if having else "a role that grants it"
        return f"{actor.name} may not {what}: that takes {roles}; an administrator gives it"

    def reading(self, actor: Actor) -> Reading | None:
        """What of the ledger an actor sees; None: nothing."""
        if actor.kind == "demo":
            return WHOLE
        readers = [
            role
            for role in self._roles(actor)
            if not (role.second_factor and actor.kind == "person" and not actor.second_factor)
            and any(grant.action == READ for grant in role.grants)
        ]
        if not readers:
            return None
        grants = [grant for role in readers for grant in role.grants if grant.action == READ]
        views = frozenset(name for grant in grants for name in grant.of)
        rows: tuple[Rows, ...] = tuple(
            {str(name): actor.attributes.get(name, frozenset()) for name in grant.within}
            for grant in grants
        )
        return Reading(views, ({},) if any(not r for r in rows) else rows, _masks(readers))

    def persons(self, actor: Actor) -> Mapping[str, str]:
        """How each field of a person is shown to an actor who sees them masked: in the way that tells most of those
        that their roles which read persons have for it."""
        readers = [
            role
            for role in self._roles(actor)
            if any(grant.action == "personal.read" for grant in role.grants)
        ]
        found = {}
        for field_ in FIELDS:
            ways = {r.masks.get(f"{PERSONS}.{field_.name}", field_.mask) for r in readers}
            found[field_.name] = min(ways or {field_.mask}, key=WAYS.index)
        return found

    def within(self, actor: Actor, action: str, of: str, loan: Mapping[str, str]) -> bool:
        """Whether an action on one loan lies within what a grant lets: `loan` has `SCOPES` of it."""
        if actor.kind == "demo":
            return True
        return any(
            all(loan.get(name, "") in actor.attributes.get(name, frozenset()) for name in g.within)
            for role in self._roles(actor)
            for g in role.grants
            if g.action == action and _is_of(g, of)
        )

    def _roles(self, actor: Actor) -> Iterator[Role]:
        for name in sorted(actor.roles):
            if name in self.roles:
                yield self.roles[name]


def _is_of(grant: Grant, of: str) -> bool:
    return of == "*" or "*" in grant.of or of in grant.of


def _masks(readers: list[Role]) -> dict[str, str]:
    """Columns that every reader masks, in the weakest of their ways."""
    first, *others = readers
    found: dict[str, str] = {}
    for place, shown in first.masks.items():
        ways = [shown, *(role.masks[place] for role in others if place in role.masks)]
        if len(ways) == len(readers):
            found[place] = min(ways, key=WAYS.index)
    return found
