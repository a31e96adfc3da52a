"""Take landing files in: rows become loans and events, or quarantine with the rule named.

For every file: rows in = accepted + quarantined + duplicates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from loanbook.core.errors import IntakeError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import CANONICAL, CommandMapping, PaymentMapping
from loanbook.core.store.agreements.documents import signed_terms
from loanbook.core.store.banking.context import StoredBank, suspense_to_match
from loanbook.core.store.instance import read_instance
from loanbook.core.store.known.files import folders_at_rest, known_files
from loanbook.core.store.lake import utc_now
from loanbook.core.store.order_context import (
    StoredEvents,
    StoredLoans,
    come_since,
    floating,
    history,
    met,
    order_context,
    waived,
)
from loanbook.core.store.origination.known import StoredOrigination
from loanbook.core.store.queries import Queries
from loanbook.core.store.sending.instructions import StoredSending
from loanbook.core.store.sending.vault import Vault
from loanbook.core.store.writer import Ledger
from loanbook.core.store.writing import UNKNOWN_LOAN, Intake
from loanbook.pipelines.formats.registry import BY_NAME, examples
from loanbook.pipelines.formats.table import LONGEST
from loanbook.pipelines.ingest.events import Known, Taken, keys_of, with_note
from loanbook.pipelines.ingest.landing import (
    MAX_BYTES,
    LandingFile,
    NotYetError,
    address,
    cut_line,
    ends_itself,
    ends_open,
    far_dates,
    find,
    is_taken,
    landed,
    whole,
)
from loanbook.pipelines.ingest.lives import Lives
from loanbook.pipelines.ingest.orders.signed import let_wait
from loanbook.pipelines.ingest.origination.persons import put as put_persons
from loanbook.pipelines.ingest.shelving import let_rest, shelved
from loanbook.pipelines.instance import mapping_of
from loanbook.pipelines.trial import lived, tried

BATCH = 64
"""Files committed in one transaction."""


@dataclass
class IntakeReport:
    """What an intake run did."""

    files: int = 0
    known: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    refused_before: list[tuple[str, str]] = field(default_factory=list)
    """Files that an earlier run refused for the same reason, which still lie there."""
    notes: list[tuple[str, str]] = field(default_factory=list)
    """Files whose name ends with what is no mapping, and by which they were read."""
    unfinished: list[tuple[str, str]] = field(default_factory=list)
    """Files that may still be being written, with the reason: they wait for the next intake."""
    rows_in: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0
    again: int = 0
    """Rows among them that were quarantined before, since their loan had not come."""
    matched: int = 0
    """Entries that waited in suspense and were matched now; no rows of this run."""

    @property
    def reconciles(self) -> bool:
        """Nothing was lost between the files and the tables."""
        return self.rows_in == self.accepted + self.quarantined + self.duplicates


def take_in(
    ledger: Ledger,
    policies: PolicyBook,
    tape: str,
    *,
    correlation_id: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> IntakeReport:
    """Take every new file of the landing folder in: loans, then money, then orders.

    Idempotent: a file taken in before, by content and business date, is not read again. One that was
    refused is tried again, since a mapping, a policy or its name may have been mended; so are rows
    whose loan had not come.
    """
    run = _Run(ledger, policies, tape, correlation_id, IntakeReport())
    found = find(ledger.settings, folders_at_rest(ledger))
    _take_new(run, found.files, progress)
    _try_again(run, found.files)
    _match_again(run, found.files)
    let_rest(ledger, policies, found, read_instance(ledger.settings.home).intake.rest_days)
    return run.report


@dataclass(frozen=True)
class _Run:
    """An intake run: by what it reads files, and what it did."""

    ledger: Ledger
    policies: PolicyBook
    tape: str
    correlation_id: str
    report: IntakeReport


def _take_new(run: _Run, files: list[LandingFile], progress: Callable[[int, int], None]) -> None:
    """Take in what was not taken in yet."""
    ledger, policies, report = run.ledger, run.policies, run.report
    with ledger.at_once():
        judged_at = ledger.intake_head()
        seen, refused = known_files(ledger, {file.file_id for file in files})
    fresh: list[LandingFile] = []
    for file in files:
        if is_taken(file, seen, policies):
            report.known += 1
        else:
            fresh.append(file)
    if not fresh:
        return
    with ledger.at_once():
        fresh = _plausible(fresh, ledger)
        known = knowledge(ledger, policies, ledger.settings.home, len(fresh))
    waiting: list[Intake] = []
    kind = None
    for done, file in enumerate(fresh):
        if is_taken(file, seen, policies):  # another of this run has the same content
            report.known += 1
            continue
        new_kind = file.kind is not None and BY_NAME[file.kind].gives_loans
        # ids of new loans are given at commit, so payments wait until their tapes are in
        if waiting and (len(waiting) >= BATCH or (kind != new_kind)):
            judged_at = _commit(ledger, policies, waiting, report, judged_at)
            waiting, known.waiting = [], []
            known.fresh_loans = []
            if known.boarded:
                known.boarded.read_anew()
        kind = new_kind
        taken = _take(file, run, known)
        if taken and taken.file["state"] == "taken":
            seen.setdefault((file.file_id, file.business_date), set()).add(file.path.name)
        if taken and (file.file_id, taken.file["name"], taken.file["reason"]) in refused:
            report.refused_before.append(report.refused.pop())  # written already, and told
        elif taken:
            waiting.append(taken)
        progress(done + 1, len(fresh))
    if waiting:
        _commit(ledger, policies, waiting, report, judged_at)


def _try_again(run: _Run, files: list[LandingFile]) -> None:
    """Rows that were quarantined by `unknown_loan` and whose loan came since enter, or go to quarantine by
    another rule; of a file that still lies there. They are booked no earlier than the loan."""
    ledger, policies, report = run.ledger, run.policies, run.report
    came = come_since(ledger, LONGEST)
    if came.is_empty():
        return
    judged_at = ledger.intake_head()
    known = knowledge(ledger, policies, ledger.settings.home)
    waiting: list[Intake] = []
    for file in [*files, *_at_rest(came, files, ledger.settings.landing)]:
        rows = came.filter(
            (pl.col("file_id") == file.file_id)
            & (pl.col("name") == file.path.name)
            & (pl.col("business_date") == file.business_date)
        )
        for (booked,), lines in rows.group_by("boarded", maintain_order=True):
            assert isinstance(booked, dt.date)
            assert file.business_date is not None
            moved = replace(file, business_date=max(file.business_date, booked))
            try:
                taken = read_file(moved, policies, run.tape, known)
            except IntakeError:  # changed or no file any more; it was told of what it was
                continue
            _queue(taken, file, run, known)
            entering, again = _of_lines(taken, lines["line"].to_list())
            if again:
                row = _row(file, run.correlation_id)
                waiting.append(_entering(entering, row, known, report, again))
                report.again += len(again)
    if waiting:
        _commit(ledger, policies, waiting, report, judged_at)


def _match_again(run: _Run, files: list[LandingFile]) -> None:
    """Entries in suspense that may be told now that loans, mandates or references have come: their files are read again,
    since the ledger keeps no text in full. What is not told waits on; a file that is gone waits for people."""
    ledger, policies = run.ledger, run.policies
    waiting, seen = suspense_to_match(ledger)
    if waiting.is_empty():
        return
    judged_at = ledger.intake_head()
    known = knowledge(ledger, policies, ledger.settings.home)
    looked: list[Intake] = []
    keys = ["file_id", "name", "business_date"]
    there = {
        (each.file_id, each.path.name, each.business_date): each
        for each in [*files, *_at_rest(waiting, files, ledger.settings.landing)]
    }
    for key, rows in waiting.group_by(keys, maintain_order=True):
        file, taken = there.get(key), Taken(0, 0, 0, [], None)
        if file is not None:
            with suppress(IntakeError):  # changed or no file any more; it was told of what it was
                taken = read_file(file, policies, run.tape, replace(known, again=rows["entry_id"]))
        looked.append(
            _looked(taken, dict(zip(keys, key, strict=True)), rows.height, seen, run, known)
        )
    for start in range(0, len(looked), BATCH):
        judged_at = _commit(ledger, policies, looked[start : start + BATCH], run.report, judged_at)


def _looked(
    taken: Taken, of: dict[str, Any], waited: int, seen: str, run: _Run, known: Known
) -> Intake:
    """What a look at a file's suspense gave, with the look itself, ready to commit."""
    matched = taken.events.height if taken.events is not None else 0
    run.report.matched += matched
    look = pl.DataFrame(
        {"name": [of["name"]], "business_date": [of["business_date"]], "seen": [seen], "entries": [waited], "matched": [matched]}
    )  # fmt: skip
    row = of | {"kind": "bank", "correlation_id": run.correlation_id, "recorded_at": utc_now()}
    given = replace(taken, rows_in=matched, accepted=matched, duplicates=0, bad=[],
                    tables=dict(taken.tables) | {"suspense_looks": look})  # fmt: skip
    counted = IntakeReport()  # rows of the file were counted when it was taken in
    entering = _entering(given, row | {"rows_in": 0}, known, counted)
    return replace(entering, is_known=True)


def _at_rest(came: pl.DataFrame, files: list[LandingFile], landing: Path) -> list[LandingFile]:
    """Files of rows that may enter now that lie in folders which were not listed."""
    listed = {(file.file_id, file.path.name) for file in files}
    found = []
    for file_id, name, date in came.select("file_id", "name", "business_date").unique().rows():
        if (file_id, name) in listed or date is None:
            continue
        path = shelved(landing, file_id, name, date) or next(
            (p for p in landing.rglob(name) if not p.is_symlink() and address(p) == file_id), None
        )
        if path is not None:
            found.append(landed(path))
    return found


def _commit(
    ledger: Ledger,
    policies: PolicyBook,
    waiting: list[Intake],
    report: IntakeReport,
    judged_at: tuple[int, ...],
) -> tuple[int, ...]:
    """Commit files, without the loans and orders that could not be closed; where intake stands then."""
    passed, refused = tried(ledger, policies, waiting)
    report.accepted -= refused
    report.quarantined += refused
    return ledger.commit_intake(passed, judged_at)


def knowledge(ledger: Queries, policies: PolicyBook, home: Path, files: int = 1) -> Known:
    """What the ledger knows that a row of so many files may be about."""
    first_open = ledger.first_open()
    late = dt.timedelta(days=read_instance(home).intake.late_days)
    earliest = first_open - late if first_open else None
    vault = Vault(home / "lake")
    return Known(
        StoredLoans(ledger, policies.entities, files), StoredEvents(ledger, files), first_open, earliest,
        partial(order_context, ledger), partial(floating, ledger), partial(met, ledger), partial(waived, ledger),
        partial(history, ledger), Lives(partial(lived, ledger, policies), policies).through, home,
        bank=StoredBank(ledger), sending=StoredSending(ledger, vault),
        origination=StoredOrigination(ledger, vault),
        signed=partial(signed_terms, ledger),
    )  # fmt: skip


def _plausible(fresh: list[LandingFile], ledger: Ledger) -> list[LandingFile]:
    """The files, those with a date far from the book's or the clock's with the refusal."""
    known = [date for date in (*ledger.landed_dates(), ledger.head().published_date) if date]
    landed = [file.business_date for file in fresh if file.business_date]
    far = far_dates(landed, known, dt.datetime.now(dt.UTC).date())
    return [
        replace(file, refusal=far[file.business_date]) if file.business_date in far else file
        for file in fresh
    ]


def _take(file: LandingFile, run: _Run, known: Known) -> Intake | None:
    """What a file adds; None: it may still be being written."""
    row, report = _row(file, run.correlation_id), run.report
    try:
        taken = put_persons(
            read_file(file, run.policies, run.tape, known), run.ledger.settings, run.correlation_id
        )
    except NotYetError as why:
        report.unfinished.append((file.path.name, str(why)))
        return None
    except IntakeError as bad:
        report.refused.append((file.path.name, str(bad)))
        return Intake(row | {"state": "refused", "reason": str(bad)[:500]})
    report.files += 1
    _queue(taken, file, run, known)
    if taken.note:
        report.notes.append((file.path.name, taken.note))
    return _entering(taken, row | {"reason": taken.note[:500]}, known, report)


def _queue(taken: Taken, file: LandingFile, run: _Run, known: Known) -> None:
    """Let rows that wait for another person do so. Before the file is committed: a run that dies between takes
    the file again, and finds them waiting."""
    if taken.proposals is None or taken.proposals.is_empty():
        return
    version, _ = run.ledger.published()
    loans = known.loans("loan_key", taken.proposals["loan_key"])
    let_wait(taken.proposals, file, run.policies, loans, run.ledger.settings, version)


def _row(file: LandingFile, correlation_id: str) -> dict[str, Any]:
    """The row of `files` of a file that nothing was taken of yet."""
    now = utc_now()
    return {
        "file_id": file.file_id, "name": file.path.name, "kind": file.kind or "unknown",
        "business_date": file.business_date, "bytes": file.bytes, "state": "taken",
        "reason": "", "rows_in": 0, "accepted": 0, "quarantined": 0, "duplicates": 0,
        "correlation_id": correlation_id, "recorded_at": now,
    }  # fmt: skip


def _entering(
    taken: Taken,
    row: dict[str, Any],
    known: Known,
    report: IntakeReport,
    again: tuple[int, ...] = (),
) -> Intake:
    """What is read of a file, ready to commit and known to the files that follow. `row`: as `_row` has it;
    `again`: lines that leave quarantine."""
    stamps = {name: row[name] for name in ("file_id", "name", "kind", "recorded_at")}
    stamped = [stamps | bad_row for bad_row in taken.bad]
    counts = {
        "rows_in": taken.rows_in, "accepted": taken.accepted,
        "quarantined": len(taken.bad), "duplicates": taken.duplicates,
    }  # fmt: skip
    if counts["rows_in"] != counts["accepted"] + counts["quarantined"] + counts["duplicates"]:
        raise IntakeError(f"{row['name']}: rows were lost: {counts}; this is a defect, report it")
    for name, count in counts.items():
        setattr(report, name, getattr(report, name) + count)
    if taken.events is None:  # every row was refused
        return Intake(row | counts, quarantine=stamped, tables=taken.tables, again=again)
    events = taken.events.with_columns(
        file_id=pl.lit(row["file_id"]),
        correlation_id=pl.lit(row["correlation_id"]),
        recorded_at=pl.lit(row["recorded_at"]).cast(pl.Datetime("us")),
    )
    known.waiting.append(taken.events)
    known.add(keys_of(events))
    if taken.loans is not None:  # the next tape of the run may hold them again
        on = pl.lit(row["business_date"], dtype=pl.Date)
        known.landed.append(taken.loans.select("loan_key", landed_on=on))
        known.fresh_loans.append(taken.loans.select("loan_key", "product"))
    return Intake(
        row | counts,
        taken.loans,
        taken.attributes,
        taken.reported,
        events,
        stamped,
        taken.tables,
        again,
    )


def _of_lines(taken: Taken, lines: list[int]) -> tuple[Taken, tuple[int, ...]]:
    """What a file gives by some of its lines, without those whose loan is unknown still; and their numbers."""
    unknown = {row["line"] for row in taken.bad if row["rule"] == UNKNOWN_LOAN}
    tried = tuple(line for line in lines if line not in unknown)
    bad = [row for row in taken.bad if row["line"] in tried]
    events, accepted = taken.events, 0
    if events is not None:
        events = events.filter(pl.col("line").is_in(tried))
        accepted = events["line"].n_unique()
    known_before = len(tried) - accepted - len(bad)
    return Taken(len(tried), accepted, known_before, bad, events), tried


def read_file(file: LandingFile, policies: PolicyBook, tape: str, known: Known) -> Taken:
    """What a file gives. Raises IntakeError, with the remedy, if it is none that can be read, and
    NotYetError if it may still be being written."""
    if file.refusal:
        raise IntakeError(file.refusal)
    if file.kind is None or file.business_date is None:
        raise IntakeError(f"the name tells no kind and business date; name it like {examples()}")
    if file.bytes > MAX_BYTES:
        raise IntakeError(f"{file.bytes} bytes are more than {MAX_BYTES}; send it in parts")
    mapping, ending = mapping_of(BY_NAME[file.kind], file.mapping, policies, tape, known.home)
    if mapping.name == CANONICAL and isinstance(mapping, PaymentMapping | CommandMapping):
        mapping = mapping.model_copy(update={"sources_before": _sources_before(policies, known)})
    rules = read_instance(known.home).intake
    if ends_itself(file):
        rules = rules.model_copy(update={"complete": "any"})
    data, cut = cut_line(whole(file, rules), rules)
    if cut and BY_NAME[file.kind].counts_whole:
        raise IntakeError(
            "the last line has no line end, so the file may be cut, and it counts as a whole alone: send it again whole"
        )
    try:
        taken: Taken = BY_NAME[file.kind].read(data, file, policies, mapping, known)
    except IntakeError as bad:
        if not ending:
            raise
        raise IntakeError(f"{bad}; {ending}") from bad
    if ending and not file.mapping.isdigit():  # numbers tell the files of a day apart
        taken = with_note(taken, f"read by the mapping {mapping.name!r}: {ending}")
    if ends_open(data, rules):
        taken = with_note(
            taken, "taken to its last line, which has no line end; if the file was cut there, rows are "
            "missing: send it again whole"
        )  # fmt: skip
    if not cut:
        return taken
    found = "the file may be cut there; send it again with an end to its last line"
    row = {"line": cut, "rule": "last_line_without_its_end", "found": found}
    return replace(taken, rows_in=taken.rows_in + 1, bad=[*taken.bad, row])


def _sources_before(policies: PolicyBook, known: Known) -> list[str]:
    """Source systems that no mapping of payments or orders names: earlier releases gave files
    in loanbook's own columns that of the tapes."""
    named = {
        policy.source_system
        for _, policy in policies.policies
        if isinstance(policy, PaymentMapping | CommandMapping)
    }
    return sorted(known.sources() - named)
