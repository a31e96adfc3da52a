"""`loanbook demo`: the public sample, run, and lent again to some who paid off."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from loanbook.core.contract.money import to_major
from loanbook.core.errors import LoanbookError
from loanbook.pipelines.commands.console import out
from loanbook.pipelines.commands.run import run_through, take_landed

if TYPE_CHECKING:
    from loanbook.pipelines.simulation.lending import Days

BEYOND = 10
"""Borrowers who ask again in the demo: few, since each is taken through every step, with people who judge each payout; for 10,000 it would be hours."""


def demo() -> None:
    """Drop the public sample of 10,000 loans into an empty landing folder, run it, and lend again to some who paid off."""
    from loanbook.pipelines.ingest.landing import landed_dates
    from loanbook.pipelines.resources import settings
    from loanbook.pipelines.simulation import lending
    from loanbook.pipelines.simulation.landing import (
        THROUGH,
        drop,
        drop_applications,
        public_tape,
        set_up,
    )

    folder, tape = settings().landing, public_tape()
    days = lending.Days(THROUGH + dt.timedelta(days=1), THROUGH + dt.timedelta(days=2))
    again = lending.who_ask(tape, days.asks, BEYOND)
    if not landed_dates(folder):
        set_up(settings().home)
        files = drop(folder, tape) + drop_applications(folder, tape)
        lending.check_identity(folder, again, days)
        out.print(
            f"Landed {files} files of the public LendingClub sample; payment dates are derived, and applications stand on "
            "the day of issue."
        )
    out.print(
        'A demo instance: it knows no accounts. For one of your own set profile = "production" in its loanbook.toml.'
    )
    if any(folder.rglob(f"kyc_{days.pays}_again.csv")) and (_published() or THROUGH) < days.pays:
        run_through(THROUGH)
        _lend_beyond_the_tape(again, days)
    else:  # done, another book, or one of a release that did not lend again
        run_through(None)


def _published() -> dt.date | None:
    """The last date that is published."""
    from loanbook.pipelines.resources import open_instance

    ledger, _ = open_instance()
    with ledger:
        return ledger.head().published_date


def _lend_beyond_the_tape(again: pl.DataFrame, days: Days) -> None:
    """Take borrowers of the sample who paid off from a second application to money out: all of it simulated, and repeatable."""
    from loanbook.core.store.lake import utc_now
    from loanbook.core.store.people.acting import acting
    from loanbook.core.store.people.database import open_people
    from loanbook.pipelines.agreements.cases import follow
    from loanbook.pipelines.commands.agreements.acting import desk
    from loanbook.pipelines.commands.payments.sending import instruct
    from loanbook.pipelines.resources import open_instance, settings
    from loanbook.pipelines.simulation import lending

    where = settings()
    lending.ask_again(where.landing, again)
    out.print(
        f"\nBeyond the tape, all of it simulated: {again.height} borrowers who paid off ask again on {days.asks}. Names, checks, consents and "
        "accounts are synthetic. Agreements are made for these alone: for all 10,000 loans it would take hours."
    )
    published = _published()
    if published is not None and published < days.asks:
        _closed(days.asks)
    ledger, policies = open_instance(where)
    with ledger:
        lending.agree(ledger, policies, days, acting(where))
        take_landed(ledger)
    people = open_people(where)
    ledger, policies = open_instance(where)
    with ledger:
        lending.pay_out(desk(), ledger, days, lending.people(acting(where, people)))
    _closed(days.pays)
    instruct()
    ledger, policies = open_instance(where)
    with ledger:
        follow(ledger, utc_now())
        told = lending.summed(ledger, policies, days)
    amount = to_major(told.amount, "USD")
    out.print(
        f"{told.asked} applications decided, {told.approved} approved; {told.agreements} agreements signed; boarded as signed, field by "
        f"field: {'yes' if told.ties else 'NO, see `loanbook offers check`'}; {told.paid_out} paid out on {days.pays}, {amount} USD in all, "
        "each proposed by one and approved by others (`loanbook disburse list`)."
    )


def _closed(day: dt.date) -> None:
    """Close a day through Dagster. LoanbookError: the run failed."""
    from loanbook.pipelines.orchestration import run_job

    good, problem = run_job(day.isoformat(), day.isoformat())
    if not good:
        raise LoanbookError(problem)
