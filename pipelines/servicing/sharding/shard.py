"""A shard's work: read its loans as the parent version has them, close their day, write its files, tell of it.

It writes no row that anyone sees: files that no version names, in folders that carry run, version, shard and a number
drawn by chance. To do it twice is as good as once.
"""

from __future__ import annotations

import atexit
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from loanbook.core.errors import LawsBrokenError, LedgerError
from loanbook.core.ledger.transfers import account_movements
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import close
from loanbook.core.servicing.laws.accounts import balances_of_part, carried_by_account
from loanbook.core.servicing.laws.setting_apart import Close, Closed, Day, Limit
from loanbook.core.store.closing.books import Books, gathered
from loanbook.core.store.closing.outbox import NewFile, identity, state_of, write_files
from loanbook.core.store.closing.risk_events import outbox_of
from loanbook.core.store.history import StoredHistory
from loanbook.core.store.lake import open_reader
from loanbook.core.store.parts.groups import digest_of
from loanbook.core.store.parts.part import Part, part_of
from loanbook.core.store.settings import Settings
from loanbook.core.store.upkeep.used_policies import stored_under
from loanbook.core.store.writing import counts_of
from loanbook.pipelines.resources import code_hash
from loanbook.pipelines.servicing.sharding.computing import closed_with_digests, live_before
from loanbook.pipelines.servicing.sharding.spec import Counted, Inputs, Receipt, Refusal, ShardSpec

_kept: dict[str, Books] = {}
"""Ledgers that a worker keeps open: to open one takes longer than to read a shard of a small book."""
_policies: dict[tuple[str, str], PolicyBook] = {}


def close_shard(spec: ShardSpec, engine: Close = close) -> Receipt:
    """Close a part of a book's day; `engine` is the close, or a wrapper around it in a fault test.

    A law that is broken beyond what may be held is told in the receipt. Raises LedgerError where this process has
    another ledger, schema, code or plan of groups than the driver.
    """
    ledger = _ledger(spec)
    _must_be_the_same(ledger, spec.inputs)
    policies = _policies_of(ledger, spec.inputs)
    read = _read(ledger, spec, policies, engine)
    attempt = secrets.token_hex(4)
    told = Receipt(spec.shard, attempt, spec.inputs, spec.low, spec.high)
    try:
        done, digests = closed_with_digests(read.day, Limit(spec.most, 100), None)
    except LawsBrokenError as broken:
        few = broken.found.head(spec.most + 1).to_dicts()
        return replace(told, refused=Refusal(tuple(broken.laws), tuple(few)))
    files, rows = _written(ledger, spec, done, digests, attempt)
    return replace(told, **_told(done, read, rows), files=files)


def _ledger(spec: ShardSpec) -> Books:
    """The instance's ledger, to read: the folder that the driver has, or what the environment names here."""
    found = _kept.get(spec.home)
    if found is None:
        where = Settings.of(Path(spec.home))
        if not Path(spec.home).is_dir():
            where = Settings.from_environment()
        found = _kept[spec.home] = Books(open_reader(where), where)
        found.connection.execute("SET threads = 1")
    return found


def let_go() -> None:
    """Close the ledgers that this process kept open."""
    while _kept:
        _kept.popitem()[1].close()


atexit.register(let_go)


def _must_be_the_same(ledger: Books, inputs: Inputs) -> None:
    """Refuse to close where what is here differs from what the driver has: the figures would."""
    with ledger.at_once():
        seen = {
            "ledger": (identity(ledger), inputs.lake),
            "schema of the ledger": (state_of(ledger)[1], inputs.schema),
            "code": (code_hash(), inputs.code_hash),
            "plan of groups": (digest_of(ledger, inputs.plan), inputs.groups),
        }
    other = [
        f"{what} {here!r}, not {asked!r}" for what, (here, asked) in seen.items() if here != asked
    ]
    if other:
        raise LedgerError(
            f"a worker in {ledger.settings.home} has {'; '.join(other)}: give every worker the driver's release of "
            "loanbook and its instance (folder, or LOANBOOK_HOME and LOANBOOK_CATALOGUE), then run again"
        )


def _policies_of(ledger: Books, inputs: Inputs) -> PolicyBook:
    key = (inputs.lake, inputs.policy_hash)
    if key not in _policies:
        _policies[key] = stored_under(ledger, inputs.policy_hash)
    known = _policies[key]
    return known.with_registry(
        ledger.frame("SELECT name FROM {lake}.products ORDER BY code")["name"].to_list()
    )


@dataclass(frozen=True)
class _Read:
    day: Day
    stood: tuple[int, int]


def _read(ledger: Books, spec: ShardSpec, policies: PolicyBook, engine: Close) -> _Read:
    told = spec.inputs
    part = part_of(ledger, spec.low, spec.high, told.plan)
    book, _ = ledger.book_at(policies, told.parent, told.parent_date, part)
    known = pl.col("event_id") < told.events_below
    book = replace(book, pending=book.pending.filter(known))
    booked = ledger.events_where("booking_date = ?", [told.date], part).filter(known)
    past = StoredHistory(ledger, policies, told.date)
    day = Day(book, balances_of_part(book), booked, past, policies, told.date, engine)
    return _Read(day, _stood(ledger, told, part))


def _stood(ledger: Books, told: Inputs, part: Part) -> tuple[int, int]:
    """How many of the parent's positions are of the part, and the sum of their ids."""
    if told.parent_date is None:
        return 0, 0
    ids = part.frame(
        ledger,
        "SELECT loan_id FROM {lake}.positions WHERE version = ? AND business_date = ? AND {part}",
        [told.parent, told.parent_date], "loan_id",
    )["loan_id"]  # fmt: skip
    return ids.len(), int(ids.sum())


def _written(
    ledger: Books, spec: ShardSpec, done: Closed, digests: pl.DataFrame, attempt: str
) -> tuple[tuple[NewFile, ...], dict[str, int]]:
    """Files of the shard's rows, and how many of each table."""
    told = spec.inputs
    changed = outbox_of(ledger, told.date, told.parent).changes(done.before, done.closed)
    place = (told.version, spec.shard)
    counted: dict[str, int] = {}

    def stored() -> Iterator[tuple[str, pl.DataFrame]]:
        own = done.closed.transfers["loan_id"] > 0
        closed = replace(done.closed, transfers=done.closed.transfers.filter(own))
        # one part of them after the other: days that are lived again may be many times the book
        for name, rows in gathered(
            ledger.rows_of_loans(closed, done.restated, digests, changed, place)
        ):
            counted[name] = counted.get(name, 0) + rows.height
            yield name, rows

    run = re.sub(r"\W", "", spec.run)[:16]
    folder = f"{run}-{spec.inputs.version}-{spec.shard}-{attempt}"
    return write_files(ledger, ledger.settings, folder, stored()), counted


def _told(done: Closed, read: _Read, rows: dict[str, int]) -> dict[str, Any]:
    closed, book = done.closed, done.closed.book
    own = closed.transfers["loan_id"] > 0
    transfers = closed.transfers.filter(own)
    return {
        "counted": Counted(
            read.stood, read.day.booked.height, read.day.ids.len(), live_before(done),
            closed.boarded.height, rows, counts_of(replace(closed, transfers=transfers)),
            closed.applied.height,
        ),
        "movements": tuple(account_movements(transfers).rows()),
        "accruals": tuple(closed.transfers.filter(~own).to_dicts()),
        "expected": tuple(carried_by_account(book).rows()),
        "laws": tuple((law.name, law.holds, law.broken, law.figures) for law in done.laws),
        "held": tuple(book.held.to_dicts()),
    }  # fmt: skip
