"""Persons decide what the policy refers: within its limits and their authority, once, two above a threshold."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.decision.by_person import (
    APPROVE,
    ASK,
    REJECT,
    UnderwritingError,
    Wanted,
    judged,
)
from loanbook.core.errors import LoanbookError, PolicyError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.underwriting import UnderwritingPolicy
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.origination.persons import by_persons, referred
from loanbook.core.store.origination.reading import decisions_of
from loanbook.core.store.people import queue
from loanbook.core.store.people.audit import entries
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.agreements.cases import must_be_decided
from loanbook.pipelines.approvals import approving
from loanbook.pipelines.approvals.desk import Desk
from loanbook.pipelines.commands.app import app
from loanbook.pipelines.origination.underwriting import Office, decide_case, received, settle
from tests.origination.test_taking_in import HEADER, _decide, _report, _row, _states
from tests.pipelines.files import LOANS, drop, take, weekly_loan

UNA = Actor("Una", roles=frozenset({"underwriter"}), second_factor=True)
SEN = Actor("Sen", roles=frozenset({"senior-underwriter"}), second_factor=True)
SEV = Actor("Sev", roles=frozenset({"senior-underwriter"}), second_factor=True)
ANA = Actor("Ana", roles=frozenset({"approver"}), second_factor=True)


def _book(ledger: Ledger, policies: PolicyBook) -> PolicyBook:
    """Referred: lien, large (a tax lien each), thin (no bureau's report); approved: good."""
    tape = (
        weekly_loan("L-1").replace("2018-01-02", "2018-02-01").replace("2018-01-09", "2018-02-08")
    )
    drop(ledger, "loan_tape_2018-02-01_canonical.csv", LOANS + tape)
    rows = (
        _row("lien") + _row("large", amount="30000.00") + _row("thin") + _row("good") + _row("odd")
    )
    drop(ledger, "applications_2018-02-01.csv", HEADER + rows)
    liens = "".join(
        _report(f"person-{ref}", f"R-{ref}", tax_liens=2) for ref in ("lien", "large", "odd")
    )
    drop(ledger, "bureau_2018-02-01.jsonl", liens + _report("person-good", "R-good"))
    registered = ledger.register(policies)
    take(ledger, registered)
    _decide(ledger, registered)
    return registered


def _office(ledger: Ledger, policies: PolicyBook) -> tuple[Office, People]:
    people = open_people(ledger.settings)
    return Office.of(ledger, policies, people), people


def _key(ref: str) -> str:
    return f"applications/{ref}"


def test_a_person_decides_what_the_policy_refers_within_its_limits_and_their_authority(
    ledger: Ledger, policies: PolicyBook
) -> None:
    office, people = _office(ledger, _book(ledger, policies))
    lien = Wanted(_key("lien"), APPROVE, "explained", 900_000, note="seen the release")
    rules, known = office.rules("lendingclub-personal"), {}

    def attempt(who: Actor, wanted: Wanted, *, logged: bool) -> None:
        if logged:  # what is refused stands in the trail
            decide_case(office, who, wanted)
        case = known.get(wanted.application_id) or referred(ledger, wanted.application_id)
        judged(known.setdefault(wanted.application_id, case), wanted, rules)

    for who, wanted, kind, why in (
        (ANA, lien, AccessError, "takes one of the roles senior-underwriter, underwriter"),
        (Actor("Una", roles=UNA.roles), lien, AccessError, "asks for a second factor"),
        (Actor("bot", "service", UNA.roles), lien, AccessError, "a person decides"),
        (UNA, Wanted(_key("lien"), APPROVE, "gut_feeling"), UnderwritingError, "'gut_feeling' is no reason; .*documents_seen"),
        (UNA, Wanted(_key("lien"), APPROVE, "explained", 1_000_001), UnderwritingError, "more than is asked for"),
        (UNA, Wanted(_key("lien"), APPROVE, "explained", 99_999), UnderwritingError, "less than the least"),
        (UNA, Wanted(_key("lien"), APPROVE, "explained", None, 48), UnderwritingError, "48 months are not offered to grade A: its terms are 36, 60"),
        (UNA, Wanted(_key("lien"), APPROVE, "explained", None, None, "B"), UnderwritingError, "the policy gives the grade A"),
        (UNA, Wanted(_key("large"), APPROVE, "explained"), AccessError, "no authority to approve 30000.00 USD in grade A: .*takes senior-underwriter"),
        (UNA, Wanted(_key("lien"), REJECT, "conduct"), UnderwritingError, "no reason for rejecting is given"),
        (UNA, Wanted(_key("lien"), REJECT, "conduct", codes=("ugly",)), UnderwritingError, "'ugly' is no reason for rejecting"),
        (UNA, Wanted(_key("lien"), REJECT, "conduct", codes=("bankruptcies",)), UnderwritingError, "bankruptcies does not hold"),
        (UNA, Wanted(_key("lien"), ASK, "not_explained", codes=("a_song",)), UnderwritingError, "'a_song' is no information"),
        (UNA, Wanted(_key("good"), REJECT, "conduct", codes=("not_verified",)), UnderwritingError, "good is approved"),
        (UNA, Wanted(_key("thin"), APPROVE, "documents_seen"), UnderwritingError, "no grade is known: points can't be told"),
        (UNA, Wanted(_key("nobody"), APPROVE, "explained"), UnderwritingError, "no application is named"),
    ):  # fmt: skip
        with pytest.raises(kind, match=why):
            attempt(who, wanted, logged=kind is AccessError or "least" in why)
    assert by_persons(ledger).is_empty()
    assert any(
        "999.99" in why for why in entries(people, activity="access.denied")["status_detail"]
    )
    done = decide_case(office, UNA, lien)
    # grade A over 36 months is 6.72 %: 9,000.00 x 0.0056 / (1 - 1.0056 ** -36) = 276.744, rounded up
    assert (done.outcome, done.told["rate_ppb"], done.told["instalment"]) == (
        "approved",
        67_200_000,
        27_675,
    )
    assert (done.told["past"], done.told["against"]) == ("tax_liens", "exception")
    assert decide_case(office, UNA, lien).decision_id == done.decision_id, (
        "the same again is the same"
    )
    with pytest.raises(UnderwritingError, match="is approved"):
        decide_case(office, SEN, lien)
    asked = Wanted(_key("odd"), ASK, "not_explained", codes=("explanation",))
    assert decide_case(office, UNA, asked).outcome == "information_requested"
    assert decide_case(office, UNA, asked).outcome == "information_requested"
    assert _states(ledger)[_key("odd")] == "need_more_information"
    received(office, UNA, _key("odd"), "letter_came")
    turned = Wanted(_key("odd"), REJECT, "not_explained", codes=("tax_liens", "not_verified"))
    assert decide_case(office, SEN, turned).told["against"] == "override", (
        "the policy would price it"
    )
    assert _states(ledger) == {
        _key("lien"): "approved", _key("large"): "in_review", _key("thin"): "need_more_information", _key("good"): "approved",
        _key("odd"): "rejected",
    }  # fmt: skip
    assert by_persons(ledger)["verdict"].to_list() == ["approve", "ask", "reject"]
    trail = entries(people, activity="case.decide")
    assert trail["actor_user_name"].to_list().count("Una") == 3, "approved, asked, received"
    offered = pl.DataFrame({"application_id": [_key("lien")], "decision_id": [done.decision_id], "product": ["lendingclub-personal"],
                            "principal_agreed": [900_000], "rate_ppb": [67_200_000], "instalments": [36], "borrowers": [1], "guarantors": [0]})  # fmt: skip
    must_be_decided(ledger, offered)
    with pytest.raises(LoanbookError, match="is offered more than was decided"):
        must_be_decided(ledger, offered.with_columns(principal_agreed=pl.lit(900_001)))
    changed = [(k, p.model_copy(update={"expires_days": 1}) if isinstance(p, UnderwritingPolicy) else p) for k, p in policies.policies]  # fmt: skip
    with pytest.raises(PolicyError, match="underwriting/personal-loan@1 was used already"):
        ledger.register(PolicyBook(tuple(changed)))


def test_above_the_threshold_another_person_with_the_authority_confirms_and_only_once(
    ledger: Ledger, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = _book(ledger, policies)
    monkeypatch.setenv("LOANBOOK_HOME", str(ledger.settings.home))
    office, people = _office(ledger, registered)
    desk = Desk.of(people, LedgerReader(ledger.settings, Shown()), registered)
    large = Wanted(_key("large"), APPROVE, "strong_capacity", 2_800_000)
    waits = decide_case(office, SEN, large)
    assert (waits.outcome, _states(ledger)[_key("large")]) == ("waits", "in_review")
    assert decide_case(office, SEN, large).order == waits.order, "asked twice, it waits once"
    for who, why in (
        (SEN, "Sen ordered it"), (UNA, "no authority to approve 28000.00 USD in grade A"), (ANA, "may not case.decide"),
        (Actor("ｓｅｎ", roles=SEN.roles, second_factor=True), "ordered it"),
    ):  # fmt: skip
        assert why in approving.may(desk, who, queue.order(people, waits.order)).why
        assert not approving.may_of_all(desk, who, queue.orders(people))[waits.order].allowed
        with pytest.raises(AccessError, match=why):
            approving.approved(desk, who, waits.order, "")
    # killed between the second person's word and the ledger: what is left of it is kept once
    monkeypatch.setattr(
        "loanbook.pipelines.origination.underwriting.settle",
        lambda *_: queue.order(people, waits.order),
    )
    assert approving.approved(desk, SEV, waits.order, "seen").state == "approved"
    assert by_persons(ledger).is_empty()
    monkeypatch.undo()
    monkeypatch.setenv("LOANBOOK_HOME", str(ledger.settings.home))
    assert CliRunner().invoke(app, ["orders", "list", "--all"]).exit_code == 0
    settle(office, SEV, queue.order(people, waits.order))
    (row,) = by_persons(ledger).to_dicts()
    assert (row["maker"], row["checkers"], row["amount"], row["order_id"]) == (
        "Sen",
        "Sev",
        2_800_000,
        waits.order,
    )
    assert _states(ledger)[_key("large")] == "approved"
    # an input is missing: two persons whatever the amount, and the price is that of the grade that they give
    thin = decide_case(
        office, UNA, Wanted(_key("thin"), APPROVE, "documents_seen", 500_000, None, "C")
    )
    assert (thin.outcome, thin.told["rate_ppb"], thin.told["past"]) == (
        "waits",
        140_800_000,
        "missing_input",
    )
    # what was missing came, and the policy decided anew: what waited rests on what is no longer so
    drop(ledger, "bureau_2018-02-03.jsonl", _report("person-thin", "R-thin", tax_liens=2))
    take(ledger, registered)
    _decide(ledger, registered)
    with pytest.raises(UnderwritingError, match="decided anew by the policy since Una approved it"):
        approving.approved(desk, SEN, thin.order, "")
    assert approving.rejected(desk, SEN, thin.order, "stale").state == "rejected"
    assert decisions_of(ledger, "application_id = ?", [_key("thin")]).height == 2


def test_underwriters_work_by_commands_and_a_rerun_leaves_their_decisions_alone(
    ledger: Ledger, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _book(ledger, policies)
    ledger.close()
    monkeypatch.setenv("LOANBOOK_HOME", str(ledger.settings.home))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments])
        assert result.exit_code == 0, (arguments, result.output, result.exception)
        return str(result.output)

    waiting = json.loads(run("underwrite", "queue", "--json"))
    assert [row["application_id"].split("/")[1] for row in waiting] == [
        "large",
        "lien",
        "odd",
        "thin",
    ]
    assert "approved: decision u" in run(
        "underwrite", "approve", _key("lien"), "--reason", "explained", "--as", "una"
    )
    out = run(
        "underwrite",
        "approve",
        _key("large"),
        "amount=20000.00",
        "--reason",
        "explained",
        "--as",
        "una",
    )
    assert "20000.00 USD over 36 at 6.72 %, grade A, past tax_liens" in out
    order = out.split("underwrite confirm ")[1].split("`")[0]
    assert "20000.00" in run("orders", "show", order)
    assert "is approved" in run("underwrite", "confirm", order, "--as", "sen")
    run(
        "underwrite",
        "reject",
        _key("odd"),
        "--reason",
        "conduct",
        "--because",
        "tax_liens",
        "--as",
        "una",
    )
    told = json.loads(run("apply", "show", _key("odd"), "--json"))["persons"]
    assert told[0]["in_words"] == ["There are tax liens on your record."]
    assert "3 decisions of persons left as they are" in run("decide", "--rerun")
    listed = {row["application_id"]: row for row in json.loads(run("apply", "list", "--json"))}
    assert (listed[_key("odd")]["outcome"], listed[_key("odd")]["decided_by"]) == (
        "rejected",
        "una",
    )
    assert listed[_key("large")]["approved"] == 2_000_000
    rates = run("underwrite", "overrides")
    assert "rejected what the policy would price" in rates
    by = json.loads(run("underwrite", "overrides", "--json"))
    assert {(row["outcome"], row["reason"]): (row["decisions"], row["share_bp"]) for row in by} == {
        ("approved", "explained"): (2, 6_666), ("rejected", "conduct"): (1, 3_333),
    }  # fmt: skip
    assert dt.date.fromisoformat(listed[_key("odd")]["submitted_on"]) == dt.date(2018, 2, 1)
