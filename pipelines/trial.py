"""The trial at intake: what is taken in can be closed. New loans and orders are lived by the engine
before they enter; one that breaks a law or can't be computed goes to quarantine, with the reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import polars as pl

from loanbook.core.ledger.events import as_kept
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.laws.trial import fast_forwarded, faults
from loanbook.core.servicing.replay.fast_forward import History
from loanbook.core.store.history import StoredHistory
from loanbook.core.store.order_context import history
from loanbook.core.store.queries import Queries
from loanbook.core.store.writer import Ledger
from loanbook.core.store.writing import Intake

RULE = "can_not_be_closed"
COMMANDS = "commands"
"""The kind of file that orders come in."""
_RANKS = 20
"""Orders of one loan that are tried one after the other; of more, where one fails, the rest fails too."""


def tried(ledger: Ledger, policies: PolicyBook, files: list[Intake]) -> tuple[list[Intake], int]:
    """The files without the loans and orders that fail their trial, and how many rows those were.

    Files of one commit: tapes, or others.
    """
    if any(file.loans is not None and file.loans.height for file in files):
        return _without_loans(files, policies)
    orders = [file for file in files if file.file["kind"] == COMMANDS and file.events is not None]
    if not any(file.events.height for file in orders if file.events is not None):
        return files, 0
    return _without_orders(files, ledger, policies)


def lived(ledger: Queries, policies: PolicyBook, events: pl.DataFrame, through: dt.date) -> History:
    """Loans lived through all their `events`, known and new, to the end of a date that is not published.

    Those on which the engine fails are left out: the trial tells what of them is refused.
    """
    first_open = ledger.first_open()
    past = StoredHistory(ledger, policies, first_open) if first_open else None
    return fast_forwarded(events, policies, past, first_open, through)


def _without_loans(files: list[Intake], policies: PolicyBook) -> tuple[list[Intake], int]:
    """Tapes without the loans that can't be boarded."""
    parts = [file.events.with_columns(pl.lit(n).alias("_file")) for n, file in enumerate(files)
             if file.events is not None]  # fmt: skip
    events = pl.concat(parts, how="diagonal_relaxed").with_columns(
        loan_id=pl.col("loan_key").rank("dense").cast(pl.Int64)
    )
    failing = faults(_typed(events), policies, after=dt.timedelta(0))
    if failing.is_empty():
        return files, 0
    rows = events.select("loan_id", "loan_key", "line", "_file").unique("loan_id")
    told = rows.join(failing, on="loan_id").with_columns(
        found=pl.format("{}: {}: {}; board it on other terms", "loan_key", "law", "figures")
    )
    done = []
    for n, file in enumerate(files):
        bad = told.filter(pl.col("_file") == n)
        done.append(_refused(file, bad, "loan_key") if bad.height else file)
    return done, told.height


def _without_orders(
    files: list[Intake], ledger: Ledger, policies: PolicyBook
) -> tuple[list[Intake], int]:
    """Files without the orders that can't be closed, each after those before it that can."""
    parts = [
        file.events.with_columns(
            pl.lit(n).alias("_file"), pl.lit(file.file["kind"] == COMMANDS).alias("_ordered")
        )
        for n, file in enumerate(files) if file.events is not None
    ]  # fmt: skip
    events = pl.concat(parts, how="diagonal_relaxed")
    version, _ = ledger.published()
    held = ledger.held_by(version)
    orders = events.filter(pl.col("_ordered") & ~pl.col("loan_id").is_in(held["loan_id"].implode()))
    if orders.is_empty():
        return files, 0
    ids = orders["loan_id"].unique()
    known = history(ledger, ids)
    others = events.filter(~pl.col("_ordered") & pl.col("loan_id").is_in(ids.implode()))
    first_open = ledger.first_open()
    past = StoredHistory(ledger, policies, first_open) if first_open else None

    def failing(of: pl.DataFrame, loans: pl.Series) -> pl.DataFrame:
        beside = pl.concat([known, _typed(others)]).filter(pl.col("loan_id").is_in(loans.implode()))
        return faults(_numbered(pl.concat([beside, _typed(of)])), policies, past, first_open)

    bad = failing(orders, ids)["loan_id"]
    if bad.is_empty():
        return files, 0
    # those that fail without the orders too: they may be what mends them
    before = failing(orders.clear(), bad)["loan_id"]
    blamed = orders.filter(
        pl.col("loan_id").is_in(bad.implode()) & ~pl.col("loan_id").is_in(before.implode())
    )
    told = _one_by_one(blamed, failing)
    done = []
    for n, file in enumerate(files):
        rows = told.filter(pl.col("_file") == n)
        done.append(_refused(file, rows, "line") if rows.height else file)
    return done, told.height


def _one_by_one(
    orders: pl.DataFrame, failing: Callable[[pl.DataFrame, pl.Series], pl.DataFrame]
) -> pl.DataFrame:
    """The orders that fail after those before them that don't: `_file`, `line`, `loan_id`, `found`."""
    ranked = orders.sort("loan_id", "_file", "line", maintain_order=True).with_columns(
        rank=pl.struct("_file", "line").rank("dense").over("loan_id").cast(pl.Int64)
    )
    refused = pl.DataFrame(schema=_REFUSED)
    for rank in range(1, min(ranked.select(pl.col("rank").max().fill_null(0)).item(), _RANKS) + 1):
        last = rank if rank < _RANKS else 2**31
        these = ranked.filter(pl.col("rank") <= last).join(
            refused, on=["_file", "line"], how="anti"
        )
        now = these.filter(pl.col("rank") >= rank)
        if now.is_empty():
            continue
        bad = failing(these.select(orders.columns), now["loan_id"].unique())
        told = now.join(bad, on="loan_id").unique(["_file", "line"], maintain_order=True)
        words = pl.format(
            "{}: {}: {}; order it otherwise, or on another day", "source_ref", "law", "figures"
        )
        refused = pl.concat([refused, told.select("_file", "line", found=words).cast(_REFUSED)])
    return refused


_REFUSED = pl.Schema({"_file": pl.Int64, "line": pl.Int64, "found": pl.String})


def _refused(file: Intake, bad: pl.DataFrame, by: str) -> Intake:
    """The file without the rows that name the same loan (`by` loan_key) or line as `bad` (`line`, `found`);
    they are quarantined."""

    def kept(rows: pl.DataFrame | None) -> pl.DataFrame | None:
        return rows if rows is None else rows.join(bad, on=by, how="anti", maintain_order="left")

    stamps = {name: file.file[name] for name in ("file_id", "name", "kind", "recorded_at")}
    rows = [
        {**stamps, "line": line, "rule": RULE, "found": found}
        for line, found in bad.select("line", "found").rows()
    ]
    counts = {
        "accepted": file.file["accepted"] - len(rows),
        "quarantined": file.file["quarantined"] + len(rows),
    }
    whole = by == "loan_key"
    return replace(
        file,
        file=file.file | counts,
        loans=kept(file.loans) if whole else file.loans,
        attributes=kept(file.attributes) if whole else file.attributes,
        reported=kept(file.reported) if whole else file.reported,
        events=kept(file.events),
        quarantine=[*file.quarantine, *rows],
    )


def _typed(events: pl.DataFrame) -> pl.DataFrame:
    """Events of files as the ledger will keep them, numbered in their order."""
    return as_kept(_numbered(events))


def _numbered(events: pl.DataFrame) -> pl.DataFrame:
    return events.with_columns(event_id=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
