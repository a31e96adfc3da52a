"""What is told to a shard and what it tells: plain values, a few thousand bytes, whatever the book.

A receipt holds the keys of the encrypted files that the shard wrote, as the catalogue does: it travels over links
that are guarded like the catalogue.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from loanbook.core.store.closing.outbox import NewFile
from loanbook.core.store.writing import Counts


@dataclass(frozen=True)
class Inputs:
    """What all shards of a day read, and nothing else."""

    lake: str
    """The ledger's own number, by which a worker sees that it opened the same."""
    schema: int
    """Of the lake's tables."""
    version: int
    date: dt.date
    parent: int
    parent_date: dt.date | None
    events_below: int
    """Events with a lower number are read, so that an intake meanwhile changes no shard's."""
    plan: int
    """Of groups of loans (`loanbook.core.store.parts.groups`); 0: none."""
    groups: int
    """Digest of the plan."""
    policy_hash: str
    code_hash: str


@dataclass(frozen=True)
class ShardSpec:
    """A part of a book's day: the loans from `low` on and below `high`, borrowers' groups whole."""

    home: str
    """Folder of the instance, where the worker has it."""
    run: str
    inputs: Inputs
    shard: int
    low: int
    high: int
    most: int
    """Loans that may be held."""


@dataclass(frozen=True)
class Refusal:
    """Why a shard can't be closed: laws that are broken, and not by a few loans that could be held."""

    laws: tuple[str, ...]
    found: tuple[dict[str, Any], ...]
    """Loans at fault, no more than one beyond those that may be held."""


@dataclass(frozen=True)
class Counted:
    """What a shard's loans are counted by."""

    stood: tuple[int, int]
    """Rows of the parent's positions that it read, and the sum of their loans' ids."""
    events: int
    """Booked on the date."""
    ids: int
    """Loans of the day: those that stand, wait or are held."""
    before: int
    """That the day began with."""
    boarded: int
    rows: dict[str, int]
    """That the version stores, by table."""
    told: Counts
    """Of its loans: without the day's accrual."""
    applied: int


@dataclass(frozen=True)
class Receipt:
    """What a shard did."""

    shard: int
    attempt: str
    inputs: Inputs
    low: int
    high: int
    refused: Refusal | None = None
    counted: Counted | None = None
    movements: tuple[tuple[int, ...], ...] = ()
    """Of general-ledger accounts by its loans' own transfers: rows of `account_movements`."""
    accruals: tuple[dict[str, Any], ...] = ()
    """The day's accrual, one sum for many loans (schema `Transfers`)."""
    expected: tuple[tuple[int, ...], ...] = ()
    """What its positions carry by account: rows of `carried_by_account`."""
    laws: tuple[tuple[str, bool, int, str], ...] = ()
    """Name, verdict, how many break it, figures."""
    held: tuple[dict[str, Any], ...] = ()
    """Schema `HELD`."""
    files: tuple[NewFile, ...] = ()
