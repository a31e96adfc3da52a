"""A book whose loans come from agreements: offered, signed, handed off, not paid out yet. All names are synthetic."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from loanbook.core.access.actor import Actor
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.agreements import AgreementRules
from loanbook.core.policy.originators import Originator
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.agreements.handing_off import hand_off
from loanbook.pipelines.agreements.offering import Wanted, accept, make_offers, sign
from loanbook.pipelines.approvals.desk import Desk
from loanbook.pipelines.disbursing.evidence import Answer, record_account, record_kyc
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.publishing import DayReport
from tests.conftest import copied, made_once
from tests.core.loans import with_more
from tests.pipelines.files import LOANS, MONEY, drop, take, weekly_loan

ANN = Actor("Ann", roles=frozenset({"servicing"}), second_factor=True)
BOB = Actor("Bob", roles=frozenset({"approver"}), second_factor=True)
CY = Actor("Cy", roles=frozenset({"approver"}), second_factor=True)
MADE, SIGNED_AT = dt.date(2018, 1, 2), dt.datetime(2018, 1, 3, 9, 30, tzinfo=dt.UTC)
PAID = dt.date(2018, 1, 5)
NAMES = {"A": "Ada Example", "B": "Béla Példa", "C": "Carl Muster", "D": "Dora Sample"}
AMOUNT = {"A": "1200.00", "B": "12000.00", "C": "1200.00", "D": "1200.00"}
"""B is above the amount from which two people approve."""


def wanted(key: str, **terms: str) -> Wanted:
    told = {
        "principal": AMOUNT.get(key, "1200.00"), "rate_percent": "12", "instalments": "12", "every": "1",
        "unit": "weeks", "disbursed_on": "2018-01-05", "first_due_date": "2018-01-12", "jurisdiction": "DE",
    }  # fmt: skip
    name = NAMES.get(key, f"Person {key}")
    return Wanted(
        "instalment-act365", told | terms, (("borrower", name),), f"app-{key}", f"dec-{key}", key
    )


def lending() -> PolicyBook:
    """The shipped policies, with payouts through the example's ACH originator, and a most of a day."""
    shipped = read_policies()
    own = shipped.in_force(Originator, "ach", PAID)
    rules = shipped.in_force(AgreementRules, "standard", PAID)
    paying = own.model_copy(update={"version": 2, "pays_out": ["disbursed"]})
    limited = rules.model_copy(update={"version": 2, "most_a_day": {"USD": 1_400_000}})
    return with_more(shipped, ("originators", paying), ("agreements", limited))


@dataclass
class Lender:
    """A lender's ledger, people and policies."""

    where: Settings
    ledger: Ledger
    people: People
    policies: PolicyBook

    @cached_property
    def desk(self) -> Desk:
        return Desk.of(self.people, LedgerReader(self.where, Shown()), self.policies)

    @property
    def store(self) -> DocumentStore:
        return DocumentStore(self.where)

    def close(self, through: str) -> list[DayReport]:
        take(self.ledger, self.policies)
        days = missing_days(self.ledger, dt.date.fromisoformat(through))
        return list(close_days(self.ledger, self.policies, days, provenance(self.policies)))

    def pass_a_day(self, day: str) -> None:
        """A day with money of another loan, so that it is closed."""
        drop(self.ledger, f"payments_{day}.csv", MONEY + f"t{day},TAPE,1.00,USD,{day}\n")
        self.close(day)

    def ids(self) -> dict[str, str]:
        return dict(self.ledger.frame("SELECT loan_key, offer_id FROM {lake}.offers").rows())

    def vouch(self, key: str, holder: str = "", on: dt.date = PAID) -> int:
        """Identity passed and an account confirmed; its score."""
        record_kyc(self.ledger, key, "borrower", True, Answer("stand-in", "k1", on, ANN))
        told = {
            "bank": "021000021",
            "account": f"00{ord(key)}4711",
            "holder": holder or NAMES[key],
            "originator": "ach",
        }
        return record_account(
            self.ledger, self.policies, key, told, Answer("stand-in", "b1", on, ANN)
        )


def _sign(ledger: Ledger, key: str) -> None:
    accept(ledger, key, MADE, "Ann")
    sign(ledger, key, ("borrower", "192.0.2.7"), SIGNED_AT, ANN)


@pytest.fixture(scope="session")
def _agreed(tmp_path_factory: pytest.TempPathFactory, founded: Path) -> Path:
    def make(home: Path) -> None:
        ledger = Ledger(copied(founded, home))
        policies = ledger.register(lending())
        make_offers(ledger, policies, [wanted(key) for key in "ABCD"], MADE, ANN)
        for key in "ABC":
            _sign(ledger, key)
        drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + weekly_loan("TAPE"))
        drop(ledger, "payments_2018-01-04.csv", MONEY + "t1,TAPE,1.00,USD,2018-01-04\n")
        take(ledger, policies)
        list(close_days(ledger, policies, missing_days(ledger), provenance(policies)))
        hand_off(ledger, dt.date(2018, 1, 4))
        take(ledger, policies)
        ledger.close()

    return made_once(tmp_path_factory, "agreed", make)


@pytest.fixture
def lender(tmp_path: Path, _agreed: Path) -> Iterator[Lender]:
    """A, B and C signed and boarded, D offered alone; closed to the 4th; A loan TAPE came by a tape."""
    where = (
        copied(_agreed, tmp_path / "home")
        if not (_agreed / "landing").exists()
        else _copy(_agreed, tmp_path / "home")
    )
    ledger, people = Ledger(where), open_people(where)
    yield Lender(where, ledger, people, ledger.register(lending()))
    ledger.close()
    people.close()


def _copy(instance: Path, home: Path) -> Settings:
    import shutil

    return Settings(home=shutil.copytree(instance, home))
