"""Mandates on a day, and the debits of a day: what falls due by mandates that live, and what of it is not asked for."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.catalogue.codes import MONEY_IN, Kind
from loanbook.core.catalogue.events import OF_A_MANDATE
from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.errors import LedgerError
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.payments.out.mandates import mandates_on, with_use
from loanbook.core.payments.out.presentment import PASSED, Situation, debits, effective_on
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import HolidayCalendar
from loanbook.core.policy.originators import Originator, ReturnCodes
from loanbook.core.servicing.explain.instalments import owed
from loanbook.core.store.history import StoredHistory
from loanbook.core.store.queries import Queries
from loanbook.core.store.sending.instructions import sent

PASSED_BY = {"originator": pl.String, **PASSED}


def debits_of(
    ledger: Queries, policies: PolicyBook, day: dt.date
) -> tuple[list[tuple[Originator, pl.DataFrame]], pl.DataFrame]:
    """The debits of a day (`DEBITS`) by originator, and what falls to it and is not presented (`PASSED_BY`): no file is
    made, and no account opened."""
    published = published_date(ledger, day)
    mandates = mandates_at(ledger, policies, day)
    asked: list[tuple[Originator, pl.DataFrame]] = []
    passed = [pl.DataFrame(schema=PASSED_BY)]
    by_name = policies.all_in_force(Originator, day)
    named = [by_name[name] for name in mandates["originator"].unique().sort() if name in by_name]
    settles = [effective_on(calendar_of(policies, by, day), day, by.lead_days) for by in named]
    horizon = max((date for date in settles if date), default=None)
    if horizon is None:
        return asked, passed[0]
    now = _situation(ledger, policies, mandates, published, horizon)
    for by in named:
        codes = policies.in_force(ReturnCodes, by.return_codes, day)
        rows, left = debits(by, calendar_of(policies, by, day), codes, now, day)
        passed.append(left.select(pl.lit(by.name).alias("originator"), pl.all()))
        if rows.height:
            asked.append((by, rows))
    return asked, pl.concat(passed)


def calendar_of(policies: PolicyBook, by: Originator, day: dt.date) -> Calendar:
    """The banking days of an originator's rail."""
    return policies.in_force(HolidayCalendar, by.calendar, day).days


def mandates_at(ledger: Queries, policies: PolicyBook, day: dt.date) -> pl.DataFrame:
    """Mandates (`loanbook.core.payments.out.mandates.MANDATES`) at the end of a day, their use looked at."""
    kinds = [kind.value for kind in (*OF_A_MANDATE, Kind.reversal, Kind.boarding_withdrawn)]
    events = ledger.stored_events("kind IN (SELECT unnest(?))", [kinds])
    mandates = mandates_on(events, day)
    if mandates.is_empty():
        return mandates
    used = (
        sent(ledger, mandates["loan_id"].unique())
        .filter((pl.col("purpose") != "prenote") & (pl.col("direction") == "debit"))
        .group_by("mandate").agg(last_used=pl.col("effective").max())
    )  # fmt: skip
    senders = policies.all_in_force(Originator, day)
    idle = {name: by.idle_months for name, by in senders.items() if by.idle_months}
    return with_use(mandates, used, idle, day)


def _situation(
    ledger: Queries, policies: PolicyBook, mandates: pl.DataFrame, published: dt.date, horizon: dt.date
) -> Situation:  # fmt: skip
    ids = mandates["loan_id"].unique().sort()
    book = StoredHistory(ledger, policies, published + dt.timedelta(days=1)).book(ids, published)
    events = ledger.beside(
        "SELECT e.* FROM {lake}.events e JOIN _ids ON _ids.loan_id = e.loan_id "
        "WHERE e.booking_date > ? OR e.value_date > ? OR e.kind = ?",
        [published, published, Kind.reversal.value], _ids=ids.to_frame("loan_id"),
    )  # fmt: skip
    waits = (pl.col("booking_date") > published) | (pl.col("value_date") > published)
    money = effective_events(events).filter(
        waits & pl.col("kind").is_in([k.value for k in MONEY_IN])
    )
    return Situation(
        owed(book, policies, published, horizon),
        money.select("loan_id", "value_date", "amount"), mandates, sent(ledger, ids),
    )  # fmt: skip


def published_date(ledger: Queries, day: dt.date) -> dt.date:
    """The last published date. LedgerError where there is none, or the day is none that it can serve."""
    _, published = ledger.published()
    if published is None:
        raise LedgerError(
            "nothing is published yet, so nothing is known to be due; run `loanbook run` first"
        )
    if not published <= day <= published + dt.timedelta(days=FRESH_DAYS):
        raise LedgerError(
            f"the ledger stands at {published}: files can be made for days from then to "
            f"{published + dt.timedelta(days=FRESH_DAYS)}, not for {day}; close the days before it first"
        )
    return published


FRESH_DAYS = 7
"""So many days a published day may lie before the day of a file that is made of it."""
