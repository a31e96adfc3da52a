"""Take landing files in: rows become loans and events, or quarantine with the rule named.

For every file: rows in = accepted + quarantined + duplicates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.contract.money import CURRENCY_CODES, CURRENCY_NAMES
from loanbook.core.errors import IntakeError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import TapeMapping
from loanbook.core.store.ledger import Ledger
from loanbook.core.store.rows import Intake
from loanbook.core.store.standing import DEFERS, event_keys, floating, history, met, order_context
from loanbook.pipelines.formats import commands, indices, payments
from loanbook.pipelines.formats.table import Parsed
from loanbook.pipelines.ingest import boarding, fixings, refunds, returned
from loanbook.pipelines.ingest.events import Known, Taken, complete, event, keep_new, together
from loanbook.pipelines.ingest.landing import MAX_BYTES, LandingFile, scan
from loanbook.pipelines.ingest.orders import lawful, with_parts

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
    known = Known(
        ledger.loan_keys(), event_keys(ledger), first_open, partial(order_context, ledger),
        partial(floating, ledger), partial(met, ledger), partial(history, ledger),
    )  # fmt: skip
    waiting: list[Intake] = []
    kind = None
    for done, file in enumerate(fresh):
        new_kind = file.kind == "loan_tape"
        # ids of new loans are given at commit, so payments wait until their tapes are in
        if waiting and (len(waiting) >= BATCH or (kind != new_kind)):
            ledger.commit_intake(waiting)
            waiting, known.waiting = [], []
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
    known: Known,
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
    known.waiting.append(taken.events)
    reversal = pl.when(pl.col("kind") == Kind.reversal.value)
    interest = pl.when(pl.col("kind") == Kind.interest_refunded.value)
    taken_back = pl.when(pl.col("kind") == Kind.chargeback.value)
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
        refunded=interest.then(pl.col("payload").str.json_path_match("$.of")),
        charged_back=taken_back.then(pl.col("payload").str.json_path_match("$.of")),
    )
    known.events = pl.concat([known.events, fresh])
    if taken.loans is not None:  # the next tape of the run may hold them again
        known.loans = pl.concat([known.loans, taken.loans.select("loan_key")], how="diagonal")
    return Intake(row | counts, taken.loans, taken.attributes, taken.reported, events, stamped)


def _mapping(file: LandingFile, policies: PolicyBook, tape: str) -> TapeMapping:
    """The mapping that a tape's name ends with (`loan_tape_2018-01-31_migration.csv`), or `tape`."""
    _, _, named = file.path.stem.removeprefix("loan_tape_").partition("_")
    known = {p.name for _, p in policies.policies if isinstance(p, TapeMapping)}
    return policies.tape(named if file.kind == "loan_tape" and named in known else tape)


def _matched(parsed: Parsed, known: Known, shown: str) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
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
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: TapeMapping, known: Known
) -> Taken:
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
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: TapeMapping, known: Known
) -> Taken:
    assert file.business_date is not None
    parsed = commands.parse(data, file.business_date)
    matched, bad = _matched(parsed, known, "command_ref")
    source = f"{mapping.entity}/{mapping.source_system}"
    rows, unfit = lawful(matched, policies, known.standing, known.events, known.loans, source,
                         file.business_date)  # fmt: skip
    rows = with_parts(rows, policies, known.met, source)
    called_for = returned.charges(rows, policies, known.standing)
    taken = Taken(parsed.rows_in, 0, 0, parsed.bad + bad + unfit, None)
    for kind in sorted(set(commands.COMMANDS.values())):
        some = rows.filter(pl.col("kind") == kind.value)
        if some.height:
            fresh = _events(some, kind, file, mapping, known)
            if kind is Kind.interest_refunded and fresh.events is not None:
                found, none = refunds.worked_out(fresh.events, taken.events, known, policies)
                fresh = replace(fresh, events=found, accepted=found.height, bad=[*fresh.bad, *none])
            taken = together(taken, fresh)
    if called_for.height:  # no rows of the file: they count as none
        theirs = _events(called_for, Kind.charge_assessed, file, mapping, known)
        taken = together(taken, replace(theirs, accepted=0, duplicates=0, bad=[]))
    return taken


def _fresh(
    rows: pl.DataFrame,
    kind: Kind,
    parsed: Parsed,
    bad: list[dict[str, Any]],
    file: LandingFile,
    mapping: TapeMapping,
    known: Known,
) -> Taken:
    taken = _events(rows, kind, file, mapping, known)
    return together(Taken(parsed.rows_in, 0, 0, parsed.bad + bad, None), taken)


def _events(
    rows: pl.DataFrame, kind: Kind, file: LandingFile, mapping: TapeMapping, known: Known
) -> Taken:
    """Events of one kind that are new, and the rows that are repeated or contradict."""
    events = complete(event(rows, kind, mapping.source_system, mapping.entity, file, known))
    fresh, duplicates, conflicts = keep_new(events, known)
    return Taken(0, fresh.height, duplicates, conflicts, fresh)


def _index(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: TapeMapping, known: Known
) -> Taken:
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
        complete(
            event(
                rows.with_columns(
                    loan_key=pl.lit(None, dtype=pl.String), amount=pl.lit(None, dtype=pl.Int64)
                ),
                kind, source, mapping.entity, file, known,
            )
        )
        for rows, kind in ((back, Kind.reversal), (fresh, Kind.rate_reset))
    ]  # fmt: skip
    events, _, conflicts = keep_new(pl.concat(told), known)
    refused = {row["line"]: row for row in (*bad, *conflicts)}
    lines = set(parsed.good["line"].to_list()) - refused.keys()
    again = (lines & set(asked["line"].to_list())) - set(events["line"].to_list())
    kept = events.filter(~pl.col("line").is_in(list(refused)))
    return Taken(
        parsed.rows_in, len(lines) - len(again), len(again),
        parsed.bad + list(refused.values()), kept,
    )  # fmt: skip


_READERS = {
    "loan_tape": boarding.boarded,
    "index": _index,
    "payments": _payments,
    "commands": _commands,
}
