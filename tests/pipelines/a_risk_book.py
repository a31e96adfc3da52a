"""A book of three months that has everything a mart must tell: loans that are paid, late, charged off and recovered
of, taken over in mid-life, in three currencies; and news that restates month ends that were published."""

from __future__ import annotations

import datetime as dt

from loanbook.core.store.marts import refresh_marts
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from tests.pipelines.files import LOANS, MONEY, ORDERS, drop, take, weekly_loan
from tests.pipelines.test_takeover import HEAD, ROWS

_FEBRUARY = ("2018-01-02,2018-01-09", "2018-02-01,2018-02-08")
LAST = dt.date(2018, 3, 31)


def lived(ledger: Ledger, *, fill: bool = False) -> None:
    """Live the book to `LAST`; `fill`: marts follow every run, else they are left as they are."""
    policies = ledger.register(read_policies())

    def close(through: str | None = None) -> None:
        take(ledger)
        to = dt.date.fromisoformat(through) if through else None
        list(close_days(ledger, policies, missing_days(ledger, to), provenance(policies)))
        if fill:
            refresh_marts(ledger)

    others = (
        weekly_loan("Y").replace("instalment-act365,1200.00", "instalment-jpy,120000"),
        weekly_loan("K").replace("instalment-act365,1200.00", "instalment-kwd,1200.000"),
    )
    drop(ledger, "loan_tape_2018-01-02_canonical.csv",
         LOANS + "".join(map(weekly_loan, "BCDEG")) + "".join(others))  # fmt: skip
    drop(ledger, "payments_2018-01-09.csv", MONEY + "b1,B,1202.76,USD,2018-01-09\n"
         "d1,D,110.00,USD,2018-01-09\ny1,Y,10600,JPY,2018-01-09\n")  # fmt: skip
    drop(ledger, "loan_tape_2018-01-31_migration.csv", HEAD + ROWS)
    close("2018-02-01")
    drop(ledger, "loan_tape_2018-02-01_canonical.csv",
         LOANS + weekly_loan("F").replace(*_FEBRUARY) + weekly_loan("H").replace(*_FEBRUARY))  # fmt: skip
    drop(ledger, "commands_2018-02-03.csv", ORDERS.strip() + ",target_ref\n"
         + "r1,reverse,D,2018-02-03,,,,m-1,c-2,payment_returned,d1\n")  # fmt: skip
    close()
    drop(ledger, "payments_2018-02-05.csv", MONEY + "e1,E,400.00,USD,2018-01-25\n"
         "f1,F,110.00,USD,2018-02-05\nk1,K,1300.000,KWD,2018-02-05\n")  # fmt: skip
    close("2018-03-05")
    drop(ledger, "payments_2018-03-06.csv", MONEY + "c1,C,60.00,USD,2018-01-20\n"
         "g1,G,1300.00,USD,2018-02-27\n")  # fmt: skip
    close("2018-03-09")
    drop(ledger, "commands_2018-03-10.csv", ORDERS
         + "o1,charge_off,C,2018-03-10,,,,m-1,c-2,uncollectable\n")  # fmt: skip
    drop(ledger, "payments_2018-03-20.csv", MONEY + "c2,C,50.00,USD,2018-03-20\n"
         "a1,A-2,445.00,USD,2018-02-27\n")  # fmt: skip
    close(LAST.isoformat())
