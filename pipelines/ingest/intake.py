"""Take landing files in: rows become loans and events, or quarantine with the rule named.

For every file: rows in = accepted + quarantined + duplicates.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import polars as pl

from core.contract.money import CURRENCY_CODES, CURRENCY_NAMES
from core.errors import IntakeError, PolicyError
from core.ledger.codes import CHANGES, EventState, Kind
from core.origination.boarding import payload
from core.policy.book import PolicyBook
from core.policy.models import Product, TapeMapping
from core.store.ledger import Ledger
from core.store.rows import Intake
from core.store.standing import DEFERS, event_keys, floating, met, standing
from pipelines.formats import commands, indices, loan_tape, payments
from pipelines.formats.table import Parsed
from pipelines.ingest import fixings
from pipelines.ingest.landing import MAX_BYTES, LandingFile, scan
from pipelines.ingest.orders import lawful, with_parts

SERVICE = "service:intake"
BATCH = 64
"""Files committed in one transaction."""


@dataclass
class IntakeReport:
    """What an intake run did."""

    files: int = 0
    known: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    rows_in: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0

    @property
    def reconciles(self) -> bool:
        """Nothing was lost between the files and the tables."""
        return self.rows_in == self.accepted + self.quarantined + self.duplicates


@dataclass
class _Known:
    """What earlier rows have established: loans by key, events by idempotency key."""

    loans: pl.DataFrame
    events: pl.DataFrame
    first_open: dt.date | None
    standing: Callable[[pl.Series], pl.DataFrame]
    """How loans stand, for what may be ordered of them (`core.store.standing`)."""
    floating: Callable[[list[int]], pl.DataFrame]
    """Loans of products whose rate floats (`core.store.standing.floating`)."""
    met: Callable[[pl.Series], pl.DataFrame]
    """What their money met, for chargebacks (`core.store.standing.met`)."""


def take_in(
    ledger: Ledger,
    policies: PolicyBook,
    tape: str,
    *,
    correlation_id: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> IntakeReport:
    """Take every new file of the landing folder in: loans, then money, then orders.

    Idempotent: a file seen before, by content, is not read again.
    """
    report, seen = IntakeReport(), ledger.known_files()
    fresh: list[LandingFile] = []
    for file in scan(ledger.settings.landing):
        if file.file_id in seen:
            report.known += 1
            continue
        seen.add(file.file_id)
        fresh.append(file)
    if not fresh:
        return report
    head = ledger.head()
    first_open = head.published_date + dt.timedelta(days=1) if head.published_date else None
    known = _Known(
        ledger.loan_keys(), event_keys(ledger), first_open, partial(standing, ledger),
        partial(floating, ledger), partial(met, ledger),
    )  # fmt: skip
    waiting: list[Intake] = []
    kind = None
    for done, file in enumerate(fresh):
        new_kind = file.kind == "loan_tape"
        # ids of new loans are given at commit, so payments wait until their tapes are in
        if waiting and (len(waiting) >= BATCH or (kind != new_kind)):
            ledger.commit_intake(waiting)
            waiting = []
            known.loans = ledger.loan_keys()
        kind = new_kind
        waiting.append(_take(file, policies, tape, known, report, correlation_id))
        progress(done + 1, len(fresh))
    if waiting:
        ledger.commit_intake(waiting)
    return report


def _take(
    file: LandingFile,
    policies: PolicyBook,
    tape: str,
    known: _Known,
    report: IntakeReport,
    correlation_id: str,
) -> Intake:
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    row = {
        "file_id": file.file_id, "name": file.path.name, "kind": file.kind or "unknown",
        "business_date": file.business_date, "bytes": file.bytes, "state": "taken",
        "reason": "", "rows_in": 0, "accepted": 0, "quarantined": 0, "duplicates": 0,
        "correlation_id": correlation_id, "recorded_at": now,
    }  # fmt: skip
    try:
        if file.kind is None or file.business_date is None:
            raise IntakeError(
                "the name tells no kind and business date; name it like "
                "payments_2018-02-05.csv, loan_tape_..., index_... or commands_..."
            )
        if file.bytes > MAX_BYTES:
            raise IntakeError(f"{file.bytes} bytes are more than {MAX_BYTES}; send it in parts")
        data = file.path.read_bytes()
        taken = _READERS[file.kind](data, file, policies, _mapping(file, policies, tape), known)
    except IntakeError as bad:
        report.refused.append((file.path.name, str(bad)))
        return Intake(row | {"state": "refused", "reason": str(bad)[:500]})
    stamped = [
        {
            "file_id": file.file_id,
            "name": file.path.name,
            "kind": file.kind,
            "recorded_at": now,
            **b,
        }
        for b in taken.bad
    ]
    counts = {
        "rows_in": taken.rows_in, "accepted": taken.accepted,
        "quarantined": len(taken.bad), "duplicates": taken.duplicates,
    }  # fmt: skip
    if counts["rows_in"] != counts["accepted"] + counts["quarantined"] + counts["duplicates"]:
        raise IntakeError(
            f"{file.path.name}: rows were lost: {counts}; this is a defect, report it"
        )
    report.files += 1
    for name, count in counts.items():
        setattr(report, name, getattr(report, name) + count)
    if taken.events is None:  # every row was refused
        return Intake(row | counts, quarantine=stamped)
    events = taken.events.with_columns(
        file_id=pl.lit(file.file_id),
        correlation_id=pl.lit(correlation_id),
        recorded_at=pl.lit(now).cast(pl.Datetime("us")),
    )
    reversal = pl.when(pl.col("kind") == Kind.reversal.value)
    charged = pl.when(pl.col("kind") == Kind.charge_assessed.value)
    fresh = events.select(
        "idempotency_key",
        "body_hash",
        "loan_id",
        reverses=reversal.then(pl.col("payload").str.json_path_match("$.reverses")),
        charged=charged.then("amount"),
        charge=charged.then("payload"),
        deferred=pl.col("amount")
        * pl.col("kind").replace_strict(
            {k.value: sign for k, (_, sign) in DEFERS.items()}, default=None, return_dtype=pl.Int64
        ),
        family=pl.col("kind").replace_strict(
            {k.value: family for k, (family, _) in DEFERS.items()},
            default=None,
            return_dtype=pl.Int32,
        ),
    )
    known.events = pl.concat([known.events, fresh])
    return Intake(row | counts, taken.loans, taken.attributes, taken.reported, events, stamped)


def _mapping(file: LandingFile, policies: PolicyBook, tape: str) -> TapeMapping:
    """The mapping that a tape's name ends with (`loan_tape_2018-01-31_migration.csv`), or `tape`."""
    _, _, named = file.path.stem.removeprefix("loan_tape_").partition("_")
    known = {p.name for _, p in policies.policies if isinstance(p, TapeMapping)}
    return policies.tape(named if file.kind == "loan_tape" and named in known else tape)


@dataclass(frozen=True)
class _Taken:
    rows_in: int
    accepted: int
    duplicates: int
    bad: list[dict[str, Any]]
    events: pl.DataFrame | None
    loans: pl.DataFrame | None = None
    attributes: pl.DataFrame | None = None
    reported: pl.DataFrame | None = None


def _hashed(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """SHA-256 over canonical typed fields; no file, line or time takes part."""
    text = frame.select(
        pl.concat_str(pl.col(columns).cast(pl.String).fill_null(""), separator="\x1f")
    ).to_series()
    return pl.Series([hashlib.sha256(t.encode()).hexdigest() for t in text], dtype=pl.String)


def _keep_new(
    events: pl.DataFrame, known: _Known
) -> tuple[pl.DataFrame, int, list[dict[str, Any]]]:
    """Events not seen before; how many are repetitions; and conflicts for quarantine.

    Same key and body: a duplicate. Same key, another body: `idempotency_conflict`.
    """
    old = known.events.select("idempotency_key", old_body="body_hash").unique("idempotency_key")
    marked = events.join(old, on="idempotency_key", how="left", maintain_order="left").with_columns(
        first_body=pl.col("body_hash").first().over("idempotency_key"),
        place=pl.int_range(pl.len()).over("idempotency_key"),
    )
    before = pl.coalesce("old_body", pl.when(pl.col("place") > 0).then("first_body"))
    same = before == pl.col("body_hash")
    conflict = marked.filter(before.is_not_null() & ~same)
    bad = [
        {"line": line, "rule": "idempotency_conflict", "found": ref}
        for line, ref in conflict.select("line", "source_ref").rows()
    ]
    fresh = marked.filter(before.is_null()).select(events.columns)
    return fresh, marked.filter(before.is_not_null() & same).height, bad


def _event(
    rows: pl.DataFrame, kind: Kind, source: str, entity: str, file: LandingFile, known: _Known
) -> pl.DataFrame:
    """Rows as events without id: dated, keyed, with what every event must say."""
    assert file.business_date is not None
    booked = max(file.business_date, known.first_open or file.business_date)
    key = pl.concat_str(pl.lit(f"{entity}/{source}/{kind.name}/"), pl.col("source_ref"))
    frame = rows.with_columns(
        kind=pl.lit(kind.value, dtype=pl.Int8),
        booking_date=pl.lit(booked),
        source_system=pl.lit(source),
        idempotency_key=key,
        state=pl.when(pl.col("value_date") < booked)
        .then(EventState.late.value)
        .otherwise(EventState.accepted.value)
        .cast(pl.Int8),
    )
    told = ["loan_key", "value_date", "amount", "currency", "reason", "maker", "checker"]
    if kind in (Kind.charge_assessed, Kind.charge_waived, Kind.reversal, *CHANGES):
        told.append("payload")
    body = [c for c in told if c in frame.columns]
    return frame.with_columns(body_hash=_hashed(frame, body))


_EVENT_NULLS = {
    "amount": pl.Int64, "checker": pl.String, "reason": pl.String, "payload": pl.String,
}  # fmt: skip


def _complete(events: pl.DataFrame) -> pl.DataFrame:
    """Columns that a kind of event does not have, as nulls; the actor defaults to intake."""
    missing = {n: pl.lit(None, dtype=t) for n, t in _EVENT_NULLS.items() if n not in events.columns}
    if "actor" not in events.columns:
        missing["actor"] = pl.lit(SERVICE)
    return events.with_columns(**missing).select(
        "kind", "loan_id", "loan_key", "value_date", "booking_date", "amount", "currency",
        "source_system", "source_ref", "idempotency_key", "body_hash", "state", "line", "actor",
        "checker", "reason", "payload",
    )  # fmt: skip


def _loans(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: TapeMapping, known: _Known
) -> _Taken:
    raw, broken = loan_tape.read(data, mapping)
    taken = _Taken(raw.height + len(broken), 0, 0, broken, None)
    for (name,), rows in raw.partition_by("product_name", as_dict=True).items():
        taken = _joined(taken, _of_product(str(name), rows, file, policies, mapping, known))
    return taken


def _joined(one: _Taken, other: _Taken) -> _Taken:
    """Rows of two products of one tape; the rows of the file were counted with the first."""

    def both(a: pl.DataFrame | None, b: pl.DataFrame | None) -> pl.DataFrame | None:
        parts = [part for part in (a, b) if part is not None]
        return pl.concat(parts) if parts else None

    return _Taken(
        one.rows_in, one.accepted + other.accepted, one.duplicates + other.duplicates,
        one.bad + other.bad, both(one.events, other.events), both(one.loans, other.loans),
        both(one.attributes, other.attributes), both(one.reported, other.reported),
    )  # fmt: skip


def _of_product(
    name: str,
    raw: pl.DataFrame,
    file: LandingFile,
    policies: PolicyBook,
    mapping: TapeMapping,
    known: _Known,
) -> _Taken:
    """Loans of one product of a tape."""
    assert file.business_date is not None
    try:
        code = policies.product_code(name, file.business_date)
    except PolicyError:
        if mapping.product is not None:
            raise
        lines = raw.select("line", "loan_key").rows()
        unknown = [{"line": n, "rule": "unknown_product", "found": key} for n, key in lines]
        return _Taken(0, 0, 0, unknown, None)
    product: Product = policies.product(code)
    if mapping.opening and product.schedule.stands_whole:
        raise IntakeError(
            f"product {product.name} keeps its whole schedule as dues (stands_whole), which opening "
            "balances do not tell; name a product that bills step by step in the tape's mapping"
        )
    parsed, bad = loan_tape.parse(raw, mapping, product, file.business_date)
    again = parsed.join(known.loans, on="loan_key", how="semi")
    good = parsed.join(known.loans, on="loan_key", how="anti")
    closed = pl.lit(known.first_open, dtype=pl.Date)
    enters = pl.coalesce("taken_over_on", "disbursed_on")
    late = good.filter((enters < closed).fill_null(False))
    bad = bad + [
        {"line": line, "rule": "boarding_before_open_date", "found": key}
        for line, key in late.select("line", "loan_key").rows()
    ]
    good = good.join(late.select("line"), on="line", how="anti")
    entity = policies.entities.index(product.entity)
    loans = loan_tape.terms(good, code, entity, product.currency)
    keys = loans.select("loan_key")
    named = mapping.attributes
    attributes = raw.join(keys, on="loan_key", how="semi").select(
        "loan_key", *(pl.col(column).alias(name) for name, column in named.items()
                      if column in raw.columns)
    ).unpivot(index="loan_key", variable_name="name", value_name="value")  # fmt: skip
    return _Taken(
        0, good.height, again.height, bad, _boarding(loans, good, product, file, mapping, known),
        loans, attributes, _reported(raw.join(keys, on="loan_key", how="semi"), mapping),
    )  # fmt: skip


def _boarding(
    loans: pl.DataFrame,
    good: pl.DataFrame,
    product: Product,
    file: LandingFile,
    mapping: TapeMapping,
    known: _Known,
) -> pl.DataFrame:
    """Events by which loans enter the book: terms, and the payout or the balances they bring."""
    enters = pl.coalesce("taken_over_on", "disbursed_on")
    base = loans.with_columns(
        loan_id=pl.lit(None, dtype=pl.Int64), value_date=enters, source_ref="loan_key"
    )
    # the payload names every term but the id, which is given at commit and stands beside it
    with_payload = base.with_columns(loan_id=pl.lit(0, dtype=pl.Int64))
    boarded = with_payload.with_columns(payload=payload(with_payload)).with_columns(
        loan_id=pl.lit(None, dtype=pl.Int64)
    )
    brings = base.filter(pl.col("taken_over_on").is_not_null())
    paid_out = base.filter(pl.col("taken_over_on").is_null()).with_columns(
        amount="principal_agreed"
    )
    parts = [
        (boarded, Kind.loan_boarded),
        (paid_out, Kind.disbursed),
        (loan_tape.openings(brings, good), Kind.taken_over),
    ]
    return pl.concat(
        _complete(_event(rows, kind, mapping.source_system, product.entity, file, known))
        for rows, kind in parts
        if rows.height or kind is Kind.loan_boarded
    )


def _reported(raw: pl.DataFrame, mapping: TapeMapping) -> pl.DataFrame | None:
    """The servicer's own figures, in minor units; for reconciliation, never for computing."""
    if not mapping.reported or mapping.reported_as_of is None:
        return None
    missing = [c for c in mapping.reported.values() if c not in raw.columns]
    if missing:
        return None

    def cents(column: str) -> pl.Expr:
        return (pl.col(column).cast(pl.Decimal(18, 6), strict=False) * 100).round(0).cast(pl.Int64)

    figures = {n: cents(c) for n, c in mapping.reported.items() if n != "status"}
    return raw.select(
        "loan_key",
        as_of=pl.lit(mapping.reported_as_of),
        status=pl.col(mapping.reported["status"]),
        **figures,
    )


def _matched(
    parsed: Parsed, known: _Known, shown: str
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Rows joined to their loans; rows of unknown loans are refused."""
    joined = parsed.good.join(
        known.loans.rename({"currency": "loan_currency"}),
        on="loan_key", how="left", maintain_order="left",
    )  # fmt: skip
    unknown = joined.filter(pl.col("loan_id").is_null())
    bad = [
        {"line": line, "rule": "unknown_loan", "found": ref}
        for line, ref in unknown.select("line", shown).rows()
    ]
    return joined.filter(pl.col("loan_id").is_not_null()), bad


def _payments(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: TapeMapping, known: _Known
) -> _Taken:
    assert file.business_date is not None
    parsed = payments.parse(data, file.business_date)
    matched, bad = _matched(parsed, known, "payment_ref")
    code = pl.col("currency").replace_strict(CURRENCY_CODES, return_dtype=pl.Int8)
    wrong = matched.filter(code != pl.col("loan_currency"))
    bad += [
        {"line": line, "rule": "currency_is_not_the_loans", "found": f"{given}, not "
         f"{CURRENCY_NAMES[own]}"}
        for line, given, own in wrong.select("line", "currency", "loan_currency").rows()
    ]  # fmt: skip
    early = matched.filter(
        (code == pl.col("loan_currency")) & (pl.col("value_date") < pl.col("boards_on"))
    )
    bad += [
        {"line": line, "rule": "payment_before_disbursement", "found": ref}
        for line, ref in early.select("line", "payment_ref").rows()
    ]
    kept = matched.filter(
        (code == pl.col("loan_currency")) & (pl.col("value_date") >= pl.col("boards_on"))
    )
    rows = kept.with_columns(currency=code, amount="minor", source_ref="payment_ref")
    return _fresh(rows, Kind.payment_received, parsed, bad, file, mapping, known)


def _commands(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: TapeMapping, known: _Known
) -> _Taken:
    assert file.business_date is not None
    parsed = commands.parse(data, file.business_date)
    matched, bad = _matched(parsed, known, "command_ref")
    source = f"{mapping.entity}/{mapping.source_system}"
    rows, unfit = lawful(matched, policies, known.standing, known.events, known.loans, source)
    rows = with_parts(rows, policies, known.met, source)
    taken = _Taken(parsed.rows_in, 0, 0, parsed.bad + bad + unfit, None)
    for kind in sorted(set(commands.COMMANDS.values())):
        some = rows.filter(pl.col("kind") == kind.value)
        if some.height:
            taken = _with(taken, _events(some, kind, file, mapping, known))
    return taken


def _fresh(
    rows: pl.DataFrame,
    kind: Kind,
    parsed: Parsed,
    bad: list[dict[str, Any]],
    file: LandingFile,
    mapping: TapeMapping,
    known: _Known,
) -> _Taken:
    taken = _events(rows, kind, file, mapping, known)
    return _with(_Taken(parsed.rows_in, 0, 0, parsed.bad + bad, None), taken)


def _events(
    rows: pl.DataFrame, kind: Kind, file: LandingFile, mapping: TapeMapping, known: _Known
) -> _Taken:
    """Events of one kind that are new, and the rows that are repeated or contradict."""
    events = _complete(_event(rows, kind, mapping.source_system, mapping.entity, file, known))
    fresh, duplicates, conflicts = _keep_new(events, known)
    return _Taken(0, fresh.height, duplicates, conflicts, fresh)


def _with(taken: _Taken, more: _Taken) -> _Taken:
    """Both together; rows in count once, with the file."""
    parts = [part for part in (taken.events, more.events) if part is not None]
    return _Taken(
        taken.rows_in, taken.accepted + more.accepted, taken.duplicates + more.duplicates,
        taken.bad + more.bad, pl.concat(parts) if parts else None,
    )  # fmt: skip


def _index(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: TapeMapping, known: _Known
) -> _Taken:
    """Values of reference rates: a reset for each loan whose rate follows one on the day.

    A row counts as one, however many loans it resets.
    """
    assert file.business_date is not None
    names = policies.floating["index"].unique().sort().to_list()
    parsed = indices.parse(data, file.business_date, names)
    loans = known.floating(policies.floating["product"].unique().to_list())
    asked = fixings.resets(parsed.good, loans, policies)

    def prefix(kind: Kind) -> str:
        return f"{mapping.entity}/{fixings.SOURCE}/{kind.name}/"

    fresh, back, bad = fixings.corrected(asked, known.events, prefix, file.path.stem)
    source = fixings.SOURCE
    told = [
        _complete(
            _event(
                rows.with_columns(
                    loan_key=pl.lit(None, dtype=pl.String), amount=pl.lit(None, dtype=pl.Int64)
                ),
                kind, source, mapping.entity, file, known,
            )
        )
        for rows, kind in ((back, Kind.reversal), (fresh, Kind.rate_reset))
    ]  # fmt: skip
    events, _, conflicts = _keep_new(pl.concat(told), known)
    refused = {row["line"]: row for row in (*bad, *conflicts)}
    lines = set(parsed.good["line"].to_list()) - refused.keys()
    again = (lines & set(asked["line"].to_list())) - set(events["line"].to_list())
    kept = events.filter(~pl.col("line").is_in(list(refused)))
    return _Taken(
        parsed.rows_in, len(lines) - len(again), len(again),
        parsed.bad + list(refused.values()), kept,
    )  # fmt: skip


_READERS = {"loan_tape": _loans, "index": _index, "payments": _payments, "commands": _commands}
