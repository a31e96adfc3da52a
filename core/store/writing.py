"""Rows that the ledger stores of an intake or a close: pure frames, no database here."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import ENDED, Kind, Status, label
from loanbook.core.catalogue.components import CLAIM_ROLES
from loanbook.core.contract.schedule.expansion import digest, digest_of, expand_from
from loanbook.core.contract.terms import Terms
from loanbook.core.ledger.events import EVENT_COLUMNS
from loanbook.core.servicing.day.close import DayClose
from loanbook.core.servicing.laws.law import Law
from loanbook.core.servicing.loan.business_date import dated
from loanbook.core.servicing.loan.positions import STATE
from loanbook.core.servicing.replay.backdating import Restatement
from loanbook.core.store.lake import utc_now


@dataclass(frozen=True)
class Provenance:
    """Who closes, with which code and policies: stands on every version."""

    run_id: str
    actor: str
    policy_hash: str
    code_hash: str
    trail: tuple[int, str] | None = None
    """The audit trail's last entry and its hash as the run began; None: there is no trail."""


@dataclass(frozen=True)
class Intake:
    """What one landing file adds, ready to commit. Loan and event ids are given at commit."""

    file: dict[str, Any]
    loans: pl.DataFrame | None = None
    """New loans in sorted key order: `loan_key` and the columns of `Terms` but `loan_id`."""
    attributes: pl.DataFrame | None = None
    reported: pl.DataFrame | None = None
    events: pl.DataFrame | None = None
    """Events without `event_id`; of new loans `loan_id` is null and `loan_key` names them."""
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    """Rows of other tables, by name: what a bank's file tells."""
    again: tuple[int, ...] = ()
    """Lines that were quarantined by `UNKNOWN_LOAN` and are tried again, all that is given of a file that
    was taken in before; none: the file is new, unless it `is_known`."""
    is_known: bool = False
    """The file was taken in before: what is given came of its rows since, and is no row of it."""


UNKNOWN_LOAN = "unknown_loan"
"""The rule by which a row waits for its loan."""


def numbered(
    intake: Intake, loan_id: int, event_id: int, gathered: dict[str, list[pl.DataFrame]]
) -> tuple[int, int]:
    """Give ids to a file's loans and events and gather its rows by table."""

    def add(table: str, rows: pl.DataFrame) -> None:
        if rows.height:
            gathered.setdefault(table, []).append(rows)

    ids = pl.DataFrame(schema={"loan_key": pl.String, "loan_id": pl.Int64})
    if intake.loans is not None and intake.loans.height:
        count = intake.loans.height
        loans = intake.loans.with_columns(
            loan_id=pl.int_range(loan_id, loan_id + count, dtype=pl.Int64)
        )
        ids = loans.select("loan_key", "loan_id")
        loan_id += count
        file_id = pl.lit(intake.file["file_id"])
        add(
            "loan_keys",
            loans.select(
                "loan_id", "loan_key", "entity", "product", "currency", "line",
                file_id=file_id,
                boards_on=pl.coalesce("taken_over_on", "disbursed_on"),
            ),
        )  # fmt: skip
    for table, rows in (("loan_attributes", intake.attributes), ("reported", intake.reported)):
        if rows is not None and rows.height:
            add(table, rows.join(ids, on="loan_key").drop("loan_key"))
    if intake.events is not None and intake.events.height:
        events = (
            intake.events.join(ids.rename({"loan_id": "fresh"}), on="loan_key", how="left",
                               maintain_order="left")
            .with_columns(
                loan_id=pl.coalesce("loan_id", "fresh"),
                event_id=pl.int_range(event_id, event_id + intake.events.height, dtype=pl.Int64),
            )
            .select(EVENT_COLUMNS)
        )  # fmt: skip
        event_id += events.height
        add("events", events)
    for table, rows in intake.tables.items():
        add(table, rows.with_columns(_stamps(table, intake.file)))
    if not (intake.again or intake.is_known):
        add("files", pl.DataFrame([intake.file]))
    if intake.quarantine:
        add("quarantine", pl.DataFrame(intake.quarantine))
    return loan_id, event_id


def _stamps(table: str, file: Mapping[str, Any]) -> list[pl.Expr]:
    """What each row of a file bears in a table."""
    at = pl.lit(file["recorded_at"]).cast(pl.Datetime("us")).alias("recorded_at")
    return (
        [at] if table == "suspense_candidates" else [at, pl.lit(file["file_id"]).alias("file_id")]
    )


TOTALS = (*CLAIM_ROLES, "credit", "accrued_today", "paid_today")
"""Columns of positions whose sums are control totals; with them stand the `transfers`."""


def control_totals(closed: DayClose) -> dict[str, int]:
    """Sums by which a version can be recognised, in minor units."""
    positions = closed.book.positions
    sums = positions.select(pl.col(name).sum() for name in TOTALS).row(0)
    totals = {name: int(value or 0) for name, value in zip(TOTALS, sums, strict=True)}
    return totals | {"transfers": int(closed.transfers["amount"].sum() or 0)}


@dataclass(frozen=True)
class Counts:
    """What a version tells of its day, or a part of it of its own."""

    high_water: int
    """Number of the last event that took effect; 0: none did."""
    rows: dict[str, int]
    """Of the day itself: positions, dues, transfers, allocations."""
    totals: dict[str, int]
    """Control totals."""


def counts_of(closed: DayClose) -> Counts:
    """What a close is counted by."""
    high = closed.applied["event_id"].max()
    rows = {
        "positions": closed.book.positions.height, "dues": closed.book.dues.height,
        "transfers": closed.transfers.height, "allocations": closed.allocations.height,
    }  # fmt: skip
    return Counts(int(high) if isinstance(high, int) else 0, rows, control_totals(closed))


def version_row(
    version: int, parent: int, date: dt.date, counts: Counts, by: Provenance
) -> pl.DataFrame:
    """The row of `versions`: date, inputs, policy and code, counts and control totals."""
    return pl.DataFrame(
        {
            "version": [version],
            "parent": [parent],
            "business_date": [date],
            "run_id": [by.run_id],
            "event_high_water": [counts.high_water],
            "policy_hash": [by.policy_hash],
            "code_hash": [by.code_hash],
            **{name: [rows] for name, rows in counts.rows.items()},
            "control_totals": [json.dumps(counts.totals)],
            "actor": [by.actor],
            "committed_at": [utc_now()],
        }
    )


def anchor_row(version: int, by: Provenance) -> pl.DataFrame:
    """The row of `audit_anchors`: where the audit trail stood; none where no trail is kept."""
    rows = [] if by.trail is None else [(version, *by.trail)]
    return pl.DataFrame(
        rows, schema={"version": pl.Int64, "entries": pl.Int64, "hash": pl.String}, orient="row"
    )


def law_rows(version: int, date: dt.date, laws: list[Law]) -> pl.DataFrame:
    """Verdicts of the conservation laws over a close, as rows of `checks`."""
    return pl.DataFrame(
        {
            "version": [version] * len(laws),
            "business_date": [date] * len(laws),
            "suite": ["laws"] * len(laws),
            "name": [law.name for law in laws],
            "passed": [law.holds for law in laws],
            "broken": [law.broken for law in laws],
            "figures": [law.figures for law in laws],
        },
        schema_overrides={"version": pl.Int64},
    )


def loan_rows(closed: DayClose) -> pl.DataFrame:
    """Terms of loans that entered the book, and the endings of those that left it."""
    names = Terms.column_names()
    boarded = closed.boarded.select(names).with_columns(
        boarded_on=pl.lit(closed.date), closed_on=pl.lit(None, dtype=pl.Date)
    )
    wide = closed.book.wide()
    if not wide["status"].is_in(ENDED).any():
        return boarded
    return pl.concat([boarded, ended_rows(dated(wide, closed.date))], how="diagonal")


def ended_rows(wide: pl.DataFrame) -> pl.DataFrame:
    """The endings of loans that left the book on their `business_date`; `wide`: terms and positions."""
    totals = ["principal_paid", "interest_paid", "charges_paid", "interest_earned"]
    reasons = {
        Status.closed.value: "paid in full",
        Status.written_off.value: "written off",
        Status.settled.value: "settled",
    }
    return wide.filter(pl.col("status").is_in(ENDED)).select(
        *Terms.column_names(),
        *totals,
        closed_on="business_date",
        close_reason=pl.col("status").replace_strict(reasons, return_dtype=pl.String),
    )


def day_rows(closed: DayClose, digests: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """What a version stores of its day's loans, by table, without the version.

    `digests` (`loan_id`, `schedule_digest`) covers at least the loans that the close boards.
    """
    dated_ = {"business_date": pl.lit(closed.date)}
    return {
        "positions": closed.book.positions.with_columns(**dated_),
        "dues": closed.book.dues.with_columns(**dated_),
        "transfers": closed.transfers,
        "allocations": closed.allocations.with_columns(**dated_),
        "changed_terms": closed.changed.with_columns(**dated_),
        "loans": loan_rows(closed),
        "schedules": schedule_rows(closed, digests),
        "held_loans": closed.book.held.with_columns(**dated_),
    }


def restated_days(closed: DayClose, restated: Restatement) -> pl.DataFrame:
    """Positions of every day of the loans that were lived again, with `business_date` and the terms' `flags`; those of
    the day before the first change too, where that was lived again."""
    day = dt.timedelta(days=1)
    columns = [*STATE, "business_date", "flags"]
    return restated.lived.stay.rows(columns, restated.first - day, closed.date - day)


def restated_rows(
    closed: DayClose,
    restated: Restatement,
    without_terms: pl.Series,
    days: pl.DataFrame | None = None,
) -> dict[str, pl.DataFrame]:
    """What a version stores of the days that were lived again, by table, without the version.

    `without_terms`: ids of the loans whose terms no version before stored; they came late. `days`: `restated_days`, where
    it is made already.
    """
    last = closed.date - dt.timedelta(days=1)
    days = restated_days(closed, restated) if days is None else days
    marked = restated.since.with_columns(through_date=pl.lit(last))
    life = restated.lived
    loans, schedules = [reopened_rows(closed, restated)], []
    for each in life.rounds:
        new = each.boarded.filter(pl.col("loan_id").is_in(without_terms.implode()))
        if new.height:
            entered = new.select(
                *Terms.column_names(), boarded_on="business_date", closed_on=pl.lit(None, pl.Date)
            )
            loans.append(entered)
            first = digest(new.drop("business_date")).join(
                new.select("loan_id", valid_from="business_date"), on="loan_id"
            )
            schedules.append(_first_version(first))
        changed = restated.of_its_days(each.changed)
        schedules.append(changed_schedules(each.wide, changed, each.applied))
        loans.append(ended_rows(restated.of_its_days(each.wide)))
    return {
        "restated_loans": marked,
        "positions": restated.of_its_days(days.drop("flags")),
        "dues": restated.of_its_days(life.stay.dues(restated.first, last)),
        "allocations": restated.of_its_days(life.all("allocations")),
        "changed_terms": restated.of_its_days(life.all("changed")),
        "loans": pl.concat(loans, how="diagonal"),
        "schedules": pl.concat(schedules, how="diagonal") if schedules else pl.DataFrame(),
    }


def _first_version(digests: pl.DataFrame) -> pl.DataFrame:
    """Rows of `schedules` for loans that enter the book; `digests` has their `valid_from`."""
    return digests.with_columns(
        schedule_version=pl.lit(1, dtype=pl.Int32), reason=pl.lit("boarded")
    )


DIGESTS = {"loan_id": pl.Int64, "schedule_digest": pl.UInt64}


def digests_of(boarded: pl.DataFrame) -> pl.DataFrame:
    """Digests of the schedules of loans that are boarded (schema `DIGESTS`)."""
    return digest(boarded) if boarded.height else pl.DataFrame(schema=DIGESTS)


def reopened_rows(closed: DayClose, restated: Restatement) -> pl.DataFrame:
    """Restated loans that live, though they had ended before."""
    live = restated.had_ended.filter(
        restated.had_ended.is_in(
            closed.book.positions.filter(~pl.col("status").is_in(ENDED))["loan_id"].implode()
        )
    )
    terms = closed.book.terms.filter(pl.col("loan_id").is_in(live.implode()))
    return terms.select(Terms.column_names()).with_columns(
        closed_on=pl.lit(None, dtype=pl.Date),
        close_reason=pl.lit("lives on"),
    )


def schedule_rows(closed: DayClose, digests: pl.DataFrame) -> pl.DataFrame:
    """The first schedule version of every loan that entered the book, and those of changes.

    Later ones are numbered where they are read, in order of their day; `event_id` names the
    change that opened them.
    """
    boarded = digests.join(closed.boarded.select("loan_id"), on="loan_id", how="semi")
    first = _first_version(boarded.with_columns(valid_from=pl.lit(closed.date)))
    if closed.changed.is_empty():
        return first
    later = changed_schedules(
        dated(closed.book.wide(), closed.date), closed.changed, closed.applied
    )
    return pl.concat([first, later], how="diagonal")


def changed_schedules(
    wide: pl.DataFrame, changed: pl.DataFrame, applied: pl.DataFrame
) -> pl.DataFrame:
    """Schedule versions that events opened on the loans' `business_date`, where instalments are left.

    `wide`: terms, positions and `business_date`; `changed`: `loan_id`, `event_id`; `applied`: events.
    """
    standing = wide.join(changed.select("loan_id", "event_id"), on="loan_id").filter(
        pl.col("instalment_no") <= pl.col("instalments")
    )
    versions = standing.select("loan_id", "event_id", valid_from="business_date").join(
        applied.select("event_id", reason=label("kind", Kind)), on="event_id", how="left"
    )
    if standing.is_empty():
        return versions.with_columns(schedule_digest=pl.lit(None, dtype=pl.UInt64))
    # no event: a moratorium moves on by itself
    named = versions.with_columns(pl.col("reason").fill_null(Kind.moratorium_granted.name))
    return digest_of(expand_from(standing)).join(named, on="loan_id")
