"""Days closed in shards: cut, mapped, put together, committed at once, checked as stored, published."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import polars as pl

from loanbook.core.errors import LawBrokenError, LawsBrokenError, LedgerConflictError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import close as engine
from loanbook.core.servicing.laws.law import in_all
from loanbook.core.servicing.laws.setting_apart import Close, Limit
from loanbook.core.store.closing.outbox import identity, state_of, write_files
from loanbook.core.store.closing.registering import MovedOnError, register
from loanbook.core.store.instance import Close as Rules
from loanbook.core.store.lake import loans_of
from loanbook.core.store.parts.groups import bounds, digest_of, planned
from loanbook.core.store.writer import Ledger
from loanbook.core.store.writing import Provenance, anchor_row, law_rows, version_row
from loanbook.pipelines.servicing.held import told, with_names
from loanbook.pipelines.servicing.publishing import DayReport, decide, laws_frame
from loanbook.pipelines.servicing.quality import (
    PUBLISHED_COLUMNS,
    Gate,
    against_the_past,
    compared,
    every_position_has_terms,
)
from loanbook.pipelines.servicing.sharding.executors import Executor, cores, executor_of
from loanbook.pipelines.servicing.sharding.merging import (
    Merged,
    first_of_each,
    merged,
    must_be_allowed,
    must_be_whole,
)
from loanbook.pipelines.servicing.sharding.shard import close_shard, let_go
from loanbook.pipelines.servicing.sharding.spec import Inputs, Receipt, ShardSpec

LOANS_A_SHARD = 500_000
"""Loans that a shard has at most, where the instance says nothing: about a GiB of memory."""
COMMITS = 20
"""Times that a commit is made anew, where another run (an intake) commits first."""


@dataclass(frozen=True)
class Run:
    """What the days of a run have in common."""

    ledger: Ledger
    policies: PolicyBook
    by: Provenance
    gate: Gate
    limit: Limit
    close: Close
    stage: Callable[[str, dt.date], None]
    cash: dict[dt.date, pl.DataFrame]
    """What money at banks moved, by date: transfers of no loan."""


def shards_of(rules: Rules, loans: int) -> int:
    """Shards that a book of so many loans is closed in; 0: in one frame."""
    if loans < rules.from_loans:
        return 0
    if rules.executor == "none":
        return rules.shards
    return rules.shards or max(cores(), -(-loans // LOANS_A_SHARD))


def close_in_shards(
    run: Run, days: list[dt.date], rules: Rules, versions: list[int]
) -> Iterator[DayReport]:
    """Close the days in order in shards, yielding each as it is published. Raises as
    `loanbook.pipelines.servicing.days.close_days`."""
    ledger = run.ledger
    ledger.register(run.policies)
    (below,) = ledger.one("SELECT next_event_id FROM {lake}.intake_head")
    plan = planned(ledger, (days[0], days[-1]), versions[0])
    groups = digest_of(ledger, plan)
    try:
        with executor_of(rules) as executor:
            for date, version in zip(days, versions, strict=True):
                head = ledger.head()
                inputs = Inputs(
                    identity(ledger), state_of(ledger)[1], version, date, head.published_version,
                    head.published_date, below, plan, groups, run.by.policy_hash, run.by.code_hash,
                )  # fmt: skip
                yield _day(run, inputs, executor, shards_of(rules, loans_of(ledger.connection)))
    finally:
        let_go()


def _day(run: Run, inputs: Inputs, executor: Executor, shards: int) -> DayReport:
    started = time.perf_counter()
    specs = _cut(run, inputs, max(shards, 1))
    # a wrapper of the engine is for tests; worker processes know the engine by themselves
    work = close_shard if run.close is engine else partial(close_shard, engine=run.close)
    receipts = first_of_each(executor.map(work, specs), specs)
    done = _merged(run, inputs, receipts)
    run.stage("computed", inputs.date)
    computed = time.perf_counter()
    _commit(run, done)
    run.stage("committed", inputs.date)
    written = time.perf_counter()
    checks = _checks(run, done, specs)
    failed = decide(run.ledger, {(inputs.version, inputs.date): checks}, run.by)
    if failed is not None:
        raise failed
    run.stage("published", inputs.date)
    seconds = {"compute": computed - started, "write": written - computed,
               "gate": time.perf_counter() - written}  # fmt: skip
    shown = [laws_frame(done.laws), checks.select("suite", "name", "passed", "figures")]
    return DayReport(
        inputs.date, inputs.version, done.loans, done.applied, done.counts.totals, pl.concat(shown),
        seconds, with_names(run.ledger, done.held),
    )  # fmt: skip


def _cut(run: Run, inputs: Inputs, shards: int) -> list[ShardSpec]:
    at = bounds(run.ledger, (inputs.parent, inputs.parent_date), inputs.date, shards)
    home = str(run.ledger.settings.home)
    return [
        ShardSpec(home, run.by.run_id, inputs, n, low, high, run.limit.loans)
        for n, (low, high) in enumerate(zip(at, at[1:], strict=False))
    ]


def _merged(run: Run, inputs: Inputs, receipts: list[Receipt]) -> Merged:
    ledger = run.ledger
    try:
        must_be_allowed(receipts, run.limit, inputs.date)
    except LawsBrokenError as broken:
        raise LawBrokenError(told(broken, ledger)) from broken
    done = merged(receipts, ledger.balances_of(inputs.parent), run.cash.get(inputs.date))
    stood = ledger.one(
        "SELECT count(*), coalesce(sum(loan_id), 0)::BIGINT FROM {lake}.positions "
        "WHERE version = ? AND business_date = ?",
        [inputs.parent, inputs.parent_date],
    )
    (events,) = ledger.one(
        "SELECT count(*) FROM {lake}.events WHERE booking_date = ? AND event_id < ?",
        [inputs.date, inputs.events_below],
    )
    must_be_whole(receipts, (int(stood[0]), int(stood[1])), int(events), done)
    return done


def _commit(run: Run, done: Merged) -> None:
    """Name all files and move the row that decides, in one transaction; again where an intake was first."""
    ledger, told = run.ledger, done.inputs
    stamped = {"version": pl.lit(told.version, pl.Int64), "business_date": pl.lit(told.date)}
    rows = [
        ("account_balances", done.balances.with_columns(**stamped)),
        ("transfers", done.accruals.with_columns(version=stamped["version"])),
        ("versions", version_row(told.version, told.parent, told.date, done.counts, run.by)),
        ("checks", law_rows(told.version, told.date, done.laws)),
        ("audit_anchors", anchor_row(told.version, run.by)),
        ("publications", ledger.skipped(told.parent, told.version, run.by.actor)),
    ]
    for attempt in range(COMMITS):
        at = state_of(ledger)
        if at[1] != told.schema:
            break
        head = ledger.head_moved_on(told.version, told.date, told.parent)
        name = f"{run.by.run_id.replace('-', '')[:16]}-{told.version}-driver-{attempt}-{os.urandom(4).hex()}"
        own = write_files(ledger, ledger.settings, name, [*rows, ("ledger_head", head)])
        said = f"close {told.date} as version {told.version}"
        try:
            register(ledger, [*done.files, *own], "ledger_head", at, (run.by.actor, said))
        except MovedOnError:
            continue
        return
    raise LedgerConflictError(
        f"{told.date} could not be committed as version {told.version}: other runs kept changing the ledger; "
        "nothing of this attempt was kept; run again when they are done"
    )


GATE_ROWS = 1_000_000
"""Positions that the gate looks at together: a run of it costs half a second, be it of ten."""


def _checks(run: Run, done: Merged, specs: list[ShardSpec]) -> pl.DataFrame:
    """What the gate sees of the version as it is stored, a shard's range at a time; and comparisons."""
    ledger, told = run.ledger, done.inputs
    of = (told.version, told.date)
    stored = f"{{lake}}.positions WHERE version = {of[0]} AND business_date = DATE '{of[1]}'"
    seen: list[pl.DataFrame] = []
    waiting: list[pl.DataFrame] = []
    for spec in specs:
        rows = ledger.frame(
            f"SELECT version, {', '.join(PUBLISHED_COLUMNS)} FROM {stored} "
            f"AND loan_id >= {spec.low} AND loan_id < {spec.high}"
        )
        waiting.append(rows)
        whole = spec is specs[-1]
        if not whole and sum(each.height for each in waiting) < GATE_ROWS:
            continue
        rows, waiting = pl.concat(waiting), []
        if rows.height or not seen:
            seen.append(run.gate.check({of: rows}))
    before = done.before if told.parent_date else None
    return pl.concat(
        [
            _together(seen),
            against_the_past(*of, done.loans, done.boarded, before),
            every_position_has_terms(ledger, {of: _entered(run, done)}),
            _adds_up(run, done, stored),
        ],
        how="diagonal",
    )


def _together(seen: list[pl.DataFrame]) -> pl.DataFrame:
    """Verdicts over ranges of loans as those over the whole."""
    if len(seen) == 1:
        return seen[0]
    keys = ["version", "business_date", "suite", "name"]
    summed = pl.concat(seen).group_by(keys, maintain_order=True).agg(
        pl.col("passed").all(), pl.col("broken").sum(), pl.col("figures"), pl.col("seconds").sum()
    )  # fmt: skip
    figures = pl.Series("figures", [in_all(each) for each in summed["figures"].to_list()])
    return summed.with_columns(figures).select(seen[0].columns)


def _entered(run: Run, done: Merged) -> pl.Series:
    """Loans that entered the book, or were lived again: all others have had terms since they entered."""
    told = done.inputs
    return run.ledger.frame(
        """
        SELECT loan_id FROM {lake}.positions WHERE version = ? AND business_date = ? AND (
            loan_id NOT IN (SELECT loan_id FROM {lake}.positions WHERE version = ? AND business_date = ?)
            OR loan_id IN (SELECT loan_id FROM {lake}.restated_loans WHERE version = ?))
        """,
        [told.version, told.date, told.parent, told.parent_date, told.version],
    )["loan_id"]


def _adds_up(run: Run, done: Merged, stored: str) -> pl.DataFrame:
    """Rows and sums of what is stored are those that the shards told."""
    names = ("principal", "interest_accrued", "accrued_today", "credit")
    sums = ", ".join(f"coalesce(sum({name}), 0)::BIGINT" for name in names)
    found = run.ledger.one(f"SELECT count(*), {sums} FROM {stored}")
    totals = done.counts.totals
    expected = (done.loans, *(totals[name] for name in names))
    off = sum(a != b for a, b in zip(found, expected, strict=True))
    told = done.inputs
    figures = f"{done.loans} loans, {totals['principal']} minor principal"
    return compared(told.version, told.date, "shards_add_up", off, figures)
