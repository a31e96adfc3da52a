"""Files that a lender drops, and a ledger that takes them in and closes their days."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.ingest.intake import IntakeReport, take_in
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.simulation.landing import TAPE

LOANS = (
    "loan_number,product,principal,rate_percent,instalments,instalment,balloon,every,unit,"
    "second_anchor_day,disbursed_on,first_due_date,spread_percent,first_reset_on,jurisdiction,drawn\n"
)
"""Columns of a canonical loan tape."""
ORDERS = (
    "command_ref,command,loan_key,value_date,amount,due_date,instalments,maker,checker,reason\n"
)
MONEY = "payment_ref,loan_key,amount,currency,value_date\n"


def weekly_loan(key: str) -> str:
    """A line of a tape: 1,200.00 at 12 % of 2 January 2018, in twelve weeks."""
    return f"{key},instalment-act365,1200.00,12,12,,0,1,weeks,1,2018-01-02,2018-01-09,,,,\n"


def drop(ledger: Ledger, name: str, body: str | bytes) -> None:
    data = body if isinstance(body, bytes) else body.encode()
    (ledger.settings.landing / name).write_bytes(data)


_registered: WeakKeyDictionary[Ledger, PolicyBook] = WeakKeyDictionary()


def registered(ledger: Ledger) -> PolicyBook:
    """The shipped policies as the ledger knows them: told once, as a run does before it takes in and closes."""
    read, known = read_policies(), _registered.get(ledger)
    if known is None or known.policies != read.policies:
        _registered[ledger] = known = ledger.register(read)
    return known


def take(ledger: Ledger, policies: PolicyBook | None = None) -> IntakeReport:
    """Take in what landed."""
    known = policies or registered(ledger)
    return take_in(ledger, known, TAPE, correlation_id="test")


def close_landed(ledger: Ledger, policies: PolicyBook | None = None) -> None:
    """Close every day that landed, in one pass."""
    known = policies or registered(ledger)
    list(close_days(ledger, known, missing_days(ledger), provenance(known)))


def key(ledger: Ledger) -> str:
    """The first loan's key."""
    return str(ledger.loan_keys().sort("boards_on")["loan_key"][0])


def rules(ledger: Ledger, name: str) -> dict[int, str]:
    """The rule by which each line of a file was refused."""
    rows = ledger.frame("SELECT line, rule FROM {lake}.quarantine WHERE name = ?", [name])
    return dict(rows.rows())
