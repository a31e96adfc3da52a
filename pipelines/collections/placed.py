"""Loans that stand with agencies, and what commission is due, from the ledger by both clocks."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from loanbook.core.collections.placing import SPANS, STEPS, commissions, held, remitted, spans
from loanbook.core.collections.promises import money_of
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.collection_agencies import CollectionAgency
from loanbook.core.store.known import promises as events
from loanbook.core.store.known import queue as stored

if TYPE_CHECKING:
    from loanbook.core.store.clocks import Clocks
    from loanbook.core.store.reader import LedgerReader

DUE = pl.Schema({
    "loan_id": pl.Int64(), "loan_key": pl.String(), "placed_on": pl.Date(), "days_past_due": pl.Int64(), "came": pl.Int64(),
    "percent": pl.String(), "commission": pl.Int64(), "currency": pl.String(),
})  # fmt: skip
"""Commission on a loan: `came` and `commission` in minor units."""


def steps_of(reader: LedgerReader, at: Clocks, loan: int | None = None) -> pl.DataFrame:
    """What happened between lender and agencies by a date (`loanbook.core.collections.placing.STEPS`)."""
    asked = {"on": at.on, "booked": at.booked, "loan": loan}
    return reader.query(stored.PLACED, asked).select(STEPS.names()).cast(STEPS)


def held_by(reader: LedgerReader, at: Clocks, loan: int | None = None) -> pl.DataFrame:
    """Loans that stand with an agency at the end of a date (`loanbook.core.collections.placing.SPANS`)."""
    return held(steps_of(reader, at, loan), at.on)


def agency_on(policies: PolicyBook, on: dt.date, name: str) -> CollectionAgency:
    """The agency of that name in force on a date. LoanbookError lists those that are."""
    agencies = policies.all_in_force(CollectionAgency, on)
    if name not in agencies:
        raise LoanbookError(f"{name!r} is no agency of collection_agencies; there are {', '.join(agencies) or 'none'}")  # fmt: skip
    return agencies[name]


def commission_due(
    reader: LedgerReader,
    policies: PolicyBook,
    at: Clocks,
    name: str,
    period: tuple[dt.date, dt.date],
) -> pl.DataFrame:
    """What commission an agency is due on what came in a period (`placing.commissions`), with `currency`. LoanbookError: there is none."""
    from loanbook.pipelines.ingest.banking.files import (
        source_of,  # late: pages read the queue, and no bank file
    )

    agency = agency_on(policies, at.on, name)
    placed = spans(steps_of(reader, at), at.on).filter(pl.col("agency") == name)
    if placed.is_empty():
        return pl.DataFrame(schema=DUE)
    first = placed["placed_on"].min()
    since = {"on": at.on, "booked": at.booked, "first": first}
    rows = reader.lake().beside(events.MONEY, since, _promised=placed.select("loan_id").unique())
    if agency.counts == "remitted":
        rows = remitted(rows, source_of(agency.remits_by).source_system)
    due = commissions(_with_days(placed, reader), money_of(rows), agency, period)
    names = reader.query(
        "SELECT k.loan_id, c.name AS currency FROM loan_keys k JOIN currency_names c ON c.code = k.currency "
        "WHERE k.loan_id IN (SELECT unnest($ids))", {"ids": due["loan_id"].to_list()},
    )  # fmt: skip
    return (
        due.join(names, on="loan_id", how="left", maintain_order="left")
        .select(DUE.names())
        .cast(DUE)
    )


def _with_days(placed: pl.DataFrame, reader: LedgerReader) -> pl.DataFrame:
    """Placements with days past due on their first day; null where the loan was not in the book."""
    rows = reader.query(
        "SELECT loan_id, business_date AS placed_on, days_past_due FROM positions_now WHERE loan_id IN (SELECT unnest($ids)) "
        "AND business_date IN (SELECT unnest($days))",
        {"ids": placed["loan_id"].unique().to_list(), "days": placed["placed_on"].unique().to_list()},
    )  # fmt: skip
    found = rows.with_columns(pl.col("days_past_due").cast(pl.Int64))
    return placed.select(SPANS.names()).join(found, on=["loan_id", "placed_on"], how="left", maintain_order="left")  # fmt: skip
