"""Command files: each order checked against its loan, then events of the kind that it orders."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from loanbook.core.catalogue.codes import Kind
from loanbook.core.catalogue.events import COMMANDS
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.file_mappings import CommandMapping
from loanbook.core.store.people.acting import is_demo
from loanbook.core.store.settings import Settings
from loanbook.pipelines.formats import commands
from loanbook.pipelines.formats.table import Parsed
from loanbook.pipelines.ingest import conflicts
from loanbook.pipelines.ingest.conflicts import under_another_command
from loanbook.pipelines.ingest.events import Known, Taken, events_of, matched, refused, together
from loanbook.pipelines.ingest.landing import LandingFile
from loanbook.pipelines.ingest.orders import interest_refunds, returned_payments
from loanbook.pipelines.ingest.orders.chargeback_parts import with_parts
from loanbook.pipelines.ingest.orders.eve import on_the_eve
from loanbook.pipelines.ingest.orders.judging import lawful
from loanbook.pipelines.ingest.orders.mandates import sealed_accounts
from loanbook.pipelines.ingest.orders.signed import PENDING, entering_and_waiting, waiting_rows


def taken(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: CommandMapping, known: Known
) -> Taken:
    """Orders that may enter by whoever sent them and that their loans allow, and those that wait for approval."""
    assert file.business_date is not None
    parsed = commands.parse(data, file.business_date, mapping)
    where = Settings.of(known.home)
    if is_demo(where):
        return by_loans(parsed, file, policies, mapping, known)
    parsed, rest = entering_and_waiting(parsed, file, mapping, where)
    enters = by_loans(parsed, file, policies, mapping, known)
    if rest.is_empty():
        return enters
    asked = rest.with_columns(checker=pl.lit(PENDING))
    trial = by_loans(Parsed(rest.height, asked, []), file, policies, mapping, known)
    waits, bad = waiting_rows(rest, trial, file)
    return replace(
        enters,
        bad=[*enters.bad, *bad],
        duplicates=enters.duplicates + trial.duplicates,
        proposals=waits,
    )


def judged(
    data: bytes, file: LandingFile, policies: PolicyBook, mapping: CommandMapping, known: Known
) -> Taken:
    """Orders that their loans allow, whoever sent them."""
    assert file.business_date is not None
    parsed = commands.parse(data, file.business_date, mapping)
    return by_loans(parsed, file, policies, mapping, known)


def by_loans(
    parsed: Parsed, file: LandingFile, policies: PolicyBook, mapping: CommandMapping, known: Known
) -> Taken:
    """Orders that their loans allow, kind by kind, and the charges that some call for."""
    assert file.business_date is not None
    known, waits_from = on_the_eve(known.by(file.business_date), file.business_date)
    found, bad = matched(parsed, known)
    found, again = _of_their_own(found, mapping, known)
    rows, unfit = lawful(found, policies, known, mapping, file.business_date, waits_from)
    rows = with_parts(rows, policies, known.met)
    called_for = returned_payments.charges(rows, policies, known.standing)
    entered = Taken(
        parsed.rows_in, 0, 0, parsed.bad + bad + again + unfit, None, tables=sealed_accounts(rows)
    )
    for kind in sorted({row.kind for row, _ in COMMANDS.values()}):
        kind_rows = rows.filter(pl.col("kind") == kind.value)
        if kind_rows.height:
            fresh = events_of(kind_rows, kind, file, mapping, known)
            if kind is Kind.interest_refunded and fresh.events is not None:
                worked, none = interest_refunds.worked_out(
                    fresh.events, entered.events, known, policies
                )
                fresh = replace(
                    fresh, events=worked, accepted=worked.height, bad=[*fresh.bad, *none]
                )
            if kind is Kind.boarding_withdrawn and fresh.events is not None:
                fresh = replace(fresh, events=_before_they_are_read(fresh.events, known))
            entered = together(entered, fresh)
    if called_for.height:  # no rows of the file: they count as none
        assessed = events_of(called_for, Kind.charge_assessed, file, mapping, known)
        entered = together(entered, replace(assessed, accepted=0, duplicates=0, bad=[]))
    return entered


def _of_their_own(
    orders: pl.DataFrame, mapping: CommandMapping, known: Known
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Orders whose reference is their own or that of the same order, and those for quarantine that have the
    reference of another command: it is one order's for good."""
    if orders.is_empty():
        return orders, []
    kinds = {verb: row.kind for verb, (row, _) in COMMANDS.items()}
    told = orders.with_columns(
        kind=pl.col("command").replace_strict(kinds, return_dtype=pl.Int8),
        source_system=pl.lit(mapping.source_system),
        source_ref="command_ref",
        differs=pl.lit("command"),
    )
    stored = known.events("source_ref", told["source_ref"])
    other = under_another_command(told, stored, kinds.values())
    wrong = told.filter(other).with_columns(_ref=conflicts.found("command_ref", "differs"))
    return orders.filter(~other), refused(wrong, "idempotency_conflict", "_ref")


def _before_they_are_read(withdrawals: pl.DataFrame, known: Known) -> pl.DataFrame:
    """Withdrawals, booked with the boarding that they take back or on the first open day after it: no
    close may read the loan before."""
    boarded = known.history(withdrawals["loan_id"]).filter(
        pl.col("kind") == Kind.loan_boarded.value
    )
    days = boarded.select("loan_id", boards="booking_date")
    open_ = pl.max_horizontal("boards", pl.lit(known.first_open, dtype=pl.Date))
    told = withdrawals.join(days, on="loan_id", how="left", maintain_order="left")
    return told.with_columns(booking_date=open_).drop("boards")
