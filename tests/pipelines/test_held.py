"""One bad loan never stops the book: faults planted in one book, and what becomes of it."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.errors import EngineError, LawBrokenError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.servicing.day.close import DayClose, close
from loanbook.core.servicing.loan.book import Book
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.commands.app import app
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.messages import send_held
from loanbook.pipelines.servicing.publishing import DayReport
from loanbook.pipelines.servicing.verify import rebuild, replay_loan
from tests.pipelines.files import LOANS, MONEY, drop, take, weekly_loan

KEYS = [f"L{n:02}" for n in range(1, 15)]
CLAIM, ENGINE, LEDGER, LATE, NEW = "L01", "L02", "L03", "L04", "L15"
"""Loans by what is wrong with them."""
HALF = '[held]\npercent = 50\n[alerts]\ncommand = ["sh", "-c", "cat > told.json"]\n'


def _planted(ids: dict[str, int]):  # type: ignore[no-untyped-def]
    """The engine, wrong on some loans from 3 January to the 6th."""

    def faulty(book: Book, events: pl.DataFrame, policies: PolicyBook, date: dt.date) -> DayClose:
        if not dt.date(2018, 1, 3) <= date <= dt.date(2018, 1, 6):
            return close(book, events, policies, date)
        if ids[ENGINE] in book.terms["loan_id"] and date.day == 4:
            raise EngineError("this one can't be computed")
        if ids.get(NEW) in events["loan_id"]:
            raise ValueError("its schedule has no end")
        done = close(book, events, policies, date)
        is_claim, is_ledger = (pl.col("loan_id") == ids[key] for key in (CLAIM, LEDGER))
        late = (pl.col("loan_id") == ids[LATE]) & (date.day == 5)
        bent = done.book.positions.with_columns(
            principal=pl.col("principal") + is_claim.cast(pl.Int64),
            credit=pl.col("credit") + is_ledger.cast(pl.Int64),
            interest_due=pl.col("interest_due") + late.cast(pl.Int64) * 250,
        )
        return replace(done, book=replace(done.book, positions=bent))

    return faulty


def _closed(ledger: Ledger, through: str, engine=close) -> list[DayReport]:  # type: ignore[no-untyped-def]
    policies = ledger.register(read_policies())
    days = missing_days(ledger, dt.date.fromisoformat(through))
    return list(close_days(ledger, policies, days, provenance(policies), close=engine))


def _land(ledger: Ledger) -> dict[str, int]:
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + "".join(map(weekly_loan, KEYS)))
    new = weekly_loan(NEW).replace("2018-01-02", "2018-01-05").replace("2018-01-09", "2018-01-12")
    drop(ledger, "loan_tape_2018-01-05_canonical.csv", LOANS + new)
    drop(ledger, "payments_2018-01-03.csv", MONEY + "".join(
        f"P{key},{key},105.00,USD,2018-01-03\n" for key in KEYS))  # fmt: skip
    # a day of L04 that is over is told while it is held
    drop(ledger, "payments_2018-01-06.csv", MONEY + f"P2,{LATE},20.00,USD,2018-01-02\n")
    take(ledger)
    return dict(ledger.loan_keys().select("loan_key", "loan_id").rows())


def test_loans_that_break_a_law_are_held_and_return_when_the_cause_is_mended(
    new_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = new_ledger
    (ledger.settings.home / "loanbook.toml").write_text(HALF)
    ids = _land(ledger)
    by_day = {day.date.day: day for day in _closed(ledger, "2018-01-07", _planted(ids))}
    held = {n: sorted(day.held["loan_key"]) if day.held.height else [] for n, day in by_day.items()}
    assert held[2] == []
    assert held[3] == [CLAIM, LEDGER]
    assert held[4] == [CLAIM, ENGINE, LEDGER]
    assert held[5] == [CLAIM, LEDGER, LATE, NEW]  # the second is lived again by itself
    assert held[6] == [CLAIM, LEDGER]  # late news of the third came with it
    assert held[7] == []
    told = {row["loan_key"]: row for row in by_day[5].held.to_dicts()}
    claim = by_day[3].held.row(by_predicate=pl.col("loan_key") == CLAIM, named=True)
    assert claim["law"] == "claim_principal"
    # of 105.00, 0.39 are interest of a night: 1,200.00 * 12 % / 365
    assert "principal 1095.40, principal before 1200.00" in claim["figures"]
    assert claim["figures"].endswith(
        "paid principal 104.61, back to principal 0.00, expected 1095.39"
    )
    assert (claim["product"], claim["good_until"]) == ("instalment-act365@1", dt.date(2018, 1, 2))
    assert "payment received PL01" in claim["remedy"]
    assert told[LEDGER]["figures"] == "borrower credit, moved beyond its transfers -0.01"
    # the night's interest of 1,095.39, and 2.50 that nothing explains
    assert told[LATE]["figures"] == "interest, after 3.22, before 0.36, accrued today 0.36"
    assert told[NEW]["good_until"] is None
    assert "withdraw" in told[NEW]["remedy"]

    reader = LedgerReader(ledger.settings)
    kept = reader.positions("2018-01-05", known_at=by_day[5].version, names=True)
    was = kept.row(by_predicate=pl.col("loan_key") == CLAIM, named=True)
    assert (was["status"], was["principal"], was["accrued_today"]) == ("held", 120_000, 0)
    assert reader.held("2018-01-05", known_at=by_day[5].version)["loan_key"].to_list() == sorted(
        [CLAIM, LEDGER, LATE, NEW]
    )
    assert reader.held("2018-01-05").is_empty()  # as known now, all of them were lived
    home = ledger.settings.home
    assert send_held(ledger.settings, list(by_day.values())) is None  # at its end none is held
    assert not (home / "told.json").exists()
    assert send_held(ledger.settings, [by_day[5]]) is None
    message = json.loads((home / "told.json").read_text())
    assert (message["event"], message["date"]) == ("loans_held", "2018-01-05")
    assert [row["loan_key"] for row in message["loans"]] == [CLAIM, LEDGER, LATE, NEW]
    monkeypatch.setenv("LOANBOOK_HOME", str(home))
    asked = ["held", "--as-of", "2018-01-05", "--known-at", str(by_day[5].version)]
    told = CliRunner().invoke(app, asked)
    assert told.exit_code == 0, told.output
    assert "L03 of instalment-act365@1, held since 2018-01-03, good until 2018-01-02" in told.output
    _explained_as_stored(home, by_day[5].version)
    policies = ledger.register(read_policies())
    for key in (CLAIM, ENGINE, LEDGER, LATE, NEW):
        one = replay_loan(ledger, policies, ids[key])
        assert one.rows
        assert one.differences.is_empty(), (key, one.differences)
    whole = rebuild(ledger, policies)
    assert whole.differences.is_empty(), whole.differences


def _explained_as_stored(home: Path, version: int) -> None:
    """`explain` of a held loan tells what is stored, why it is held and what waits: it told the life with
    the payment that broke the law."""

    def explained(key: str) -> dict[str, Any]:
        asked = ["explain", key, "--as-of", "2018-01-05", "--known-at", str(version)]
        told = CliRunner().invoke(app, [*asked, "--json"])
        assert told.exit_code == 0, told.output
        return dict(json.loads(told.output)) | {"text": CliRunner().invoke(app, asked).output}

    claim, new = explained(CLAIM), explained(NEW)
    # the night to the 3rd is not in it: 1,200.00, and no interest on the day of the payout
    assert claim["stands"] == dict.fromkeys(claim["stands"], 0) | {"principal": 120_000}
    assert claim["as_of"] == "2018-01-05"
    assert [line["date"] for line in claim["lines"]][-1] == "2018-01-02"
    held = claim["held"]
    assert (held["since"], held["good_until"], held["law"]) == (
        "2018-01-03", "2018-01-02", "claim_of_quiet_loans"
    )  # fmt: skip
    assert [(each["date"], each["what"]) for each in held["waiting"]] == [
        ("2018-01-03", "money came in for a loan 105.00")
    ]
    assert f"HELD since 2018-01-03 by the law {held['law']}: {held['figures']}" in claim["text"]
    assert "PL01 line 2" in claim["text"]
    assert "its last good position, of 2018-01-02" in claim["text"]
    assert (new["lines"], new["held"]["good_until"]) == ([], None)
    assert "nothing: held since 2018-01-05, before it entered the book" in new["text"]
    assert len(new["held"]["waiting"]) == 2  # boarded, paid out


def test_more_loans_than_the_limit_or_a_law_of_no_loan_still_block(new_ledger: Ledger) -> None:
    ledger = new_ledger
    ids = _land(ledger)
    with pytest.raises(LawBrokenError) as blocked:  # 10 % of 15 loans: one may be held
        _closed(ledger, "2018-01-07", _planted(ids))
    said = str(blocked.value)
    assert "1 may be held ([held] in loanbook.toml)" in said
    assert "loan L01 of instalment-act365@1: claim_principal: principal 1095.40" in said
    assert ledger.head().published_date == dt.date(2018, 1, 2)

    def unbalanced(book, events, policies, date):  # type: ignore[no-untyped-def]
        done = close(book, events, policies, date)
        nights = pl.col("loan_id") == 0
        more = done.transfers.with_columns(amount=pl.col("amount") + nights.cast(pl.Int64))
        return replace(done, transfers=more)

    with pytest.raises(LawBrokenError, match="No single loan is at fault"):
        _closed(ledger, "2018-01-07", unbalanced)
    assert ledger.head().published_date == dt.date(2018, 1, 2)
