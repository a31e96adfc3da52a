"""What shards told, as one day: each shard once, all of the same inputs, whole and disjoint; then the whole's laws."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from loanbook.core.errors import LawBrokenError, LawsBrokenError, LedgerError
from loanbook.core.frames import empty
from loanbook.core.ledger.transfers import Transfers, account_movements, accruals_of_parts
from loanbook.core.servicing.laws.accounts import PLACE, ledger_carries, moved_on, trial_balance
from loanbook.core.servicing.laws.law import Law, in_all
from loanbook.core.servicing.laws.setting_apart import Limit
from loanbook.core.servicing.loan.book import HELD
from loanbook.core.store.closing.books import BALANCES
from loanbook.core.store.closing.outbox import NewFile
from loanbook.core.store.writing import Counts
from loanbook.pipelines.servicing.sharding.spec import Counted, Inputs, Receipt, ShardSpec


@dataclass(frozen=True)
class Merged:
    """A day of all shards."""

    inputs: Inputs
    files: tuple[NewFile, ...]
    accruals: pl.DataFrame
    """Transfers that are of no single loan: the day's accrual, and what moved at banks."""
    balances: pl.DataFrame
    laws: list[Law]
    held: pl.DataFrame
    rows: dict[str, int]
    """By table, that shards stored."""
    counts: Counts
    boarded: int
    before: int
    applied: int

    @property
    def loans(self) -> int:
        """Of which the day has a position."""
        return self.counts.rows["positions"]


def first_of_each(receipts: Iterable[Receipt], specs: Sequence[ShardSpec]) -> list[Receipt]:
    """The first receipt of each shard, in their order: what others of it wrote no one will ever name.

    LedgerError where a shard has none, or one is of another day, version or policies than was asked.
    """
    first: dict[int, Receipt] = {}
    for receipt in receipts:
        first.setdefault(receipt.shard, receipt)
    asked = {spec.shard: spec for spec in specs}
    if set(first) != set(asked):
        lost = sorted(set(asked) ^ set(first))
        raise LedgerError(f"shards {lost} have no receipt: nothing was committed; run again")
    for number, receipt in first.items():
        spec = asked[number]
        if (receipt.inputs, receipt.low, receipt.high) != (spec.inputs, spec.low, spec.high):
            raise LedgerError(
                f"shard {number} was closed from other inputs than were asked of it: nothing was "
                "committed; give every worker the same instance and release, and run again"
            )
    return [first[number] for number in sorted(first)]


def must_be_allowed(receipts: Sequence[Receipt], limit: Limit, date: dt.date) -> None:
    """LawsBrokenError where a shard was refused, or more loans are held than the whole book may."""
    refused = [each.refused for each in receipts if each.refused is not None]
    counted = [each.counted for each in receipts if each.counted is not None]
    most = limit.of(sum(each.ids for each in counted)) if not refused else limit.loans
    held = [row for each in receipts for row in each.held]
    if not refused and len(held) <= most:
        return
    found = [row for each in refused for row in each.found] + (held if not refused else [])
    laws = dict.fromkeys(name for each in refused for name in each.laws)
    laws |= dict.fromkeys(row["law"] for row in (held if not refused else []))
    schema = {"loan_id": pl.Int64, "law": pl.String, "figures": pl.String, "remedy": pl.String}
    rows = pl.DataFrame([{key: row[key] for key in schema} for row in found], schema=schema)
    raise LawsBrokenError(date, rows, list(laws), most)


def merged(
    receipts: Sequence[Receipt], balances: pl.DataFrame, beside: pl.DataFrame | None = None
) -> Merged:
    """The day of all shards (`first_of_each`), upon the general ledger's `balances` before it, with transfers that
    are of no loan `beside` it.

    LawBrokenError where the whole breaks a law that no part of it does.
    """
    counted = [each.counted for each in receipts if each.counted is not None]
    accruals = accruals_of_parts(
        pl.DataFrame(
            [row for each in receipts for row in each.accruals], schema=empty(Transfers).schema
        )
    )
    if beside is not None:
        accruals = pl.concat([accruals, beside])
    nights = account_movements(accruals).cast(_by_account("movement"))  # type: ignore[arg-type]
    moved = pl.concat([_frame(receipts, "movements", "movement"), nights])
    after = moved_on(balances, moved)
    counts = _with_accruals([each.told for each in counted], accruals)
    laws = _laws(receipts, after, counts.totals["principal"])
    broken = [law for law in laws if not law.holds]
    if broken:
        raise LawBrokenError(
            f"{receipts[0].inputs.date}: "
            + "; ".join(f"{law.name} is broken by {law.broken} over all shards" for law in broken)
            + "; nothing was committed"
        )
    held = [row for each in receipts for row in each.held]
    return Merged(
        receipts[0].inputs, tuple(file for each in receipts for file in each.files), accruals, after,
        laws, pl.DataFrame(held, schema=HELD).sort("loan_id"),
        _sums(each.rows for each in counted), counts,
        _sum(counted, "boarded"), _sum(counted, "before"), _sum(counted, "applied"),
    )  # fmt: skip


def _with_accruals(told: Sequence[Counts], accruals: pl.DataFrame) -> Counts:
    """What all shards are counted by together, with the transfers of no single loan."""
    rows, totals = _sums(each.rows for each in told), _sums(each.totals for each in told)
    rows["transfers"] += accruals.height
    totals["transfers"] += int(accruals["amount"].sum() or 0)
    return Counts(max(each.high_water for each in told), rows, totals)


def must_be_whole(
    receipts: Sequence[Receipt], stood: tuple[int, int], events: int, done: Merged
) -> None:
    """LedgerError unless the shards read each of the parent's positions and the day's events once, and their files
    hold the rows that they tell of. `stood`: the parent's positions and the sum of their ids."""
    counted = [each.counted for each in receipts if each.counted is not None]
    read = (sum(each.stood[0] for each in counted), sum(each.stood[1] for each in counted))
    wrong = []
    if read != stood:
        wrong.append(
            f"they read {read[0]:,} positions of other loans than the {stood[0]:,} there are"
        )
    if _sum(counted, "events") != events:
        wrong.append(f"they read {_sum(counted, 'events'):,} events, of {events:,}")
    in_files: dict[str, int] = {}
    for file in done.files:
        in_files[file.table] = in_files.get(file.table, 0) + file.rows
    if in_files != done.rows:
        wrong.append(f"their files hold {in_files} rows, their receipts tell of {done.rows}")
    if wrong:
        raise LedgerError(
            f"the shards of {done.inputs.date} are not the whole day: {'; '.join(wrong)}; nothing was "
            "committed; run again"
        )


def _laws(receipts: Sequence[Receipt], balances: pl.DataFrame, principal: int) -> list[Law]:
    """Each law as it would be over the whole; those of the ledger are seen anew."""
    by_name: dict[str, list[tuple[bool, int, str]]] = {}
    for each in receipts:
        for name, holds, broken, figures in each.laws:
            by_name.setdefault(name, []).append((holds, broken, figures))
    expected = _frame(receipts, "expected", "expected")
    summed = expected.group_by(*PLACE, "account").agg(pl.col("expected").sum())
    whole = {
        law.name: law
        for law in (ledger_carries(summed, balances, principal), trial_balance(balances))
    }
    laws = [
        whole.get(name)
        or Law(
            name, all(holds for holds, _, _ in seen), sum(broken for _, broken, _ in seen),
            in_all([figures for _, _, figures in seen]),
        )
        for name, seen in by_name.items()
    ]  # fmt: skip
    return sorted(laws, key=lambda law: law.name.startswith("restated_"))


def _frame(receipts: Sequence[Receipt], of: str, name: str) -> pl.DataFrame:
    rows = [row for each in receipts for row in getattr(each, of)]
    return pl.DataFrame(rows, schema=_by_account(name), orient="row")


def _by_account(amount: str) -> dict[str, Any]:
    """Schema of an `amount` by account."""
    return {name: BALANCES[name] for name in (*PLACE, "account")} | {amount: pl.Int64}


def _sums(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in parts:
        for name, value in part.items():
            found[name] = found.get(name, 0) + value
    return found


def _sum(counted: Sequence[Counted], name: str) -> int:
    return sum(getattr(each, name) for each in counted)
