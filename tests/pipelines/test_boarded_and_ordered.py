"""What enters can be closed: loans that come late, and orders beside orders, in one book."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from loanbook.core.catalogue.codes import Kind
from loanbook.core.errors import EngineError
from loanbook.core.servicing.laws import trial
from loanbook.core.store import order_context
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.verify import rebuild, replay_loan
from tests.conftest import copied
from tests.pipelines.files import LOANS, MONEY, ORDERS, close_landed, drop, rules, take, weekly_loan
from tests.pipelines.test_orders import HEAD, order


def _closed(ledger: Ledger, through: str) -> None:
    policies = ledger.register(read_policies())
    days = missing_days(ledger, dt.date.fromisoformat(through))
    list(close_days(ledger, policies, days, provenance(policies)))


def _since(key: str, disbursed: str, first_due: str) -> str:
    return weekly_loan(key).replace("2018-01-02", disbursed).replace("2018-01-09", first_due)


def test_a_loan_that_is_boarded_late_lives_as_if_it_had_come_in_time(new_ledger: Ledger) -> None:
    """Two days before its tape's own day, in a later tape, before the book's first day; and too late."""
    ledger = new_ledger
    (ledger.settings.home / "loanbook.toml").write_text("[intake]\nlate_days = 30\n")
    tape = weekly_loan("IN-TIME") + _since("LATE-0", "2017-12-30", "2018-01-06")
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + tape)
    take(ledger)
    _closed(ledger, "2018-01-03")
    late = _since("LATE-1", "2018-01-03", "2018-01-10") + _since(
        "LATE-2", "2017-12-28", "2018-01-04"
    )
    tape = late + _since("GONE", "2017-11-01", "2017-11-08")
    drop(ledger, "loan_tape_2018-01-05_canonical.csv", LOANS + tape)
    drop(ledger, "payments_2018-01-05.csv", MONEY + "P1,LATE-2,50.00,USD,2018-01-04\n")
    take(ledger)
    _closed(ledger, "2018-01-05")
    assert rules(ledger, "loan_tape_2018-01-05_canonical.csv") == {4: "boarded_too_late"}
    _closed(ledger, "2018-01-06")  # from the stored book
    reader = LedgerReader(ledger.settings)
    register = reader.loans().select("loan_key", "state", "boarded_on").rows_by_key("loan_key")
    assert {key: rows[0] for key, rows in register.items()} == {
        "IN-TIME": ("active", dt.date(2018, 1, 2)),
        "LATE-0": ("active", dt.date(2017, 12, 30)),
        "LATE-1": ("active", dt.date(2018, 1, 3)),
        "LATE-2": ("active", dt.date(2017, 12, 28)),
    }
    on_the_4th = reader.positions("2018-01-04", names=True)
    assert on_the_4th["loan_key"].to_list() == ["IN-TIME", "LATE-0", "LATE-1", "LATE-2"]
    assert reader.positions("2018-01-04", known_at=3).height == 2  # what was said then
    schedules = reader.query("SELECT loan_id, valid_from FROM schedules ORDER BY loan_id")
    assert schedules["valid_from"].to_list() == [row[0][1] for row in register.values()]
    policies = ledger.register(read_policies())
    for loan_id in (1, 2, 3, 4):
        assert replay_loan(ledger, policies, loan_id).differences.is_empty()
    whole = rebuild(ledger, policies)
    assert whole.differences.is_empty(), whole.differences
    # a figure of the terms alone is compared too
    ledger.connection.execute("UPDATE _lake.loans SET emi = emi + 1 WHERE loan_id = 3")
    assert rebuild(ledger, policies).differences["table"].to_list() == ["loans"]


def test_orders_are_judged_with_the_orders_beside_them(new_ledger: Ledger) -> None:
    ledger = new_ledger
    keys = [f"L{n}" for n in range(1, 10)]
    line = "LINE,credit-line,1000.00,12,24,,0,1,months,1,2018-01-02,2018-02-01,,,,\n"
    tape = "".join(map(weekly_loan, keys)) + line
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + tape)
    drop(ledger, "payments_2018-01-03.csv", MONEY + "P1,L1,1700.00,USD,2018-01-03\n")
    take(ledger)
    _closed(ledger, "2018-01-03")
    day, later = "2018-01-04", "2018-01-05"
    moved = {"due_date": "2018-02-01", "instalments": "6"}
    body = [
        order("a", "refund_credit", "L1", day, amount="400"),
        order("b", "refund_credit", "L1", day, amount="400"),
        order("c", "refund_credit", "L1", day, amount="50"),
        order("d", "change_limit", "LINE", day, amount="0.01"),
        order("e", "pay_out", "LINE", day, amount="10"),
        order("f", "accelerate", "L2", day),
        order("g", "reage", "L2", day, **moved),
        order("h", "settle", "L3", day),
        order("i", "charge_off", "L3", day),
        order("j", "pause_interest", "L4", day, start_date="2018-01-06", due_date="2018-01-12"),
        order("k", "pause_interest", "L4", later, start_date="2018-01-12", due_date="2018-01-14"),
        order("l", "pause_delinquency", "L5", day, start_date="2018-01-06", due_date="2018-01-12"),
        order("m", "pause_delinquency", "L5", later, start_date="2018-01-02", due_date="2018-01-07"),
        order("n", "reage", "L6", day, **moved),
        order("o", "reage", "L6", day, **moved),
        order("p", "reamortise", "L7", day),
        order("q", "reage", "L7", day, **moved),
        order("u", "pause_interest", "L9", day, start_date="2018-01-06", due_date="2018-01-12"),
        order("v", "pause_interest", "L9", later, start_date="2018-01-20", due_date="2018-01-22"),
        order("r", "reamortise", "L8", later),
    ]  # fmt: skip
    drop(ledger, f"commands_{day}.csv", HEAD + "".join(body))
    take(ledger)
    refused = {
        3: "more_than_the_credit",  # 499.61 are there; 400.00 go out by the first
        6: "more_than_may_be_lent",
        8: "contract_is_terminated",
        10: "loan_has_ended",
        12: "another_pause_runs",
        14: "another_pause_runs",
        16: "another_change_on_the_day",
        18: "another_change_on_the_day",  # two pauses of days of their own are both taken
    }
    assert rules(ledger, f"commands_{day}.csv") == refused
    told = ledger.one("SELECT found FROM {lake}.quarantine WHERE line = 12 AND kind = 'commands'")
    assert told == (
        "k: the pause j from 2018-01-06 to 2018-01-12 stands; order this one for other days, or reverse "
        "that one",
    )
    # beside an order that waits in the ledger; the same again is a duplicate
    again = [body[-1], order("s", "reage", "L8", later, **moved)]
    drop(ledger, f"commands_{later}.csv", HEAD + "".join(again))
    take(ledger)
    assert rules(ledger, f"commands_{later}.csv") == {3: "another_change_on_the_day"}
    _closed(ledger, "2018-01-06")
    assert LedgerReader(ledger.settings).held().is_empty()
    files = ledger.frame("SELECT * FROM {lake}.files WHERE kind = 'commands' ORDER BY name")
    assert files.select("rows_in", "accepted", "quarantined", "duplicates").rows() == [
        (20, 12, 8, 0),
        (2, 0, 1, 1),
    ]
    assert files.select(pl.col("rows_in").sum()).item() == 22


def test_what_could_not_be_closed_does_not_enter(
    new_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loan that the engine can't board, and an order that it can't carry out.

    A boarding that no version has read is withdrawn; what came for it is kept.
    """
    ledger, lived = new_ledger, trial.fast_forward

    def failing(start, events, policies, through):  # type: ignore[no-untyped-def]
        if "BAD" in events.filter(pl.col("kind") == Kind.loan_boarded)["source_ref"]:
            raise EngineError("its schedule has no end")
        if "b" in events.filter(pl.col("kind") == Kind.reamortised)["source_ref"]:
            raise EngineError("its dues can't be spread")
        return lived(start, events, policies, through)

    monkeypatch.setattr(trial, "fast_forward", failing)
    daily = "R,daily-rate,1000.00,0.1,4,,0.00,1,weeks,15,2018-01-01,2018-01-08,,,,\n"
    keys = ("A", "BAD", "WRONG")
    tape = daily + "".join(_since(key, "2018-01-01", "2018-01-08") for key in keys)
    drop(ledger, "loan_tape_2018-01-01_canonical.csv", LOANS + tape)
    weeks = {"due_date": "2018-01-15", "instalments": "6", "every": "1", "unit": "weeks"}
    reaged = order("a", "reage", "R", "2018-01-03", interest="payable", **weeks)
    back = order("w", "withdraw", "WRONG", "2018-01-03") + order(
        "x", "reamortise", "WRONG", "2018-01-04"
    )
    anew = order("b", "reamortise", "R", "2018-01-05") + order("c", "accelerate", "A", "2018-01-05")
    drop(ledger, "commands_2018-01-03.csv", HEAD + reaged + back)
    paid = (
        "P1,R,500.00,USD,2018-01-04\nP2,WRONG,20.00,USD,2018-01-02\nP3,WRONG,5.00,USD,2018-01-05\n"
    )
    drop(ledger, "payments_2018-01-05.csv", MONEY + paid)
    drop(ledger, "commands_2018-01-05.csv", HEAD + anew)
    report = take(ledger)
    assert report.reconciles
    bad = ledger.frame("SELECT name, line, rule, found FROM {lake}.quarantine ORDER BY name, line")
    assert bad.drop("found").rows() == [
        ("commands_2018-01-03.csv", 4, "loan_was_withdrawn"),
        ("commands_2018-01-05.csv", 2, "can_not_be_closed"),
        ("loan_tape_2018-01-01_canonical.csv", 4, "can_not_be_closed"),
    ]
    assert bad["found"][1].startswith("b: ")
    assert "EngineError: its dues can't be spread" in bad["found"][1]
    assert "EngineError: its schedule has no end; board it on other terms" in bad["found"][2]
    _closed(ledger, "2018-01-06")
    reader = LedgerReader(ledger.settings)
    assert reader.held().is_empty()
    assert reader.positions(names=True)["loan_key"].to_list() == ["R", "A"]
    # 25.00 that came for the loan that never was
    held = reader.query(
        "SELECT sum(t.amount) AS held FROM transfers t JOIN loan_keys k ON k.loan_id = t.loan_id "
        "WHERE k.loan_key = 'WRONG'"
    )
    assert held["held"].to_list() == [2_500]
    policies = ledger.register(read_policies())
    assert rebuild(ledger, policies).differences.is_empty()
    late = [
        order("y", "withdraw", "A", "2018-01-06"),
        order("z", "goodwill_credit", "WRONG", "2018-01-06", amount="1"),
    ]
    drop(ledger, "commands_2018-01-06.csv", HEAD + "".join(late))
    take(ledger)
    assert rules(ledger, "commands_2018-01-06.csv") == {
        2: "a_published_version_has_read_it", 3: "loan_was_withdrawn",
    }  # fmt: skip


def test_what_is_taken_in_hangs_on_business_dates_not_on_what_else_lies_there(
    new_ledger: Ledger, founded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same files at once, their events looked up file by file, and day by day, each day closed.

    Of orders: a credit of 99.61 that money made the day before, of which 90.00 are refunded but once; a line of 1,000.00
    drawn 500.00, with 300.00 twice; 1,200.00 lent of no more than 2,400.00, with 1,000.00 twice; what a
    payment met, asked again; the rest of a charge.
    """
    head = "command_ref,command,loan_key,value_date,amount,target_ref,maker,checker,reason\n"
    days = {
        "2018-01-02": [("loan_tape", "_canonical", LOANS + weekly_loan("A") + weekly_loan("C") + (
            "L,credit-line,1000.00,12,24,,0.00,1,,,2018-01-02,2018-02-02,,,,500.00\n"
            "M,multi-tranche,1200.00,12,6,,0.00,1,months,,2018-01-02,2018-02-02,,,,\n"
        ))],
        "2018-01-03": [
            ("payments", "", MONEY + "p1,A,50.00,USD,2018-01-03\np2,B,5.00,USD,2018-01-03\n"),
            ("commands", "", head + "r1,reverse,A,2018-01-03,,p1,m-1,c-2,payment_returned\n"
             "r2,reverse,A,2018-01-03,,p3,m-1,c-2,payment_returned\n"
             "d1,pay_out,L,2018-01-03,300.00,,m-1,c-2,draw\nt1,pay_out,M,2018-01-03,1000.00,,m-1,c-2,draw\n"),
            ("payments", "_2", MONEY + "p4,C,1300.00,USD,2018-01-03\np5,M,10.00,USD,2018-01-03\n"),
        ],
        "2018-01-04": [
            ("loan_tape", "_canonical", LOANS + weekly_loan("B") + weekly_loan("A")),
            ("payments", "", MONEY + "p1,A,50.00,USD,2018-01-03\np1,A,51.00,USD,2018-01-03\n"
             "p2,B,5.00,USD,2018-01-03\np3,A,1.00,USD,2018-01-04\n"),
            ("commands", "", head + "r1,reverse,A,2018-01-03,,p1,m-1,c-2,payment_returned\n"
             "r3,reverse,A,2018-01-04,,p1,m-1,c-2,payment_returned\n"
             "r4,reverse,A,2018-01-04,,p3,m-1,c-2,payment_returned\n"
             "d2,pay_out,L,2018-01-04,300.00,,m-1,c-2,draw\nt2,pay_out,M,2018-01-04,1000.00,,m-1,c-2,draw\n"
             "e1,refund_credit,C,2018-01-04,90.00,,m-1,c-2,asked\n"
             "e2,refund_credit,C,2018-01-04,90.00,,m-1,c-2,asked\n"
             "b1,chargeback,M,2018-01-04,5.00,p5,m-1,c-2,card\n"),
        ],
    }  # fmt: skip
    daily = Ledger(copied(founded, tmp_path / "daily"))
    for day, files in days.items():
        for kind, ending, body in files:
            drop(new_ledger, f"{kind}_{day}{ending}.csv", body)
            drop(daily, f"{kind}_{day}{ending}.csv", body)
        take(daily)
        _closed(daily, day)
    monkeypatch.setattr(order_context, "FEW_ROWS", -1)
    take(new_ledger)
    _closed(new_ledger, "2018-01-04")
    for table, what in (
        ("quarantine", "name, line, rule, found"),
        ("events", "idempotency_key, body_hash"),
        ("files", "name, accepted, quarantined, duplicates"),
        (
            "positions",
            "business_date, loan_id, status, principal, interest_due, interest_accrued, credit",
        ),
    ):
        at_once, by_day = (
            sorted(each.frame(f"SELECT {what} FROM {{lake}}.{table}").rows())
            for each in (new_ledger, daily)
        )
        assert at_once == by_day, table
    assert rules(daily, "payments_2018-01-03.csv") == {}  # it is the p2 of the next day
    assert rules(daily, "commands_2018-01-03.csv") == {3: "unknown_target"}
    assert rules(daily, "commands_2018-01-04.csv") == {
        3: "already_reversed", 5: "more_than_may_be_lent", 6: "more_than_may_be_lent",
        8: "more_than_the_credit",
    }  # fmt: skip
    assert rules(daily, "payments_2018-01-04.csv") == {3: "idempotency_conflict"}


def test_what_came_before_its_loan_enters_once_the_loan_comes(new_ledger: Ledger) -> None:
    """A refused tape, its money and an order; then the tape anew. Each enters once, booked with the loan, and
    by the rule that it breaks where it breaks one."""
    ledger = new_ledger
    key = "L-" + "x" * 50
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + weekly_loan("A"))
    drop(ledger, "loan_tape_2018-01-02_cannonical.csv", LOANS + weekly_loan(key))
    drop(
        ledger,
        "payments_2018-01-03.csv",
        MONEY + f"p1,A,50.00,USD,2018-01-03\n"
        f"p2,{key},50.00,USD,2018-01-03\np3,{key},5.00,USD,2018-01-01\np4,C,5.00,USD,2018-01-03\n",
    )
    drop(
        ledger,
        "commands_2018-01-03.csv",
        ORDERS + f"o1,charge_fee,{key},2018-01-03,7.00,2018-01-16,,m-1,c-2,agreed\n",
    )
    first = take(ledger)
    assert (first.accepted, first.quarantined, len(first.refused)) == (2, 4, 1)
    drop(ledger, "loan_tape_2018-01-04_canonical.csv", LOANS + weekly_loan(key))
    second, third = take(ledger), take(ledger)
    assert (second.rows_in, second.accepted, second.quarantined, second.again) == (4, 3, 1, 3)
    assert second.reconciles
    assert (third.rows_in, third.again) == (0, 0)
    assert rules(ledger, "payments_2018-01-03.csv") == {
        4: "payment_before_disbursement", 5: "unknown_loan"
    }  # fmt: skip
    assert rules(ledger, "commands_2018-01-03.csv") == {}
    files = ledger.frame(
        "SELECT name, rows_in, accepted, quarantined, duplicates FROM {lake}.files "
        "WHERE kind <> 'loan_tape' ORDER BY name"
    )
    assert files.rows() == [
        ("commands_2018-01-03.csv", 1, 1, 0, 0), ("payments_2018-01-03.csv", 4, 2, 2, 0)
    ]  # fmt: skip
    booked = ledger.frame(
        "SELECT source_ref, booking_date::VARCHAR AS on FROM {lake}.events WHERE source_ref IN "
        "('p1', 'p2', 'o1') ORDER BY event_id"
    )
    assert booked.rows() == [("p1", "2018-01-03"), ("p2", "2018-01-04"), ("o1", "2018-01-04")]
    close_landed(ledger)
    # 50.00 on the 3rd, of which 0.39 are the night's interest: late for the one, in time for the other
    left = LedgerReader(ledger.settings).positions()["principal"].to_list()
    assert left == [115_039, 115_039]
