"""What applicants' own loans tell is what was known the day before: later days and later news take no part."""

from __future__ import annotations

import datetime as dt

import polars as pl

from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.origination.own_history import own_history
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.writer import Ledger
from tests.origination.test_taking_in import HEADER, _row
from tests.pipelines.files import LOANS, MONEY, close_landed, drop, take, weekly_loan


def test_a_borrower_who_asks_again_is_known_by_own_loans_as_they_stood_the_day_before(
    ledger: Ledger, policies: PolicyBook
) -> None:
    """Loan L-1 falls due weekly from 8 February 2018 and is not paid; a payment that was received on the 9th comes late, in the
    file of the 20th."""
    tape = (
        weekly_loan("L-1").replace("2018-01-02", "2018-02-01").replace("2018-01-09", "2018-02-08")
    )
    drop(ledger, "loan_tape_2018-02-01_canonical.csv", LOANS + tape)
    drop(
        ledger,
        "applications_2018-01-31.csv",
        HEADER + _row("L-1", applicant="person-x", submitted_on="2018-01-31"),
    )
    again = (
        _row("second", applicant="person-x")
        + _row("together", applicant="person-y", co="person-x")
        + _row("other")
    )
    drop(ledger, "applications_2018-02-16.csv", HEADER + again)
    drop(ledger, "payments_2018-02-20.csv", MONEY + "p1,L-1,150.00,USD,2018-02-09\n")
    registered = ledger.register(policies)
    take(ledger, registered)
    close_landed(ledger, registered)
    reader = LedgerReader(ledger.settings, Shown())
    versions = reader.versions().select("version", "business_date").sort("version")

    def at(day: str) -> dict[str, tuple[int, int | None, int, int]]:
        on = pl.lit(dt.date.fromisoformat(day))
        ids = [f"applications/{ref}" for ref in ("second", "together", "other", "L-1")]
        asked = pl.DataFrame({"application_id": ids, "currency": ["USD"] * 4}).with_columns(on=on)
        return {row[0].split("/")[1]: row[1:] for row in own_history(ledger, asked).rows()}

    def principal(day: str) -> int:
        """What the reader tells by both clocks of the day before."""
        before = dt.date.fromisoformat(day) - dt.timedelta(days=1)
        (known,) = versions.filter(pl.col("business_date") == before)["version"]
        return int(reader.positions(as_of=before, known_at=known)["principal"].sum())

    # due on the 8th and unpaid: 7 days on the 15th, 11 on the 19th; by the news of the 20th the instalment of the 8th was paid on
    # the 9th, a day late, and that of the 15th is due for 5 days
    for day, worst in (("2018-02-16", 7), ("2018-02-20", 11), ("2018-02-21", 5)):
        assert at(day)["second"] == (1, worst, 0, principal(day)), day
        assert at(day)["together"] == at(day)["second"], "a borrower of two is known too"
        assert at(day)["other"] == (0, None, 0, 0)
        assert at(day)["L-1"] == (0, None, 0, 0), "an application's own loan is none before it"
    assert at("2018-02-01")["second"] == (0, None, 0, 0), "not known as the borrower yet"
