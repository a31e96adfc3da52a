"""Rows of files as events: dated, keyed, hashed, each taken in once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from loanbook.core.catalogue.codes import EventState, Kind
from loanbook.core.catalogue.events import DEFERS, OF_A_CHARGE, ROW
from loanbook.core.contract.money import CURRENCY_NAMES, major
from loanbook.core.contract.terms import Terms
from loanbook.core.frames import content_hashes, empty
from loanbook.core.ledger.events import Events, as_kept
from loanbook.core.policy.file_mappings import FileMapping
from loanbook.core.policy.payments.matching import ReceiptMatching
from loanbook.core.store.known.keys import LOAN_COLUMNS
from loanbook.core.store.order_context import (
    EVENT_KEYS,
    By,
    LoansBy,
    StoredEvents,
    StoredLoans,
)
from loanbook.core.store.origination.known import StoredOrigination
from loanbook.core.store.sending.instructions import StoredSending
from loanbook.pipelines.formats.commands import FIELDS
from loanbook.pipelines.formats.table import REFERENCE, Parsed, found
from loanbook.pipelines.ingest.conflicts import NOT_OF_THE_ROW, with_what_differs
from loanbook.pipelines.ingest.conflicts import found as found_of
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.ingest.lives import Life

SERVICE = "service:intake"


class BankKnown(Protocol):
    """What intake asks the ledger of banks (`loanbook.core.store.banking.context`)."""

    def entries(self, accounts: list[str], first: dt.date, last: dt.date) -> pl.DataFrame:
        """Earlier entries of bank accounts, valued between two dates."""

    def waiting(self, ids: pl.Series) -> pl.DataFrame:
        """Entries that were put in suspense, and what was decided of them since."""

    def entries_named(self, account: str, references: pl.Series) -> pl.DataFrame:
        """Earlier entries of an account that have one of the references."""

    def cheques(self, accounts: list[str], amounts: pl.Series) -> pl.DataFrame:
        """`reference`, `entry_id`, `account`, `amount` of what collectors were paid, of these amounts."""

    def payments(self, references: pl.Series, settled: pl.DataFrame) -> pl.DataFrame:
        """Payments that other files brought, or that were sent, under one of the references; `settled`: batches that
        files of this run booked as one."""

    def batches(self, currency: str, first: dt.date, last: dt.date) -> pl.DataFrame:
        """Batches of files that were sent and that no bank booked as one yet."""

    def references(self, policy: ReceiptMatching) -> pl.DataFrame:
        """References by which entries may name loans."""

    def awaited(self, policy: ReceiptMatching) -> pl.DataFrame:
        """What loans await."""

    def alike(self, pairs: pl.DataFrame) -> pl.Series:
        """How alike names are."""


@dataclass
class Known:
    """What earlier rows have established: loans by key, events by loan and by reference."""

    boarded: StoredLoans | None
    """Loans of the ledger; None: there are none."""
    stored: StoredEvents | None
    """Events of the ledger; None: there are none."""
    first_open: dt.date | None
    """The first business date that is not published; None: nothing is."""
    earliest: dt.date | None
    """The first date on which a loan may enter the book; None: any."""
    standing: Callable[[pl.Series], pl.DataFrame]
    """How loans stand, for what may be ordered of them (`loanbook.core.store.order_context`; of a file of
    orders also what their events come to, `loanbook.core.servicing.orders.event_totals`)."""
    floating: Callable[[list[int]], pl.DataFrame]
    """Loans of products whose rate floats (`loanbook.core.store.order_context.floating`)."""
    met: Callable[[pl.Series], pl.DataFrame]
    """What their money met, for chargebacks (`loanbook.core.store.order_context.met`)."""
    waived: Callable[[pl.Series], pl.DataFrame]
    """What of their charges was forgiven, for adjustments (`loanbook.core.store.order_context`)."""
    history: Callable[[pl.Series], pl.DataFrame]
    """All their events, for interest refunds (`loanbook.core.store.order_context.history`)."""
    lived: Callable[[pl.DataFrame, dt.date], Life]
    """Loans lived through all their events to the end of a date (`loanbook.pipelines.ingest.lives`)."""
    home: Path
    """The instance's folder: what `loanbook.toml` says of files."""
    waiting: list[pl.DataFrame] = field(default_factory=list)
    """Events of files that are taken in and not committed yet."""
    fresh: list[pl.DataFrame] = field(default_factory=list)
    """Events of files of this run, as `order_context.event_keys` has them."""
    fresh_sources: set[str] = field(default_factory=set)
    """Source systems of these."""
    bank: BankKnown | None = None
    """What the ledger has of banks; None: nothing, as where no ledger is."""
    sending: StoredSending | None = None
    """What the ledger has of money that went out; None: nothing, as where no ledger is."""
    origination: StoredOrigination | None = None
    """What the ledger has of applications; None: nothing, as where no ledger is."""
    records: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    """Applications and reports of files of this run, by table: `key`, `body_hash`."""
    returned: list[pl.DataFrame] = field(default_factory=list)
    """Returns of files of this run that enter: `return_key`, `instruction_key`."""
    entries: list[pl.DataFrame] = field(default_factory=list)
    """Entries of bank files of this run (`loanbook.core.payments.incoming.entries.KNOWN`)."""
    payouts: list[pl.DataFrame] = field(default_factory=list)
    """What collectors of this run hand over, each as one (`loanbook.core.payments.incoming.own_files.BATCHES`)."""
    settled: list[pl.DataFrame] = field(default_factory=list)
    """Batches of files of ours that entries of this run settle as one."""
    again: pl.Series | None = None
    """Ids of entries in suspense that a bank's file is read again for; None: it is read to be taken in."""
    decisions: list[pl.DataFrame] = field(default_factory=list)
    """What files of this run decided of entries in suspense: `entry_id`, `outcome`, `loan_id`."""
    landed: list[pl.DataFrame] = field(default_factory=list)
    """Loans of tapes of this run: `loan_key` and the business date of the tape, `landed_on`."""
    fresh_loans: list[pl.DataFrame] = field(default_factory=list)
    """Loans of tapes that are taken in and not committed yet: columns of `loans`, as far as they are known."""
    signed: Callable[[pl.Series], pl.DataFrame] | None = None
    """Terms of signed agreements by loan key (`loanbook.core.store.agreements.documents.signed_terms`); None: there are
    none, and what is quoted alone is compared with nothing."""
    until: dt.date | None = None
    """No loan is known of a tape of this run that is of a later day; None: all are."""

    def loans(self, by: LoansBy, values: pl.Series) -> pl.DataFrame:
        """Loans as `StoredLoans` has them: at least those whose `loan_id` or `loan_key` is among the values."""
        return self._until(_NO_LOANS if self.boarded is None else self.boarded.about(by, values))

    def every_loan(self) -> pl.DataFrame:
        """All of them, as `loans` has them."""
        return self._until(_NO_LOANS if self.boarded is None else self.boarded.all())

    def _until(self, stored: pl.DataFrame) -> pl.DataFrame:
        """Loans of the ledger with those of this run that a file may know."""
        every = pl.concat([stored, *self.fresh_loans], how="diagonal_relaxed")
        if self.until is None or not self.landed:
            return every
        later = pl.concat(self.landed).filter(pl.col("landed_on") > self.until)
        return every.join(later, on="loan_key", how="anti")

    def told(self, ids: pl.Series) -> pl.DataFrame:
        """Every event of the loans, of the ledger and of this run (schema `Events`), numbered in their order."""
        waiting = [
            as_kept(rows.filter(pl.col("loan_id").is_in(ids.implode()))) for rows in self.waiting
        ]
        every = pl.concat([self.history(ids), *waiting])
        return every.with_columns(event_id=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))

    def events(self, by: By, values: pl.Series) -> pl.DataFrame:
        """Events of the ledger and of this run, as `order_context.event_keys` has them: at least those
        whose `loan_id` or `source_ref` is among the values."""
        stored = _NO_EVENTS if self.stored is None else self.stored.about(by, values)
        return pl.concat([stored, *self.fresh], how="diagonal_relaxed")

    def before(self, stored: pl.DataFrame) -> pl.DataFrame:
        """The events (schema `Events`) of which `stored` (as `events` gives them) tells keys."""
        if stored.is_empty():
            return empty(Events)
        keys = stored["idempotency_key"].implode()
        every = [self.history(stored["loan_id"].drop_nulls()), *map(as_kept, self.waiting)]
        return pl.concat(every).filter(pl.col("idempotency_key").is_in(keys))

    def sources(self) -> set[str]:
        """Source systems that events came from."""
        return self.fresh_sources.union(() if self.stored is None else self.stored.sources)

    def add(self, events: pl.DataFrame) -> None:
        """Let files that follow know events of one, as `order_context.event_keys` has them."""
        self.fresh.append(events)
        self.fresh_sources.update(events["source_system"].unique())

    def booked_on(self, date: dt.date) -> dt.date:
        """The business date on which a file of a date is booked: its own, or the first that is open still."""
        return max(date, self.first_open or date)

    def by(self, date: dt.date) -> Known:
        """What a file of a business date may know: no loan of a later day's tape, though it landed with it."""
        return replace(self, until=date)


_NO_EVENTS = pl.DataFrame(schema=EVENT_KEYS)
_NO_LOANS = pl.DataFrame(schema=LOAN_COLUMNS | {"entity_name": pl.String})


def nothing_known() -> Known:
    """As where no loan was boarded and no event came: for a loan that stands alone."""

    def none(*_: object) -> Any:
        return _NO_LOANS

    return Known(None, None, None, None, none, none, none, none, none, none, Path())


@dataclass(frozen=True)
class Taken:
    """What a file gave: counts of its rows, those refused, and what enters."""

    rows_in: int
    accepted: int
    duplicates: int
    bad: list[dict[str, Any]]
    events: pl.DataFrame | None
    loans: pl.DataFrame | None = None
    attributes: pl.DataFrame | None = None
    reported: pl.DataFrame | None = None
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    """Rows of other tables of the ledger, by its name, without what every row of a file bears."""
    proposals: pl.DataFrame | None = None
    """Rows of orders that wait for another person to approve them; None: none do."""
    persons: pl.DataFrame | None = None
    """Persons to be put in the vault (`line`, `ref`, `kind`, fields): they stand nowhere else; None: there are none."""
    note: str = ""
    """What a sender should know of how the file was read; empty: nothing."""


def together(taken: Taken, added: Taken) -> Taken:
    """Both together; rows in count once, with the file."""

    def both(one: pl.DataFrame | None, other: pl.DataFrame | None) -> pl.DataFrame | None:
        parts = [part for part in (one, other) if part is not None]
        return pl.concat(parts) if parts else None

    return Taken(
        taken.rows_in, taken.accepted + added.accepted, taken.duplicates + added.duplicates,
        taken.bad + added.bad, both(taken.events, added.events), both(taken.loans, added.loans),
        both(taken.attributes, added.attributes), both(taken.reported, added.reported),
        {**taken.tables, **added.tables},
    )  # fmt: skip


def with_note(taken: Taken, note: str) -> Taken:
    """What a file gave, with one more thing that its sender should know."""
    return replace(taken, note=f"{taken.note}; {note}" if taken.note else note)


def uncounted(taken: Taken) -> Taken:
    """What orders gave that rows of a file ask for: these are counted, and told where they are refused, as the file's own."""
    return replace(taken, rows_in=0, accepted=0, duplicates=0, bad=[])


_AND_CONTENT = "+"
"""Between the two parts of a body's hash: what every event has, and all else that its row says. An
event taken in by a release before has the first part alone, and is compared by it."""
_FIRST = 64
"""Characters of the first part: a SHA-256 in hexadecimal."""
_CONTENT = tuple(field.name for field in FIELDS if field.name != "amount")


def same_body(before: pl.Expr, now: pl.Expr) -> pl.Expr:
    """Whether a row says what the event of its key said before (columns `body_hash`)."""
    whole = before.str.contains(_AND_CONTENT, literal=True)
    return pl.when(whole).then(before == now).otherwise(before == now.str.slice(0, _FIRST))


def same_content(before: pl.Expr, now: pl.Expr) -> pl.Expr:
    """Whether a row says what the row of its key said before, whatever day it comes on (`body_hash`)."""
    whole = before.str.contains(_AND_CONTENT, literal=True)
    return ~whole | (before.str.slice(_FIRST) == now.str.slice(_FIRST))


def refused(rows: pl.DataFrame, rule: str | pl.Expr, reference: str) -> list[dict[str, Any]]:
    """Rows that break a rule, for quarantine; quoted are the cells it is about, else `reference`."""
    name = pl.lit(rule) if isinstance(rule, str) else rule
    told = rows.with_columns(pl.col(reference).alias(REFERENCE), rule=name)
    currency = told.schema.get("loan_currency")  # by its code; entries of banks have its name
    if told.schema.get("amount") == pl.Int64 and currency is not None:
        names = pl.col("loan_currency")
        if currency != pl.String:
            names = names.replace_strict(CURRENCY_NAMES, return_dtype=pl.String)
        told = told.with_columns(currency=names).with_columns(major("amount"))
    return told.select("line", "rule", found=found(told)).to_dicts()


def keep_new(events: pl.DataFrame, known: Known) -> tuple[pl.DataFrame, int, list[dict[str, Any]]]:
    """Events not seen before; how many are repetitions; and conflicts for quarantine.

    Same key and body: a duplicate. Same key, another body: `idempotency_conflict`.
    """
    stored = known.events("source_ref", events["source_ref"])
    old = stored.select("idempotency_key", old_body="body_hash").unique("idempotency_key")
    marked = events.join(old, on="idempotency_key", how="left", maintain_order="left").with_columns(
        first_body=pl.col("body_hash").first().over("idempotency_key"),
        place=pl.int_range(pl.len()).over("idempotency_key"),
    )
    before = pl.coalesce("old_body", pl.when(pl.col("place") > 0).then("first_body"))
    same = same_body(before, pl.col("body_hash"))
    conflict = marked.filter(before.is_not_null() & ~same)
    bad = _told(conflict.select(events.columns), marked.select(events.columns), known, stored)
    fresh = marked.filter(before.is_null()).select(events.columns)
    return fresh, marked.filter(before.is_not_null() & same).height, bad


def _told(
    conflict: pl.DataFrame, rows: pl.DataFrame, known: Known, stored: pl.DataFrame
) -> list[dict[str, Any]]:
    """Rows of `conflict` for quarantine, each with what it says otherwise than the first event of its key: one
    that is `stored`, or an earlier one of `rows`."""
    if conflict.is_empty():
        return []
    before = pl.concat([known.before(stored), as_kept(rows)])
    told = with_what_differs(conflict, before).with_columns(_ref=found_of("source_ref", "differs"))
    return refused(told, "idempotency_conflict", "_ref")


def keyed(rows: pl.DataFrame, mapping: FileMapping, known: Known) -> pl.DataFrame:
    """Rows (`kind`, `entity_name`, `loan_id`, `source_ref`) with `idempotency_key`.

    A key is entity of the loan / source system / kind / the source's own reference. What is known by
    the key that an earlier release or a source system before gave it keeps that: it is the same row.
    """
    source, before = mapping.source_system, mapping.sources_before
    names = pl.col("kind").replace_strict({k.value: k.name for k in Kind}, return_dtype=pl.String)
    own = pl.concat_str("entity_name", pl.lit(source), names, "source_ref", separator="/")
    rows = rows.with_columns(idempotency_key=own)
    named = known.events("source_ref", rows["source_ref"])
    alike = named.filter(pl.col("source_system").is_in([source, *before])).join(
        rows.select("kind", "source_ref"), on=["kind", "source_ref"], how="semi"
    )
    if alike.is_empty():
        return rows
    # before, all had the entity of the tape's mapping: of another loan it is another's reference
    of_loan = alike.filter(pl.col("source_system") == source).select(
        "kind", "source_ref", "loan_id", of_loan="idempotency_key"
    )
    of_source = alike.filter(pl.col("source_system").is_in(before)).select(
        "kind", "source_ref", of_source="idempotency_key"
    )
    is_known = pl.col("idempotency_key").is_in(alike["idempotency_key"].implode())
    return (
        rows.join(
            of_loan.unique(["kind", "source_ref", "loan_id"], keep="first", maintain_order=True),
            on=["kind", "source_ref", "loan_id"], how="left", maintain_order="left",
        )
        .join(
            of_source.unique(["kind", "source_ref"], keep="first", maintain_order=True),
            on=["kind", "source_ref"], how="left", maintain_order="left",
        )
        .with_columns(
            idempotency_key=pl.when(is_known).then("idempotency_key")
            .otherwise(pl.coalesce("of_loan", "of_source", "idempotency_key"))
        )
        .drop("of_loan", "of_source")
    )  # fmt: skip


def event(
    rows: pl.DataFrame, kind: Kind, mapping: FileMapping, file: LandingFile, known: Known
) -> pl.DataFrame:
    """Rows as events without id: dated, keyed, with what every event must say.

    `rows`: with `loan_id`, `entity_name`, `source_ref`, `value_date` and what the kind has.
    """
    assert file.business_date is not None
    booked = known.booked_on(file.business_date)
    of_kind = rows.with_columns(kind=pl.lit(kind.value, dtype=pl.Int8))
    frame = keyed(of_kind, mapping, known).with_columns(
        booking_date=pl.lit(booked),
        source_system=pl.lit(mapping.source_system),
        state=pl.when(pl.col("value_date") < booked)
        .then(EventState.late.value)
        .otherwise(EventState.accepted.value)
        .cast(pl.Int8),
    )
    body_columns = ["loan_key", "value_date", "amount", "currency", "reason", "maker", "checker"]
    if ROW[kind].payload_hashed:
        body_columns.append("payload")
    body = content_hashes(frame, [c for c in body_columns if c in frame.columns])
    content = [c for c in _CONTENT if c in frame.columns]
    if kind is Kind.loan_boarded:
        content = [name for name in Terms.column_names() if name not in NOT_OF_THE_ROW]
    if not content:
        return frame.with_columns(body_hash=body)
    return frame.with_columns(
        body_hash=body + _AND_CONTENT + content_hashes(frame, content) + _said_by_verb(frame, kind)
    )


def _said_by_verb(frame: pl.DataFrame, kind: Kind) -> pl.Series:
    """What the verb of an order says beside its fields (an advance is no plain draw), where the payload
    takes no part in the hash; empty of a verb that says no more than its fields."""
    verbs = [c.verb for c in ROW[kind].commands if c.sets]
    if ROW[kind].payload_hashed or not verbs or "command" not in frame.columns:
        return pl.Series([""])
    return frame.select(
        pl.when(pl.col("command").is_in(verbs))
        .then(_AND_CONTENT + pl.col("command"))
        .otherwise(pl.lit(""))
    ).to_series()


_EVENT_NULLS = {
    "amount": pl.Int64, "checker": pl.String, "reason": pl.String, "payload": pl.String,
}  # fmt: skip


def keys_of(events: pl.DataFrame) -> pl.DataFrame:
    """What later files of the run must know of `events`, as `order_context.event_keys` has it."""
    reversal = pl.when(pl.col("kind") == Kind.reversal.value)
    interest = pl.when(pl.col("kind") == Kind.interest_refunded.value)
    taken_back = pl.when(pl.col("kind") == Kind.chargeback.value)
    charged = pl.when(pl.col("kind") == Kind.charge_assessed.value)
    return events.select(
        "idempotency_key",
        "body_hash",
        "loan_id",
        "kind",
        "amount",
        "source_system",
        "source_ref",
        reverses=reversal.then(pl.col("payload").str.json_path_match("$.reverses")),
        charged=charged.then("amount"),
        charge=pl.when(pl.col("kind").is_in([k.value for k in OF_A_CHARGE])).then("payload"),
        deferred=pl.col("amount")
        * pl.col("kind").replace_strict(
            {k.value: sign for k, (_, sign) in DEFERS.items()}, default=None, return_dtype=pl.Int64
        ),
        family=pl.col("kind").replace_strict(
            {k.value: deferral.value for k, (deferral, _) in DEFERS.items()},
            default=None,
            return_dtype=pl.Int32,
        ),
        refunded=interest.then(pl.col("payload").str.json_path_match("$.of")),
        charged_back=taken_back.then(pl.col("payload").str.json_path_match("$.of")),
        brought=pl.when(pl.col("kind") == Kind.migrated_in.value).then("payload"),
    )


def complete(events: pl.DataFrame) -> pl.DataFrame:
    """Columns that a kind of event does not have, as nulls; the actor defaults to intake."""
    missing = {n: pl.lit(None, dtype=t) for n, t in _EVENT_NULLS.items() if n not in events.columns}
    if "actor" not in events.columns:
        missing["actor"] = pl.lit(SERVICE)
    return events.with_columns(**missing).select(
        "kind", "loan_id", "loan_key", "value_date", "booking_date", "amount", "currency",
        "source_system", "source_ref", "idempotency_key", "body_hash", "state", "line", "actor",
        "checker", "reason", "payload",
    )  # fmt: skip


def matched(parsed: Parsed, known: Known) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Rows joined to their loans; rows of unknown loans are refused."""
    loans = known.loans("loan_key", parsed.good["loan_key"])
    joined = parsed.good.join(
        loans.rename({"currency": "loan_currency"}),
        on="loan_key", how="left", maintain_order="left",
    )  # fmt: skip
    unknown = joined.filter(pl.col("loan_id").is_null())
    bad = refused(unknown, "unknown_loan", "loan_key")
    return joined.filter(pl.col("loan_id").is_not_null()), bad


def events_of(
    rows: pl.DataFrame | list[pl.DataFrame],
    kind: Kind,
    file: LandingFile,
    mapping: FileMapping,
    known: Known,
) -> Taken:
    """Events of one kind that are new, and the rows that are repeated or contradict.

    Of several `rows`, each is hashed over the columns that it has.
    """
    parts = [rows] if isinstance(rows, pl.DataFrame) else rows
    events = pl.concat(complete(event(each, kind, mapping, file, known)) for each in parts)
    events = events.sort("line", maintain_order=True)
    fresh, duplicates, conflicts = keep_new(events, known)
    return Taken(0, fresh.height, duplicates, conflicts, fresh)
