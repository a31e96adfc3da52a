"""A book of loans that are late, with what was written down of them, for tests to read or copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.resources import read_policies
from tests.conftest import copied, made_once
from tests.pipelines.files import LOANS, ORDERS, close_landed, drop, take, weekly_loan
from tests.pipelines.files import MONEY as PAID

LEGAL = "reference,loan_key,stated_at,stage,next_on,amount,currency,agent\n"
PLACED = "reference,loan_key,stated_at,step,agency,agent\n"
BRANCH = "receipt,kind,amount,day,loan,till,payer\n"
MADE = "reference,loan_key,promised_at,due_date,amount,currency,agent\n"
TOLD = "reference,loan_key,stated_at,kind,written,reason,agent\n"
CONTACTS = "reference,loan_key,occurred_at,channel,direction,outcome,right_party,agent,place,zone\n"


def _in(place: str, key: str) -> str:
    return weekly_loan(key).replace("2018-01-09,,,,", f"2018-01-09,,,{place},")


def _dropped(ledger: Ledger) -> None:
    at = "2018-01-08T09:00:00-06:00"
    tape = weekly_loan("A") + weekly_loan("B") + _in("US-CA", "C") + _in("US-CA", "D") + _in("US-TX", "E") + _in("US-CA", "F") + _in("US-CA", "G")  # fmt: skip
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + tape)
    drop(ledger, "promises_2018-01-08.csv", MADE
         + f"p1,A,{at},2018-01-10,100.00,USD,a1\np2,A,{at},2018-01-17,50,USD,a1\np3,B,{at},2018-01-10,100,USD,a2\n"
         + "p4,A,2018-01-08,2018-01-10,100,USD,a1\np5,A,2018-01-09T00:00:00Z,2018-01-10,100,USD,a1\n"
         + f"p6,A,{at},2018-01-07,100,USD,a1\np7,A,{at},soon,100,USD,a1\np8,A,{at},2018-01-10,1.005,USD,a1\n"
         + f"p9,A,{at},2018-01-10,-1,USD,a1\np10,A,{at},2018-01-10,1,EUR,a1\np11,A,{at},2018-01-10,1,USD,\n"
         + f"p12,Z,{at},2018-01-10,1,USD,a1\np1,A,{at},2018-01-10,100.00,USD,a1\np1,A,{at},2018-01-10,100.01,USD,a1\n")  # fmt: skip
    drop(ledger, "notices_2018-01-08.csv", TOLD
         + f"n1,B,{at},attorney,no,,a1\nn2,B,{at},bankrupt,no,,a1\nn3,B,{at},dispute,maybe,,a1\nn4,B,{at},dispute,yes,No Debt,a1\n")  # fmt: skip
    drop(ledger, "payments_2018-01-10.csv", PAID + "m1,A,100.00,USD,2018-01-09\n")
    drop(ledger, "payments_2018-01-14.csv", PAID + "m2,B,100.00,USD,2018-01-13\n")
    drop(ledger, "commands_2018-01-16.csv", ORDERS.replace("due_date", "target_ref")
         + "c1,reverse,A,2018-01-09,,m1,,ann,ben,returned\n")  # fmt: skip
    drop(ledger, "contacts_2018-01-17.csv", CONTACTS
         + "t1,C,2018-01-16T10:00:00-08:00,call,out,no_answer,no,agent-2,home,America/Los_Angeles\n"
         + "t2,D,2018-01-16T10:00:00-08:00,call,out,conversation,yes,agent-1,home,America/Los_Angeles\n"
         + "t3,F,2018-01-16T10:00:00-08:00,call,out,no_answer,no,agent-1,home,America/Los_Angeles\n")  # fmt: skip
    drop(
        ledger,
        "payments_2018-01-18.csv",
        PAID + "m3,A,150.00,USD,2018-01-11\nm4,G,1190.00,USD,2018-01-17\n",
    )


@pytest.fixture(scope="session")
def late_book(tmp_path_factory: pytest.TempPathFactory, founded: Path) -> Settings:
    """Loans A to F, closed to 18 January 2018: A and B paid, C to F never did, G nearly all; D had a conversation two days before. Read
    only."""

    def make(home: Path) -> None:
        with Ledger(copied(founded, home)) as ledger:
            _dropped(ledger)
            known = ledger.register(read_policies())
            take(ledger, known)
            close_landed(ledger, known)

    return Settings(home=made_once(tmp_path_factory, "late", make))


def _next_day(ledger: Ledger) -> None:
    at = "2018-01-18T09:00:00-08:00"
    drop(
        ledger,
        "payments_2018-01-19.csv",
        PAID + "z1,G,15.92,USD,2018-01-19\nz2,E,900.00,USD,2018-01-19\n",
    )
    drop(ledger, "commands_2018-01-19.csv", ORDERS
         + "y1,settle,E,2018-01-19,,,,ann,ben,settlement\ny2,charge_off,B,2018-01-19,,,,ann,ben,uncollectable\n")  # fmt: skip
    drop(ledger, "legal_steps_2018-01-19.csv", LEGAL
         + f"l1,C,{at},filed,2018-02-20,120.00,USD,a1\nl1,C,{at},filed,2018-02-20,120.00,USD,a1\nl1,C,{at},served,,0,USD,a1\n"
         + f"l2,D,{at},filed,,0,USD,a1\nl3,D,2018-01-18T10:00:00-08:00,withdrawn,,5,USD,a1\nl4,C,{at},argued,,0,USD,a1\n"
         + f"l5,C,{at},hearing,soon,0,USD,a1\nl6,C,{at},hearing,,-1,USD,a1\nl7,C,{at},hearing,,1,EUR,a1\nl8,C,2018-01-20T09:00:00Z,hearing,,1,USD,a1\nl9,C,{at},hearing,2018-01-17,1,USD,a1\n")  # fmt: skip
    drop(ledger, "placements_2018-01-19.csv", PLACED
         + f"q1,F,{at},placed,synthetic-agency,a1\nq2,E,{at},lent,synthetic-agency,a1\nq3,E,{at},placed,nobody,a1\nq4,Z,{at},placed,synthetic-agency,a1\n")  # fmt: skip
    drop(ledger, "collected_2018-01-19_synthetic-branch.csv", BRANCH
         + "R1,receipt,100.01,2018-01-19,F,T1,x\nR2,receipt,50.00,2018-01-19,D,T1,x\nT1,deposit,150.01,2018-01-19,,T1,\n")  # fmt: skip


@pytest.fixture(scope="session")
def later_book(tmp_path_factory: pytest.TempPathFactory, late_book: Settings) -> Settings:
    """The late book a day on: G paid the rest, E was settled, B charged off; C is before a court, D's action was withdrawn, F is
    with an agency, which remits for it. To be copied."""

    def make(home: Path) -> None:
        with Ledger(copied(late_book.home, home)) as ledger:
            _next_day(ledger)
            known = ledger.register(read_policies())
            take(ledger, known)
            close_landed(ledger, known)

    return Settings(home=made_once(tmp_path_factory, "later", make))
