"""Orders with two people: proposed, shown, approved, released, booked; and files whose people nobody vouches for."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.people import audit, queue, users
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.people.sessions import (
    Credentials,
    begin_second_factor,
    confirm_second_factor,
    sign_in,
)
from loanbook.core.store.people.users import NewUser, add_user
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.approvals import approving
from loanbook.pipelines.approvals.desk import Desk
from loanbook.pipelines.approvals.judged import OrderRefusedError
from loanbook.pipelines.approvals.preview import preview
from loanbook.pipelines.approvals.releasing import release, release_rest
from loanbook.pipelines.cli import app
from loanbook.pipelines.commands.init import make
from loanbook.pipelines.resources import provenance, read_policies
from loanbook.pipelines.servicing.days import close_days, missing_days
from loanbook.pipelines.servicing.verify import rebuild
from tests.conftest import made_once
from tests.people.conftest import ADMIN, PASSWORD, Clock
from tests.pipelines.files import LOANS, ORDERS, drop, rules, take, weekly_loan

ANN = Actor("Ann", roles=frozenset({"servicing"}), second_factor=True)
BOB = Actor("Bob", roles=frozenset({"approver"}), second_factor=True)
CY = Actor("Cy", roles=frozenset({"approver"}), second_factor=True)
FEE = {"command": "charge_fee", "loan_key": "A", "value_date": "2018-01-04", "amount": "9.99",
       "due_date": "2018-01-16", "reason": "late_delivery"}  # fmt: skip


@dataclass
class Office:
    """A lender in production, its people and its ledger."""

    where: Settings
    people: People
    ledger: Ledger
    policies: PolicyBook
    clock: Clock

    @property
    def desk(self) -> Desk:
        return Desk.of(self.people, LedgerReader(self.where, Shown()), self.policies)

    def close(self, through: str | None = None) -> None:
        policies = self.ledger.register(self.policies)
        days = missing_days(self.ledger, dt.date.fromisoformat(through) if through else None)
        list(close_days(self.ledger, policies, days, provenance(policies)))

    def take(self) -> None:
        take(self.ledger, self.ledger.register(self.policies))


@pytest.fixture(scope="module")
def _lent(tmp_path_factory: pytest.TempPathFactory, founded: Path) -> Path:
    """Three loans, their first two days closed; profile production, two sources of files."""

    def found(home: Path) -> None:
        import shutil

        make(home, "Midtown")
        shutil.copytree(founded / "lake", home / "lake")
        ledger = Ledger(Settings(home=home))
        drop(ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + "".join(map(weekly_loan, "ABC")))
        drop(ledger, "payments_2018-01-03.csv", "payment_ref,loan_key,amount,currency,value_date\n"
             "p1,A,50.00,USD,2018-01-03\n")  # fmt: skip
        policies = ledger.register(read_policies(home / "policies"))
        take(ledger, policies)
        list(close_days(ledger, policies, missing_days(ledger), provenance(policies)))
        ledger.close()
        toml = home / "loanbook.toml"
        toml.write_text(toml.read_text().replace('profile = "demo"', 'profile = "production"'))

    return made_once(tmp_path_factory, "office", found)


@pytest.fixture
def office(tmp_path: Path, _lent: Path, clock: Clock) -> Iterator[Office]:
    import shutil

    where = Settings.of(Path(shutil.copytree(_lent, tmp_path / "home")))
    clock.at = dt.datetime.now(dt.UTC)  # an intake goes by the clock of the machine
    people = open_people(where, clock)
    for name, role in (("Ann", "servicing"), ("Bob", "approver"), ("Cy", "approver")):
        add_user(people, ADMIN, NewUser(name, password=PASSWORD, roles=(role,)))
    policies = read_policies(where.home / "policies")
    ledger = Ledger(where)
    yield Office(where, people, ledger, policies, clock)
    ledger.close()
    people.close()


def test_an_order_shows_what_it_would_do_and_is_booked_by_its_id_once_another_approved_it(
    office: Office,
) -> None:
    id_ = approving.proposed(office.desk, ANN, FEE)
    order = queue.order(office.people, id_)
    seen = preview(approving.judged_again(office.desk, order), office.policies)
    assert (seen.on, seen.currency) == (dt.date(2018, 1, 4), "USD")
    changed = {row[0]: row[2] - row[1] for row in seen.balances.rows()}
    assert {name: amount for name, amount in changed.items() if amount} == {"fees": 999}
    assert seen.schedule.select("due_date", d=pl.col("after") - pl.col("before")).rows() == [
        (dt.date(2018, 1, 16), 999)
    ]
    assert seen.postings.select("value_date", "amount").rows() == [(dt.date(2018, 1, 4), 999)]
    with pytest.raises(AccessError, match="another person approves"):
        approving.approved(office.desk, replace(ANN, roles=BOB.roles), id_, "")
    with pytest.raises(AccessError, match=r"order\.approve"):
        approving.approved(office.desk, replace(CY, roles=ANN.roles), id_, "")
    done = approving.approved(office.desk, BOB, id_, "as agreed")
    assert done.state == "released"
    assert done.file is not None
    office.take()
    office.close("2018-01-04")
    event = office.ledger.frame(
        "SELECT source_ref, actor, checker, reason, booking_date FROM {lake}.events WHERE source_ref = ?",
        [id_],
    )
    assert event.rows() == [(id_, "Ann", "Bob", "late_delivery", dt.date(2018, 1, 4))]
    whole = rebuild(office.ledger, office.ledger.register(office.policies))
    assert whole.differences.is_empty()  # the ledger alone replays
    release(office.people, BOB, office.ledger, done)  # once more, as after a crash
    office.take()
    assert office.ledger.one("SELECT count(*) FROM {lake}.events WHERE source_ref = ?", [id_]) == (
        1,
    )
    told = audit.entries(office.people, loan="A")
    assert told["activity_name"].to_list() == [
        "order.propose", "access.denied", "access.denied", "order.approve", "order.release",
    ]  # fmt: skip
    assert set(told["entity_uid"]) == {id_}
    assert audit.verified(office.people)[1] is None


def test_an_order_that_a_rule_or_a_role_refuses_never_waits(office: Office) -> None:
    desk = office.desk
    for wanted, told in (
        ({**FEE, "amount": "9.999"}, "amount_finer_than_currency"),
        ({**FEE, "loan_key": "Z"}, "no loan that you see"),
        ({**FEE, "command": "fly"}, "is no order"),
        ({**FEE, "command": "reopen", "amount": "", "due_date": ""}, "loan_has_not_ended"),
        ({**FEE, "value_date": "2018-01-01"}, "refused by the rule"),
        ({**FEE, "account": "12345678"}, "keeps nothing of persons"),
    ):
        with pytest.raises(OrderRefusedError, match=told):
            approving.proposed(desk, ANN, wanted)
    collector = Actor(
        "Ann", roles=frozenset({"collector"}), attributes={"region": frozenset({"US-CA"})}
    )
    with pytest.raises(AccessError, match="charge_fee"):
        approving.proposed(desk, collector, FEE)
    waiver = {**FEE, "command": "waive_interest", "due_date": "", "amount": "0.10"}
    with pytest.raises(AccessError, match="not among those assigned"):
        approving.proposed(desk, collector, waiver)
    assert queue.orders(office.people) == []
    assert audit.entries(office.people, activity="access.denied").height == 2


def test_large_orders_take_two_people_none_of_them_twice_nor_who_stands_in(office: Office) -> None:
    (office.where.home / "policies" / "approval_rules" / "standard.yaml").write_text(
        "name: standard\nversion: 1\neffective_from: 2000-01-01\nexpires_days: 3\nsteps:\n- {}\n"
        "- {orders: [waive_interest], from_minor: 10, approvals: 2}\n"
    )
    office.policies = read_policies(office.where.home / "policies")
    waiver = {**FEE, "command": "waive_interest", "due_date": "", "amount": "0.10"}
    big, small, late = (
        approving.proposed(office.desk, ANN, {**waiver, "amount": amount, "loan_key": key})
        for amount, key in (("0.10", "B"), ("0.09", "C"), ("0.01", "A"))
    )
    assert queue.order(office.people, small).approvals_needed == 1
    users.set_attribute(office.people, ADMIN, "Ann", "delegate_of", ["Cy"])
    with pytest.raises(AccessError, match="stand in for each other"):
        approving.approved(office.desk, CY, big, "")
    users.set_attribute(office.people, ADMIN, "Ann", "delegate_of", [])
    assert approving.approved(office.desk, BOB, big, "").state == "proposed"
    with pytest.raises(AccessError, match="approved it already"):
        approving.approved(office.desk, replace(BOB, name="bob "), big, "")
    assert approving.approved(office.desk, CY, big, "").state == "released"
    with pytest.raises(AccessError, match="is released"):
        approving.rejected(office.desk, CY, big, "too late")
    with pytest.raises(AccessError, match="nobody else withdraws"):
        approving.withdrawn(office.people, BOB, small, "")
    assert approving.withdrawn(office.people, ANN, small, "mistaken").state == "withdrawn"
    office.clock.pass_by(days=3)
    with pytest.raises(AccessError, match="is expired"):
        approving.approved(office.desk, BOB, late, "")
    assert queue.order(office.people, late).state == "expired"
    assert queue.expire(office.people) == 0
    office.take()
    checker = office.ledger.one("SELECT checker FROM {lake}.events WHERE source_ref = ?", [big])
    assert checker == ("Bob, Cy",)


def test_an_approved_order_whose_release_died_is_released_later(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = approving.proposed(office.desk, ANN, FEE)
    monkeypatch.setattr(approving, "release", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        approving.approved(office.desk, BOB, id_, "")
    assert queue.order(office.people, id_).state == "approved"
    assert release_rest(office.people, BOB, office.ledger) == 1
    assert queue.order(office.people, id_).state == "released"


def test_rows_of_a_file_that_nobody_vouches_for_wait_and_enter_once_they_are_approved(
    office: Office,
) -> None:
    name = "commands_2018-01-04.csv"
    drop(office.ledger, name, ORDERS
         + "x1,charge_fee,A,2018-01-04,9.99,2018-01-16,,Ann,Bob,late_delivery\n"
         + "x2,reopen,B,2018-01-04,,,,Ann,Bob,mistake\n"
         + "x3,charge_fee,B,2018-01-04,1.00,2018-01-16,,Zoe,,late_delivery\n"
         + "x4,charge_fee,A,2018-01-04,9.99,2018-01-16,,Ann,Ann,late_delivery\n")  # fmt: skip
    office.take()
    assert rules(office.ledger, name) == {
        2: "waits_for_approval", 3: "loan_has_not_ended", 4: "waits_for_approval", 5: "maker_is_checker",
    }  # fmt: skip
    first, second = queue.orders(office.people)
    assert (first.maker, first.proposal.source, second.maker) == ("Ann", name, "Zoe")
    assert first.proposal.amount_minor == 999
    office.take()
    assert len(queue.orders(office.people)) == 2
    done = approving.approved(office.desk, BOB, first.id, "")
    office.take()
    office.close("2018-01-04")
    events = office.ledger.frame(
        "SELECT source_ref, checker FROM {lake}.events WHERE source_system = 'commands'"
    )
    assert events.rows() == [(first.id, "Bob")]
    assert done.file is not None
    # whoever changes a file of the queue before it is taken in vouches for nothing
    other = approving.approved(office.desk, BOB, second.id, "")
    path = office.where.landing / str(other.file)
    path.write_text(path.read_text().replace("1.00", "100.00"))
    office.take()
    assert rules(office.ledger, path.name) == {2: "waits_for_approval"}


def test_a_file_signed_by_its_source_enters_where_its_people_may_order_and_approve(
    office: Office,
) -> None:
    key = Ed25519PrivateKey.generate()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    folder = office.where.home / "policies" / "command_files"
    columns = [
        "command",
        "loan_key",
        "value_date",
        "amount",
        "due_date",
        "maker",
        "checker",
        "reason",
    ]
    (folder / "desk.yaml").write_text(
        "name: desk\nversion: 1\neffective_from: 2000-01-01\nsource_system: desk\n"
        f"signing_key: {public}\ncolumns:\n" + "".join(f"  {name}: {name}\n" for name in columns)
    )
    office.policies = read_policies(office.where.home / "policies")
    head = ORDERS.replace("instalments,", "")

    def sent(name: str, rows: str, signed: bytes | None = None) -> dict[int, str]:
        data = (head + rows).encode()
        drop(office.ledger, name, data)
        signature = base64.b64encode(key.sign(signed or data))
        (office.where.landing / f"{name}.sig").write_bytes(signature)
        office.take()
        return rules(office.ledger, name)

    rows = "d{0},charge_fee,{1},2018-01-04,9.99,2018-01-16,{2},{3},late_delivery\n"
    good = sent("commands_2018-01-04_desk.csv", "".join(
        rows.format(n, *each) for n, each in enumerate(
            [("A", "ANN", "bob"), ("B", "Ann", "Zoe"), ("B", "Bob", "Cy"), ("C", "Ann", "Ann")]
        )))  # fmt: skip
    assert good == {
        3: "maker_or_checker_may_not",
        4: "maker_or_checker_may_not",
        5: "maker_is_checker",
    }
    forged = sent(
        "commands_2018-01-05_desk.csv", rows.format(9, "B", "Ann", "Bob"), b"another file"
    )
    assert forged == {2: "waits_for_approval"}
    users.lock(office.people, ADMIN, "Bob", "left")
    locked = sent("commands_2018-01-06_desk.csv", rows.format(8, "B", "Ann", "Bob"))
    assert locked == {2: "maker_or_checker_may_not"}


def test_in_a_demo_orders_are_tried_on_the_command_line_by_persons_one_names(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = office.where.home / "loanbook.toml"
    toml.write_text(toml.read_text().replace('profile = "production"', 'profile = "demo"'))
    monkeypatch.setenv("LOANBOOK_HOME", str(office.where.home))

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, list(arguments))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    told = run("orders", "propose", "charge_fee", "A", "amount=9.99", "due_date=2018-01-16", "--on", "2018-01-04",
               "--reason", "late_delivery", "--as", "ann")  # fmt: skip
    assert "9.99" in told
    id_ = queue.orders(office.people)[0].id
    with pytest.raises(AccessError, match="another person"):
        run("approve", id_, "--yes", "--as", "ANN")
    assert "released" in run("approve", id_, "--yes", "--as", "bob")
    assert id_ in run("orders", "list", "--all")
    assert "approved by bob" in run("orders", "show", id_)


def test_in_production_nobody_decides_about_suspense_in_the_name_of_another(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = pyotp.parse_uri(begin_second_factor(office.people, "Ann"))
    assert isinstance(codes, pyotp.TOTP)
    _, ann = sign_in(office.people, Credentials("Ann", PASSWORD))
    confirm_second_factor(office.people, ann, "Ann", codes.at(office.clock.at))
    office.clock.pass_by(seconds=30)
    code = codes.at(office.clock.at)
    token, _ = sign_in(office.people, Credentials("Ann", PASSWORD, code))
    monkeypatch.setenv("LOANBOOK_HOME", str(office.where.home))
    monkeypatch.setenv("LOANBOOK_TOKEN", token)
    decide = ("payments", "assign", "0" * 20, "--as", "outside", "--reason", "not_ours")
    with pytest.raises(AccessError, match="sign in as who you are"):
        CliRunner().invoke(app, [*decide, "--maker", "Bob"], catch_exceptions=False)
