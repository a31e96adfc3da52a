"""Borrowers of the public sample who paid off are lent to again: every step from application to money out, and none of it twice."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.access.actor import Actor
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.agreements.documents import documents_of
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.lake import utc_now
from loanbook.core.store.people.database import open_people
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.approvals.desk import Desk
from loanbook.pipelines.origination.deciding import decide_all
from loanbook.pipelines.resources import provenance
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.simulation.landing import public_tape
from loanbook.pipelines.simulation.lending import (
    Days,
    agree,
    ask_again,
    check_identity,
    pay_out,
    people,
    summed,
    who_ask,
)
from tests.pipelines.files import LOANS, drop, take, weekly_loan

DAYS = Days(dt.date(2018, 8, 1), dt.date(2018, 8, 2))
WHO = Actor("somebody", "demo")


def _closed(ledger: Ledger, policies: PolicyBook, day: dt.date) -> None:
    take(ledger, policies)
    list(close_days(ledger, policies, missing_days(ledger, day), provenance(policies)))


def test_who_paid_off_is_lent_to_again_as_decided_signed_and_paid_out_once(
    ledger: Ledger, policies: PolicyBook
) -> None:
    tape = weekly_loan("T").replace("2018-01-02", "2018-08-01").replace("2018-01-09", "2018-08-08")
    drop(ledger, "loan_tape_2018-08-01_canonical.csv", LOANS + tape)
    # of three years: their papers cost little more than half of those of five
    again = who_ask(public_tape(), DAYS.asks, 20).filter(pl.col("term") == 36).head(2)
    check_identity(ledger.settings.landing, again, DAYS)
    ask_again(ledger.settings.landing, again)
    registered = ledger.register(policies)
    take(ledger, registered)
    decide_all(ledger, registered, utc_now)
    _closed(ledger, registered, DAYS.asks)
    open_people(ledger.settings).close()
    for _ in range(2):  # as a run that died and was begun again
        agree(ledger, registered, DAYS, WHO)
        take(ledger, registered)
        desk = Desk.of(open_people(ledger.settings), LedgerReader(ledger.settings, Shown()), registered)  # fmt: skip
        pay_out(desk, ledger, DAYS, people(WHO))
        desk.people.close()
    _closed(ledger, registered, DAYS.pays)
    told = summed(ledger, registered, DAYS)
    assert (told.asked, told.ties) == (2, True)
    assert told.approved == told.agreements == told.paid_out > 0
    (out,) = ledger.one("SELECT sum(principal) FROM {lake}.positions p JOIN {lake}.offers o ON o.loan_key IN (SELECT loan_key FROM {lake}.loan_keys k WHERE k.loan_id = p.loan_id) WHERE p.business_date = DATE '2018-08-02'")  # fmt: skip
    assert out == told.amount, "what went out is what is owed"
    assert documents_of(ledger).height == 3 * told.agreements
