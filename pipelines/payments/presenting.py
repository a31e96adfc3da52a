"""The debits of a day: what falls due by mandates that live, recorded and handed over, each asked for once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from loanbook.core.catalogue.codes import MONEY_IN, Kind
from loanbook.core.catalogue.events import OF_A_MANDATE
from loanbook.core.contract.dates.business_days import Calendar
from loanbook.core.ledger.reversals import effective_events
from loanbook.core.payments.out.mandates import mandates_on, with_use
from loanbook.core.payments.out.presentment import DEBITS, PASSED, Situation, debits, effective_on
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import HolidayCalendar
from loanbook.core.policy.originators import Originator, ReturnCodes
from loanbook.core.servicing.explain.instalments import owed
from loanbook.core.store.history import StoredHistory
from loanbook.core.store.queries import Queries
from loanbook.core.store.sending.instructions import sent
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.ingest.intake import knowledge
from loanbook.pipelines.payments.outbox import hand_over
from loanbook.pipelines.payments.recording import OutFile, file_of, published_date, record

PASSED_BY = {"originator": pl.String, **PASSED}


@dataclass(frozen=True)
class Presented:
    """What was, or would be, presented on a day."""

    day: dt.date
    files: list[OutFile]
    passed: pl.DataFrame
    """Debits that fell to the day and are not presented (`PASSED_BY`)."""
    handed_over: Sequence[Path] = ()
    """Where files lie that were handed over now, those of a run that was killed among them."""


Planned = Callable[[Ledger, PolicyBook, dt.date], Presented]
"""What would be sent on a day."""


def sent_out(
    planned: Planned, ledger: Ledger, policies: PolicyBook, day: dt.date, run_id: str
) -> Presented:
    """Record the files of a day as they are planned, and hand them over.

    Repeatable: what was recorded is not planned again, and what was recorded but not handed over is handed over.
    """
    judged_at = ledger.intake_head()
    found = planned(ledger, policies, day)
    known = knowledge(ledger, policies, ledger.settings.home)
    record(ledger, known, found.files, run_id, judged_at)
    return replace(found, handed_over=hand_over(ledger, policies, ledger.settings))


def present(ledger: Ledger, policies: PolicyBook, day: dt.date, *, run_id: str) -> Presented:
    """Record the debits of a day that were not presented before, and hand their files over. Repeatable."""
    return sent_out(plan, ledger, policies, day, run_id)


def plan(ledger: Ledger, policies: PolicyBook, day: dt.date) -> Presented:
    """The files of debits for a day, nothing recorded."""
    published = published_date(ledger, day)
    mandates = mandates_at(ledger, policies, day)
    files: list[OutFile] = []
    passed = [pl.DataFrame(schema=PASSED_BY)]
    by_name = policies.all_in_force(Originator, day)
    named = [by_name[name] for name in mandates["originator"].unique().sort() if name in by_name]
    settles = [effective_on(calendar_of(policies, by, day), day, by.lead_days) for by in named]
    horizon = max((date for date in settles if date), default=None)
    if horizon is None:
        return Presented(day, files, passed[0])
    now = _situation(ledger, policies, mandates, published, horizon)
    for by in named:
        codes = policies.in_force(ReturnCodes, by.return_codes, day)
        rows, left = debits(by, calendar_of(policies, by, day), codes, now, day)
        passed.append(left.select(pl.lit(by.name).alias("originator"), pl.all()))
        if rows.height:
            files.append(file_of(ledger, by, day, "debit", _told(rows, by)))
    return Presented(day, files, pl.concat(passed))


def _told(rows: pl.DataFrame, by: Originator) -> pl.DataFrame:
    return rows.select(DEBITS.keys()).with_columns(
        entry_class=pl.lit(by.entry_class if by.rail == "nacha" else ""),
        remittance=pl.lit(None, pl.String),
    )


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
    ledger: Ledger, policies: PolicyBook, mandates: pl.DataFrame, published: dt.date, horizon: dt.date
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
