"""Orders about mandates, and weekly loans of 2 January 2018 whose first instalments fall due on the 9th."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.payments.presenting import Presented
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from tests.pipelines.files import LOANS, drop, take, weekly_loan

HEAD = (
    "command_ref,command,loan_key,value_date,originator,bank,account,account_type,holder,amount,start_date,"
    "due_date,collects,payday,channel,consent,consented_at,target_ref,maker,checker,reason\n"
)
CONSENT = "a1" * 32
ACCOUNT, HOLDER = "4711900210", "Planted Payer"
DAY = dt.date(2018, 1, 8)
"""Monday: the file of that day settles on Tuesday the 9th, when the first instalments fall due."""


def create(ref: str, loan: str, *, on: str = "2018-01-03", originator: str = "ach", bank: str = "021000021",
           account: str = ACCOUNT, cap: str = "150.00", starts: str = "", ends: str = "", collects: str = "",
           payday: str = "", holder: str = HOLDER, consent: str = CONSENT) -> str:  # fmt: skip
    return (
        f"{ref},create_mandate,{loan},{on},{originator},{bank},{account},,{holder},{cap},{starts},{ends},"
        f"{collects},{payday},web,{consent},2018-01-02T09:30:00Z,,maker-1,checker-2,autopay\n"
    )


def change(ref: str, verb: str, loan: str, on: str, target: str, more: str = ",,,,,,,,") -> str:
    """`more`: bank to payday, as the columns have them."""
    return f"{ref},{verb},{loan},{on},,{more},,,,{target},maker-1,checker-2,asked_by_payer\n"


def lend(ledger: Ledger, keys: str, *mandates: str) -> None:
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + "".join(map(weekly_loan, keys)))
    drop(ledger, "commands_2018-01-03.csv", HEAD + "".join(mandates))


def shipped(ledger: Ledger) -> PolicyBook:
    """The policies of the repository, as the ledger has them."""
    return ledger.register(read_policies())


def closed(ledger: Ledger, through: str, policies: PolicyBook | None = None) -> PolicyBook:
    """Take in what landed and close the days to `through`."""
    known = policies or shipped(ledger)
    take(ledger, known)
    days = missing_days(ledger, dt.date.fromisoformat(through))
    list(close_days(ledger, known, days, provenance(known)))
    return known


def asked(done: Presented, ledger: Ledger) -> dict[str, int]:
    """Amount by loan key."""
    keys = dict(ledger.loan_keys().select("loan_id", "loan_key").rows())
    rows = pl.concat([file.instructions for file in done.files]) if done.files else pl.DataFrame()
    return {keys[i]: n for i, n in rows.select("loan_id", "amount").rows()} if rows.height else {}


def why(done: Presented, ledger: Ledger) -> dict[str, str]:
    keys = dict(ledger.loan_keys().select("loan_id", "loan_key").rows())
    return {keys[i]: text for i, text in done.passed.select("loan_id", "why").rows()}


def files(ledger: Ledger) -> dict[str, bytes]:
    folder = ledger.settings.home / "outbox"
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
