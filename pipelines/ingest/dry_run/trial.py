"""A file read as intake reads it: rows that would enter, rules that others break, columns that are read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from loanbook.core.errors import IntakeError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import FileMapping, TapeMapping
from loanbook.pipelines.formats.origination.reading import is_csv
from loanbook.pipelines.formats.registry import BY_NAME
from loanbook.pipelines.formats.table import header_of, with_line_feeds
from loanbook.pipelines.ingest.dry_run.suggestion import suggested
from loanbook.pipelines.ingest.events import Known, Taken, keys_of
from loanbook.pipelines.ingest.intake import read_file
from loanbook.pipelines.ingest.landing import LandingFile, far_dates, landed
from loanbook.pipelines.instance import mapping_of

EXAMPLES = 3
"""Rows that are shown of each rule."""
SAMPLED = 20
"""Rows of a file from which a mapping is suggested."""


@dataclass(frozen=True)
class Trial:
    """What would become of a file."""

    name: str
    kind: str = ""
    mapping: str = ""
    """The mapping it is read by, as it stands below policies/; empty: its columns are fixed."""
    source: str = ""
    note: str = ""
    """What else a sender should know of how it is read; empty: nothing."""
    refused: str = ""
    """Why it would be refused as a whole; empty: it would not."""
    suggestion: str = ""
    """A mapping to begin with, where the header fits none."""
    accepted: int = 0
    duplicates: int = 0
    bad: list[dict[str, object]] = field(default_factory=list)
    """`line`, `rule`, `found` of rows that would go to quarantine."""
    columns: list[tuple[str, str]] = field(default_factory=list)
    """Field of loanbook and the column, or constant, that gives it."""
    unread: list[str] = field(default_factory=list)
    """Columns of the file that nothing reads."""

    @property
    def by_rule(self) -> dict[str, list[dict[str, object]]]:
        """Rows that would go to quarantine, by rule, the most frequent first."""
        rules: dict[str, list[dict[str, object]]] = {}
        for row in self.bad:
            rules.setdefault(str(row["rule"]), []).append(row)
        return dict(sorted(rules.items(), key=lambda pair: -len(pair[1])))


def tried(paths: Iterable[Path], policies: PolicyBook, tape: str, known: Known) -> Iterator[Trial]:
    """What would become of each file, in their order; loans of a tape are known to those after it.

    `known` is added to; nothing is written.
    """
    today = dt.datetime.now(dt.UTC).date()
    published = [known.first_open - dt.timedelta(days=1)] if known.first_open else []
    for path in paths:
        file = landed(path)
        kind, date = file.kind, file.business_date
        far = far_dates([date], published, today) if date else {}
        try:
            if date in far:
                raise IntakeError(far[date])
            taken = read_file(file, policies, tape, known)
        except IntakeError as bad:
            yield _refused(file, policies, tape, known, str(bad))
            continue
        assert kind is not None
        mapping, _ = mapping_of(BY_NAME[kind], file.mapping, policies, tape, known.home)
        header = header_of(path.read_bytes())
        columns = _columns(mapping)
        read = {column for _, column in columns}
        yield Trial(
            path.name, kind, _place(kind, mapping), mapping.source_system, taken.note,
            accepted=taken.accepted, duplicates=taken.duplicates, bad=taken.bad,
            columns=columns, unread=[c for c in header if columns and c not in read],
        )  # fmt: skip
        _know(known, taken)


def _refused(file: LandingFile, policies: PolicyBook, tape: str, known: Known, why: str) -> Trial:
    folder = BY_NAME[file.kind].mappings if file.kind else ""
    unfit = "the header has no column" in why or "no mapping is named" in why
    data = with_line_feeds(file.path.read_bytes()) if folder and unfit else b""
    header = header_of(data) if is_csv(data) and _is_text(data) else []
    if not any(header):
        return Trial(file.path.name, file.kind or "", refused=why)
    rows = [header_of(line) for line in data.split(b"\n")[1 : SAMPLED + 1] if line.strip()]
    whole = [row for row in rows if len(row) == len(header)]
    cells = {name: [row[n] for row in whole if row[n].strip()] for n, name in enumerate(header)}
    name = file.mapping or "own"
    return Trial(file.path.name, file.kind or "", refused=why, mapping=f"{folder}/{name}.yaml",
                 suggestion=suggested(folder, name, header, cells))  # fmt: skip


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return True


def _place(kind: str, mapping: FileMapping) -> str:
    folder = BY_NAME[kind].mappings
    return f"{folder}/{mapping.name}@{mapping.version}" if folder else ""


def _columns(mapping: FileMapping) -> list[tuple[str, str]]:
    """What gives each field: a column, or a constant in quotes."""
    found = [("key", key)] if (key := getattr(mapping, "key", None)) else []
    found += [*mapping.columns.items()]
    found += [(name, f'"{value}"') for name, value in mapping.constants.items()]
    if isinstance(mapping, TapeMapping):
        found += [("product", mapping.product_column or f'"{mapping.product}"')]
        for part in ("attributes", "opening", "reported"):
            found += [(f"{part}.{name}", column) for name, column in getattr(mapping, part).items()]
    return found


def _know(known: Known, taken: Taken) -> None:
    """What files after this one may be about, with numbers for its loans as a commit would give."""
    if taken.events is None:
        return
    events = taken.events
    if taken.loans is not None:
        stored = known.boarded.next_id if known.boarded else 1
        first = stored + sum(rows.height for rows in known.fresh_loans)
        loans = taken.loans.with_columns(loan_id=pl.int_range(pl.len(), dtype=pl.Int64) + first)
        named = events.select(
            "loan_key", entity_name=pl.col("idempotency_key").str.extract("^([^/]+)/")
        )
        added = loans.join(named.unique("loan_key"), on="loan_key", how="left").select(
            "loan_id", "loan_key", "entity", "product", "currency", "entity_name",
            boards_on=pl.coalesce("taken_over_on", "disbursed_on"),
        )  # fmt: skip
        known.fresh_loans.append(added)
        ids = added.select("loan_key", numbered="loan_id")
        events = events.join(ids, on="loan_key", how="left", maintain_order="left").with_columns(
            loan_id=pl.coalesce("loan_id", "numbered")
        )
    known.waiting.append(events)
    known.add(keys_of(events))
