"""Records of persons that may be of one person: weighed, merged by two people, followed by reads, undone. All names are synthetic."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.origination.duplicates import comparable, one_person
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.duplicates import DuplicateRules
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.origination.linking import pairs_of
from loanbook.core.store.origination.merges import aliases, pairs_now, said_of_pairs
from loanbook.core.store.people.database import open_people
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.vault.vault import Vault
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.approvals.approving import approved, may, rejected
from loanbook.pipelines.approvals.desk import Desk
from loanbook.pipelines.origination.duplicates import (
    MERGE,
    PART,
    DuplicatesError,
    Looked,
    look,
    order,
    say_apart,
)
from loanbook.pipelines.origination.gathering import gathered
from loanbook.pipelines.origination.underwriting import Office
from tests.origination.test_taking_in import HEADER, _report, _row
from tests.pipelines.files import LOANS, MONEY, close_landed, drop, take, weekly_loan

COM, COX, SER = (
    Actor(name, roles=frozenset({role}), second_factor=True)
    for name, role in (("Com", "compliance"), ("Cox", "compliance"), ("Ser", "servicing"))
)
PERSONS = pl.DataFrame([
    {"ref": "applicant/old", "kind": "individual", "given_name": "Synthia", "family_name": "Exámple", "birth_date": "1971-05-06",
     "phone": "+1 555 010 0001", "national_id": "000-11-2222", "id_country": "US"},
    {"ref": "applicant/new", "kind": "individual", "full_name": "EXAMPEL, Synthia", "birth_date": "1971-06-05",
     "phone": "15550100001"},
    {"ref": "applicant/kin", "kind": "individual", "given_name": "Otto", "family_name": "Example", "birth_date": "1999-01-01",
     "phone": "+1 555 010 0001", "national_id": "000-99-2222", "id_country": "US"},
    {"ref": "firm", "kind": "business", "legal_name": "Synthia Example", "phone": "+1 555 010 0001"},
])  # fmt: skip


def test_what_two_records_share_weighs_and_a_family_on_one_telephone_is_no_pair(
    policies: PolicyBook,
) -> None:
    rules = policies.in_force(DuplicateRules, "standard", dt.date(2018, 2, 1))
    records = PERSONS.rename({"ref": "person"})
    from loanbook.core.catalogue.personal import NAMES

    lacking = [pl.lit(None, pl.String).alias(name) for name in NAMES if name not in records.columns]
    (found,) = pairs_of(comparable(records.with_columns(lacking)), rules).to_dicts()
    assert (found["person"], found["other"]) == ("applicant/new", "applicant/old")
    told = dict(each.rsplit(" ", 1) for each in found["evidence"].split(";"))
    # four records: 10 of a thousand stand there twice, so of six pairs 2 x 0.01 / 3 are one person
    assert set(told) == {"name alike", "birth_date alike", "phone same", "before"}
    assert (told["name alike"], told["birth_date alike"], told["phone same"]) == ("7.0", "7.0", "15.0")  # fmt: skip
    assert float(told["before"]) == pytest.approx(-7.22, abs=0.01)
    assert found["weight"] == pytest.approx(100 * sum(map(float, told.values())), abs=1)


def test_who_is_one_person_is_told_also_by_way_of_a_third_and_ends_with_the_merge() -> None:
    day = dt.date(2018, 2, 1)
    said = [("b", "a", "merged"), ("c", "b", "merged"), ("e", "d", "merged"), ("f", "e", "apart")]
    frame = pl.DataFrame([(*row, day) for row in said], schema=["person", "other", "event", "on_date"], orient="row")  # fmt: skip
    assert dict(one_person(frame).rows()) == {"a": "a", "b": "a", "c": "a", "d": "d", "e": "d"}
    more = pl.DataFrame([("b", "a", "parted", day)], schema=frame.schema, orient="row")
    assert dict(one_person(pl.concat([frame, more])).rows()) == {"b": "b", "c": "b", "d": "d", "e": "d"}  # fmt: skip


def _draw_page() -> None:
    from loanbook.dashboards.origination import duplicates  # a page's function is run by itself

    duplicates.page()


def _asks_again(ledger: Ledger, policies: PolicyBook) -> PolicyBook:
    """A person of whom a loan and a report are known asks again by another token."""
    tape = (
        weekly_loan("L-1").replace("2018-01-02", "2018-02-01").replace("2018-01-09", "2018-02-08")
    )
    drop(ledger, "loan_tape_2018-02-01_canonical.csv", LOANS + tape)
    drop(ledger, "applications_2018-01-31.csv", HEADER + _row("L-1", applicant="old", submitted_on="2018-01-31"))  # fmt: skip
    drop(ledger, "bureau_2018-02-01.jsonl", _report("old", "R1"))
    drop(ledger, "applications_2018-02-02.csv", HEADER + _row("again", applicant="new"))
    drop(ledger, "payments_2018-02-03.csv", MONEY + "p1,L-1,150.00,USD,2018-02-03\n")
    registered = ledger.register(policies)
    take(ledger, registered)
    close_landed(ledger, registered)
    return registered


def test_a_merge_takes_two_people_decisions_follow_it_from_its_day_and_it_can_be_undone(
    ledger: Ledger, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = _asks_again(ledger, policies)
    people = open_people(ledger.settings)
    Vault(people).put(PERSONS, SER)
    assert look(ledger, registered, people, SER) == Looked(4, 1, 1)
    assert look(ledger, registered, people, SER) == Looked(0, 0, 0), "nobody is new or changed"
    (found,) = pairs_now(ledger).to_dicts()
    assert "" not in (found["applicant"], found["other_applicant"])
    for file in Path(ledger.settings.home).rglob("*"):
        if file.is_file() and "landing" not in file.parts:
            data = file.read_bytes().lower()
            assert b"synthia" not in data, file
            assert b"exampel" not in data, file

    office = Office.of(ledger, registered, people)
    with pytest.raises(AccessError, match="takes one of the roles"):
        order(office, Actor("Una", roles=frozenset({"underwriter"}), second_factor=True), MERGE, found["pair_id"], "typing_error")  # fmt: skip
    with pytest.raises(DuplicatesError, match="'family' is no reason"):
        order(office, COM, MERGE, found["pair_id"], "family")
    with pytest.raises(DuplicatesError, match="not merged"):
        order(office, COM, PART, found["pair_id"], "family")
    first = order(office, COM, MERGE, found["pair_id"], "typing_error")
    desk = Desk.of(people, LedgerReader(ledger.settings, Shown()), registered)
    assert rejected(desk, COX, first.id, "look again").state == "rejected"
    made = order(office, COM, MERGE, found["pair_id"], "typing_error")
    assert made.id != first.id, "what was rejected, or expired, may be ordered anew"
    assert order(office, COM, MERGE, found["pair_id"], "typing_error").id == made.id
    assert not may(desk, COM, made).allowed, "not its maker"
    asked = _asked(ledger)
    assert gathered(ledger, asked)["prior_loans"].to_list() == [0], "a pair alone joins nothing"
    assert approved(desk, COX, made.id, "seen").state == "released"
    assert pairs_now(ledger)["event"].to_list() == ["merged"]
    with pytest.raises(DuplicatesError, match="merged already"):
        order(office, COM, MERGE, found["pair_id"], "typing_error")
    # merged on the last landed day, 3 February: an application of the 2nd does not know it, one of the 3rd does
    assert gathered(ledger, asked)["prior_loans"].to_list() == [0]
    later = asked.with_columns(on=pl.lit(dt.date(2018, 2, 3)))
    told = gathered(ledger, later).to_dicts()[0]
    assert (told["prior_loans"], told["mortgages"]) == (1, 1), "loans and the report of the other record"  # fmt: skip
    assert aliases(ledger, later["on"]).height == 2
    monkeypatch.setenv("LOANBOOK_HOME", str(ledger.settings.home))
    page = AppTest.from_function(_draw_page, default_timeout=60)
    page.query_params["show"] = "Merged"
    page.run()
    assert not page.exception
    assert page.metric[2].value == "1"
    assert page.dataframe[1].value["bits"].sum() == pytest.approx(found["weight"] / 100, abs=0.01)

    undone = order(office, COX, PART, found["pair_id"], "merged_in_error")
    assert approved(desk, COM, undone.id, "").state == "released"
    assert gathered(ledger, later)["prior_loans"].to_list() == [0]
    say_apart(office, COM, found["pair_id"], "family")
    assert said_of_pairs(ledger)["event"].to_list() == ["merged", "parted", "apart"]
    _a_merge_of_an_amended_record_is_undone(office, desk, found["pair_id"])
    people.close()


def _a_merge_of_an_amended_record_is_undone(office: Office, desk: Desk, pair_id: str) -> None:
    """Merged anew, one record is amended: by now it is like a third and no more like the other."""
    again = order(office, COM, MERGE, pair_id, "typing_error")
    assert approved(desk, COX, again.id, "seen").state == "released"
    name = {"phone": "15550100009", "family_name": "Muster", "birth_date": "1950-01-01"}
    other = PERSONS[:1].with_columns(**{field: pl.lit(told) for field, told in name.items()})
    vault = Vault(office.people)
    vault.put(other, SER, amend=True)
    vault.put(other.with_columns(ref=pl.lit("applicant/third")), SER)
    assert look(office.ledger, office.policies, office.people, SER) == Looked(5, 1, 1)
    assert pairs_now(office.ledger)["event"].to_list() == [None, "merged"]
    undone = order(office, COX, PART, pair_id, "merged_in_error")
    assert approved(desk, COM, undone.id, "").state == "released"
    assert pairs_now(office.ledger)["event"].to_list() == [None]


def _asked(ledger: Ledger) -> pl.DataFrame:
    """The second application as it waits for the policy."""
    from loanbook.core.store.origination.reading import waiting

    rows = waiting(ledger).filter(pl.col("application_id") == "applications/again")
    return rows.with_columns(on=pl.lit(dt.date(2018, 2, 2)))
