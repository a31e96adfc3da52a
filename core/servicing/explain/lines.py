"""Lines of an explanation, and what each moved of the parts of the claim.

A claim that is off the books, or charges under cash accounting, stand in memorandum as one sum: what a
transfer of it moved of each part is read off the day's positions, and must be the same in all.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace

from loanbook.core.catalogue.components import BALANCES

PARTS = (*BALANCES, "credit")
MEMORANDUM = "memorandum"
"""A sum of the claim that memorandum accounts hold as one, whatever part of it moved."""


@dataclass(frozen=True)
class Line:
    """One thing that happened to a loan."""

    date: dt.date
    what: str
    rule: str
    """Policy that decided, as folder/name@version, with the rule in it."""
    event_id: int | None = None
    source: str = ""
    moves: dict[str, int] = field(default_factory=dict)
    """Minor units by part of the claim (`PARTS`); credit counts for the borrower."""
    about: str = ""
    """The part of the claim that it is known to be about."""


@dataclass(frozen=True)
class Held:
    """Why a loan is shown as of an earlier date, and what does not count until it returns."""

    since: dt.date
    good_until: dt.date | None
    """The date of the last good position; none: it has not entered the book."""
    law: str
    figures: str
    remedy: str
    """What to do, with the events of the day that broke the law."""
    waiting: list[Line]
    """Events that were not counted yet."""


def parts_of(position: dict[str, int] | None) -> dict[str, int]:
    """The parts of a position's claim (`PARTS`), minor units; none of a loan that is not there."""
    if position is None:
        return dict.fromkeys(PARTS, 0)
    sums = {part: sum(position[name] for name in names) for part, names in BALANCES.items()}
    return sums | {"credit": position["credit"]}


def untold(
    now: dict[str, int], before: dict[str, int], earned: int, lines: list[Line]
) -> dict[str, int]:
    """What a day changed of each part beyond its night and what the transfers of its `lines` name."""
    told = {part: sum(line.moves.get(part, 0) for line in lines) for part in PARTS}
    told["interest"] += earned
    return {part: now[part] - before[part] - told[part] for part in PARTS}


def shared_out(lines: list[Line], left: dict[str, int]) -> list[Line]:
    """Lines whose one sum in memorandum is split into the parts of the claim that it moved.

    `left`: what the day changed of each part and no transfer names. Where the sums are not that in all,
    they stay principal: the lines then do not account for the position.
    """
    sums = [line for line in lines if MEMORANDUM in line.moves]
    if not sums:
        return lines
    rest, done = {part: n for part, n in left.items() if part != "credit"}, []
    agrees = sum(line.moves[MEMORANDUM] for line in sums) == sum(rest.values())
    for line in lines:
        own = {part: amount for part, amount in line.moves.items() if part != MEMORANDUM}
        amount = line.moves.get(MEMORANDUM, 0)
        if not agrees:
            own["principal"] = own.get("principal", 0) + amount
        elif line is sums[-1]:
            own = _added(own, rest)
        elif amount:
            mine = _of(amount, line.about, rest)
            own, rest = _added(own, mine), _added(rest, {part: -n for part, n in mine.items()})
        done.append(replace(line, moves={part: n for part, n in own.items() if n}))
    return done


def _of(amount: int, about: str, left: dict[str, int]) -> dict[str, int]:
    """`amount` of the part that it is known to be about, or of those that moved its way."""
    if about:
        return {about: amount}
    found, sign = dict[str, int](), 1 if amount > 0 else -1
    for part, moved in left.items():
        taken = sign * min(abs(amount), max(sign * moved, 0))
        found[part], amount = taken, amount - taken
    return _added(found, {"principal": amount})


def _added(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {part: one.get(part, 0) + other.get(part, 0) for part in {**one, **other}}
