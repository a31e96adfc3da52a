"""The contact log: taken in once, written by command, and replayed against any file of rules."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.commands.app import app
from tests.pipelines.files import LOANS, close_landed, drop, rules, take, weekly_loan

CONTACTS = "reference,loan_key,occurred_at,channel,direction,outcome,right_party,agent,place,zone\n"
SAID = "reference,loan_key,stated_at,kind,channel,place,days,from,to,written\n"
US = Path(__file__).parents[2] / "data" / "policies" / "contact_rules" / "us-regulation-f.yaml"


def _call(reference: str, at: str, rest: str = "no_answer,no,a1,home,America/Chicago") -> str:
    return f"{reference},A,{at},call,out,{rest}\n"


def _run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*arguments])
    assert result.exit_code == code, (arguments, result.output, result.exception)
    return str(result.output)


def _landed(ledger: Ledger) -> None:
    drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + weekly_loan("A"))
    drop(ledger, "contacts_2018-01-10.csv", CONTACTS
         + _call("c1", "2018-01-08T07:59:00-06:00")
         + _call("c2", "2018-01-09T18:00:00Z", "promise,yes,a1,work,America/Chicago")
         + _call("c3", "2018-01-10 18:00") + _call("c4", "2018-01-11T09:00:00-06:00")
         + _call("c5", "2018-01-09T18:00:00Z", "sang,no,a1,home,America/Chicago")
         + _call("c6", "2018-01-09T18:00:00Z", "no_answer,maybe,a1,home,America/Chicago")
         + _call("c7", "2018-01-09T18:00:00Z", "no_answer,no,,home,America/Chicago")
         + _call("c8", "2018-01-09T18:00:00Z", "no_answer,no,a1,At Home,America/Chicago")
         + _call("c9", "2018-01-09T18:00:00Z", "no_answer,no,a1,home,America/Chicago;America/Gotham")
         + "c10,B,2018-01-09T18:00:00Z,call,out,no_answer,no,a1,home,America/Chicago\n"
         + "c11,A,2018-01-09T18:00:00Z,drum,out,no_answer,no,a1,home,America/Chicago\n"
         + "c12,A,2018-01-09T18:00:00Z,call,up,no_answer,no,a1,home,America/Chicago\n"
         + _call("c1", "2018-01-08T07:59:00-06:00") + _call("c1", "2018-01-08T08:59:00-06:00"))  # fmt: skip
    drop(ledger, "contact_preferences_2018-01-10.csv", SAID
         + "p1,A,2018-01-08T00:00:00Z,inconvenient_time,,,mon;tue,11:00,13:00,no\n"
         + "p2,A,2018-01-08T00:00:00Z,inconvenient_time,,,mon,13:00,11:00,no\n"
         + "p3,A,2018-01-08T00:00:00Z,inconvenient_time,,,moonday,11:00,13:00,no\n"
         + "p4,A,2018-01-08T00:00:00Z,opt_out,email,,,11:00,13:00,no\n"
         + "p5,A,2018-01-08T00:00:00Z,stop,email,,,,,yes\n" + "p6,A,2018-01-08T00:00:00Z,inconvenient_place,,,,,,no\n"
         + "p7,A,2018-01-08T00:00:00Z,silence,,,,,,no\n" + "p8,A,2018-01-08,stop,,,,,,yes\n"
         + "p9,A,2018-01-12T00:00:00Z,stop,,,,,,yes\n" + "p10,A,2018-01-08T00:00:00Z,stop,,,,,,\n")  # fmt: skip


def test_contacts_enter_once_are_logged_and_replayed_against_rules_in_force_or_not(
    ledger: Ledger, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _landed(ledger)
    known = ledger.register(policies)
    assert take(ledger, known).reconciles
    assert rules(ledger, "contacts_2018-01-10.csv") == {
        4: "contacted_at_not_a_time", 5: "contacted_in_the_future", 6: "outcome_not_known", 7: "right_party_not_yes_or_no",
        8: "agent_missing_or_too_long", 9: "place_not_a_code", 10: "zone_not_known", 11: "unknown_loan",
        12: "channel_not_known", 13: "direction_not_out_or_in", 15: "idempotency_conflict",
    }  # fmt: skip
    assert rules(ledger, "contact_preferences_2018-01-10.csv") == {
        3: "times_not_of_one_day", 4: "times_not_of_one_day", 5: "times_not_of_one_day", 6: "channel_not_of_the_preference",
        7: "place_not_of_the_preference", 8: "preference_not_known", 9: "stated_at_not_a_time", 10: "stated_in_the_future",
        11: "written_not_yes_or_no",
    }  # fmt: skip
    close_landed(ledger, known)
    landing, home = ledger.settings.landing, ledger.settings.home
    ledger.close()
    monkeypatch.setenv("LOANBOOK_HOME", str(home))
    one = [
        "collections",
        "log",
        "A",
        "channel=call",
        "zone=America/Chicago",
        "reference=own",
        "--agent",
        "a2",
    ]
    wrong = CliRunner().invoke(app, [*one, "outcome=sang", "occurred_at=2018-01-12T10:00:00-06:00"])
    assert "disposition" in str(wrong.exception)
    assert "occurred_at" in str(CliRunner().invoke(app, [*one, "outcome=no_answer"]).exception)
    assert "waits" in _run(*one, "outcome=no_answer", "occurred_at=2018-01-12T10:00:00-06:00")
    assert (landing / "contacts_2018-01-12_own.csv").is_file()
    with Ledger(ledger.settings) as again:
        take(again, known)
    period = ["--from", "2018-01-08", "--to", "2018-01-31"]
    found = json.loads(_run("collections", "check", "--rules", str(US), *period, "--json"))
    assert [(r["reference"], r["rule"], r["evidence"], r["allowed_local"]) for r in found] == [
        ("c1", "hours", ["c1"], "2018-01-08T08:00:00-06:00"),
        ("c2", "inconvenient_time", ["p1"], "2018-01-09T13:00:00-06:00"),
        ("own", "after_conversation", ["c2"], "2018-01-16T08:00:00-06:00"),
    ]
    later = tmp_path / "later.yaml"
    later.write_text('name: later\nversion: 1\neffective_from: 2099-01-01\n'
                     'hours: {channels: [call], opens: "11:00", closes: "12:00", source: our own}\n')  # fmt: skip
    rows = pl.read_csv(
        _run("collections", "check", "--rules", str(later), *period, "--csv").encode()
    )
    assert rows.select("reference", "source").rows() == [
        (r, "our own") for r in ("c1", "c2", "own")
    ]
    assert "0 of 0 contacts" in _run(
        "collections", "check", "--rules", str(US), "--from", "2019-01-01", "--to", "2019-02-01"
    )
