"""Reminders: what is due, within contact rules at the borrower's own time, each once, and what is not sent with its reason."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import shutil
import sys
import threading
from contextlib import closing
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pytest

from loanbook.core.errors import LedgerConflictError, LoanbookError, PolicyError
from loanbook.core.policy.book import PolicyBook, parse
from loanbook.core.policy.lending.reminder_rules import ReminderRules
from loanbook.core.store.instance import SHIPPED_POLICIES
from loanbook.core.store.known import reminders as stored
from loanbook.core.store.lake import insert
from loanbook.core.store.people.acting import acting
from loanbook.core.store.people.audit import entries
from loanbook.core.store.people.database import open_people
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.vault.vault import open_vault
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.reminders import sending
from loanbook.pipelines.reminders.channels import Services, sink_of
from loanbook.pipelines.reminders.sending import send
from loanbook.pipelines.resources import policies_of
from tests.collections.test_log import _run

OF = [("C", "+15550000003", "c@example.org", "en"), ("D", "+15550000004", "d@example.org", "es"),
      ("E", "+15550000005", "e@example.org", "en"), ("F", None, None, "en"), ("B", "+15550000002", "b@example.org", "en")]  # fmt: skip
NOON = dt.datetime(2018, 1, 19, 18, tzinfo=dt.UTC)
"""On the 19th it is noon in Chicago and 10 o'clock in Los Angeles."""


@pytest.fixture(scope="module")
def reminded(late_book: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The late book (17 days past due on the 18th), its borrowers in the vault: F has no address, E said no mail."""
    where = Settings.of(
        shutil.copytree(late_book.home, tmp_path_factory.mktemp("reminded") / "home")
    )
    with closing(open_vault(where).people) as people:
        vault = open_vault(where)
        rows = pl.DataFrame(OF, schema=["ref", "phone", "email", "language"], orient="row")
        put = vault.put(
            rows.select(pl.format("loan/{}", "ref").alias("ref"), kind=pl.lit("individual"), full_name=pl.lit("Synthetic Person"),
                        phone="phone", email="email"),
            acting(where, people),
        )  # fmt: skip
        vault.people.close()
    shutil.copytree(SHIPPED_POLICIES, where.home / "policies")
    (where.home / "policies" / "reminders" / "own.yaml").write_text(POLICY)
    with Ledger(where) as ledger:
        ids = dict(ledger.frame("SELECT loan_key, loan_id FROM {lake}.loan_keys").rows())
        facts = [
            (ids[key], name, value)
            for key, person, language in zip(rows["ref"], put["person"], rows["language"], strict=True)
            for name, value in (("person", person), ("language", language))
        ]  # fmt: skip
        schema = {"loan_id": pl.Int64, "name": pl.String, "value": pl.String}
        insert(ledger.connection, "loan_attributes", pl.DataFrame(facts, schema=schema, orient="row"))  # fmt: skip
        said = [("s1", ids["C"], "C", "consent", "sms"), ("s2", ids["E"], "E", "opt_out", "email")]
        told = pl.DataFrame(said, schema=["preference_id", "loan_id", "loan_key", "kind", "channel"], orient="row")  # fmt: skip
        insert(ledger.connection, "contact_preferences", told.with_columns(
            stated_at=pl.lit(dt.datetime(2018, 1, 5)), place=pl.lit(""), written=pl.lit(False), known_on=pl.lit(dt.date(2018, 1, 5)),
        ))  # fmt: skip
    return where


POLICY = """
name: standard
version: 2
effective_from: 2018-01-01
least_days_apart: 2
places:
  - {regions: [US-CA], contact_rules: us-regulation-f, zone: America/Los_Angeles}
  - {contact_rules: us-regulation-f, zone: America/Chicago}
steps:
  - {name: broken, occasion: promise_broken, days: 1, within_days: 31, at: "10:00", channels: [email]}
  - {name: overdue, occasion: past_due, days: 7, at: "10:00", channels: [sms, email]}
  - {name: soon, occasion: due, days: 4, at: "09:30", channels: [email]}
templates:
  - {step: broken, language: en, text: "{loan}: {amount} {currency} promised by {due_date} did not come in full"}
  - {step: overdue, language: en, subject: Overdue, text: "{lender}: {amount} {currency} of {loan}, {days_past_due} days; {{talk}}"}
  - {step: overdue, language: es, channels: [email], subject: Vencido, text: "{lender}: {amount} {currency} del préstamo {loan}"}
  - {step: soon, language: en, text: "{loan} {due_date} {amount}"}
"""


def _copy(where: Settings, to: Path) -> Settings:
    return Settings.of(shutil.copytree(where.home, to / "home"))


@cache
def _policies(where: Settings, _: str) -> PolicyBook:
    with closing(LedgerReader(where)) as reader:
        return policies_of(reader)


def _sent(
    where: Settings, at: dt.datetime = NOON, text: str = POLICY
) -> dict[str, tuple[str, str | None, str]]:
    with Ledger(where) as ledger:
        rows = send(ledger, _policies(where, text), at)
    told = rows.select("loan_key", "step", "state", "channel", "reason").rows()
    return {f"{key} {step}": (state, channel, reason) for key, step, state, channel, reason in told}


def _lines(where: Settings) -> list[dict[str, str]]:
    return [json.loads(line) for line in sink_of(where).read_text().splitlines()] if sink_of(where).exists() else []  # fmt: skip


def test_a_reminder_goes_out_once_in_the_borrowers_day_and_language_and_what_may_not_has_its_reason(
    reminded: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = _copy(reminded, tmp_path)
    early = _sent(where, NOON - dt.timedelta(hours=3))  # 7 o'clock in Los Angeles, 9 in Chicago
    assert early == {
        "A soon": ("suppressed", None, "email: no_address"), "B overdue": ("suppressed", None, "sms: attorney, consent; email: attorney"),
        "B soon": ("suppressed", None, "email: attorney"), "C soon": ("suppressed", "email", "another_that_day"),
        "D soon": ("suppressed", "email", "another_that_day"), "E overdue": ("suppressed", None, "sms: consent; email: opt_out"),
        "E soon": ("suppressed", None, "email: opt_out"), "F overdue": ("suppressed", None, "sms: no_address; email: no_address"),
        "F soon": ("suppressed", None, "email: no_address"),
    }  # fmt: skip
    assert _sent(where) == {"C overdue": ("sent", "sms", ""), "D overdue": ("sent", "email", "")}
    assert _lines(where) == [
        {"channel": "sms", "to": "…0003", "subject": "Overdue", "text": "us-consumer: 203.00 USD of C, 9 days; {talk}"},
        {"channel": "email", "to": "….org", "subject": "Vencido", "text": "us-consumer: 203.00 USD del préstamo D"},
    ]  # fmt: skip
    assert _sent(where, NOON + dt.timedelta(hours=2)) == {}
    assert len(_lines(where)) == 2
    with closing(open_people(where)) as people:
        opened = entries(people, activity="person.unmask").row(-1, named=True)
    assert "reminders of 2018-01-19" in str(opened)
    with closing(LedgerReader(where)) as reader:
        log = reader.query(
            "SELECT loan_key, channel, outcome, occurred_text, agent FROM contacts WHERE file_id = 'reminders'"
        )
        assert sorted(log.rows())[0] == ("C", "sms", "delivered", "2018-01-19T10:00:00-08:00", "")
    monkeypatch.setenv("LOANBOOK_HOME", str(where.home))
    told = json.loads(_run("reminders", "list", "--why", "--json"))
    assert {
        "step": "overdue",
        "channel": "sms",
        "state": "sent",
        "reason": "",
        "reminders": 1,
    } in told


def test_a_run_that_is_killed_between_record_and_sending_is_settled_by_policy(
    reminded: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = _copy(reminded, tmp_path)
    with monkeypatch.context() as killed:
        killed.setattr(Services, "send", lambda *_: sys.exit(9))
        with pytest.raises(SystemExit):
            _sent(where)
    monkeypatch.setattr(sending, "KILLED_AFTER", dt.timedelta(0))
    unsure = ("unsure", "the run that sent it was killed")
    found = {key: (state, why) for key, (state, _, why) in _sent(where).items()}
    assert found == {"C overdue": unsure, "D overdue": unsure}
    assert _lines(where) == []  # once at most
    file = where.home / "policies" / "reminders" / "own.yaml"
    file.write_text(POLICY.replace("version: 2", "version: 3\nafter_crash: again"))
    again = {key: state for key, (state, *_) in _sent(where, text="again").items()}
    assert again == {"C overdue": "sent", "D overdue": "sent"}
    assert len(_lines(where)) == 2  # once at least
    with Ledger(where) as ledger:
        rows = stored.reminders_of(ledger, ["C/overdue/2018-01-09"])
        assert rows["state"].to_list() == ["sent"]
        mine = rows.select(stored.REMINDERS.names()).with_columns(state=pl.lit("sending"))
        assert not stored.claim(
            ledger, mine, {"C/overdue/2018-01-09": "failed"}
        )  # another run was first
        assert stored.reminders_of(ledger, ["C/overdue/2018-01-09"])["state"].to_list() == ["sent"]
    with (where.home / "reminders.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(LedgerConflictError, match="another run is sending"):
            _sent(where)


def test_a_service_is_told_the_address_and_one_that_refuses_is_no_service_that_took_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loanbook.toml").write_text('profile = "production"\n')
    seen: list[tuple[str, str]] = []

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((unquote(self.path), body["message"]))
            self.send_response(200 if len(seen) == 1 else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(
            "LOANBOOK_REMINDERS_SMS", f"json://127.0.0.1:{server.server_port}/{{to}}"
        )
        services = Services(Settings(home=tmp_path))
        assert services.channels == ["sms"]
        services.must_be_services(["sms"])
        assert not services.send("sms", "", "", "to nobody")
        assert services.send("sms", "+1555 7", "", "one {x} <b>\\n")
        assert not services.send("sms", "+15558", "", "two")
        server.shutdown()
    assert seen == [("/+1555 7", "one {x} <b>\\n"), ("/+15558", "two")]
    monkeypatch.setenv("LOANBOOK_REMINDERS_CHAT", "json://127.0.0.1/secret")
    with pytest.raises(LoanbookError, match="REMINDERS_CHAT does not say") as error:
        Services(Settings(home=tmp_path))
    assert "secret" not in str(error.value)
    monkeypatch.setenv("LOANBOOK_REMINDERS_CHAT", "jsonn://127.0.0.1/secret/{to}")
    with pytest.raises(LoanbookError, match="CHAT is no address of a service") as error:
        Services(Settings(home=tmp_path)).must_be_services(["chat"])
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("{loan} {due_date} {amount}", "{name}", "is nothing that can stand there"),
        ("step: soon, language: en", "step: soon, language: es", "has none in the language 'en'"),
        ("step: soon", "step: sooner", "is no step"),
        ("America/Chicago", "America/Gotham", "is no time zone"),
        ("- {contact_rules", "- {regions: [IN], contact_rules", "the last is of any region"),
    ],
)
def test_a_policy_of_reminders_says_what_is_wrong_with_it(
    before: str, after: str, why: str
) -> None:
    with pytest.raises(PolicyError, match=why):
        parse("reminders", "own.yaml", POLICY.replace(before, after))


def test_of_two_runs_that_decided_the_same_the_second_sends_nothing(
    reminded: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = _copy(reminded, tmp_path)
    decide, other = sending.worded, []

    def beside(found: pl.DataFrame, rules: ReminderRules) -> pl.DataFrame:
        """A run of another machine, which has no lock with this one, decides the same and is sooner."""
        if not other:
            other.append("runs")
            (where.home / "reminders.lock").unlink()
            assert len(_sent(where)) == 2
        return decide(found, rules)

    monkeypatch.setattr(sending, "worded", beside)
    with pytest.raises(LedgerConflictError, match="another run took reminders first"):
        _sent(where)
    assert len(_lines(where)) == 2
