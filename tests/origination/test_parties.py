"""Joint applicants, guarantors and owners of a business: known to decisions, bound by the agreement, signing a copy each."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.access.actor import Actor
from loanbook.core.decision import inputs
from loanbook.core.decision.deciding import again, decide
from loanbook.core.documents.offers import OfferError
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.agreements.documents import documents_of, signed_agreements
from loanbook.core.store.agreements.offers import offer
from loanbook.core.store.origination.reading import decisions_of, waiting
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.agreements.offering import Wanted, accept, make_offers, sign
from loanbook.pipelines.commands.app import app
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.verifying import verified
from loanbook.pipelines.origination.gathering import gathered
from tests.origination.policies import applications, small
from tests.origination.test_taking_in import HEADER, _decide, _report, _row
from tests.pipelines.files import drop, rules, take

ANN = Actor("Ann", roles=frozenset({"servicing"}), second_factor=True)
PARTIES = ["owners", "parties_without_report", "parties_bankruptcies", "parties_past_due", "borrowers_obligations_month",
           "parties_kyc", "parties_screening"]  # fmt: skip
WIDE = HEADER.replace("co_applicant,", "co_applicant,").rstrip("\n") + ",guarantor,owner,applicant_kind\n"  # fmt: skip


def _wide(ref: str, co: str = "", guarantor: str = "", owner: str = "", kind: str = "") -> str:
    return _row(ref, co=co).rstrip("\n") + f",{guarantor},{owner},{kind}\n"


def test_what_is_known_of_everybody_counts_and_what_is_not_known_of_one_is_not_known(
    ledger: Ledger, policies: PolicyBook
) -> None:
    rows = [
        _wide("alone"), _wide("pair", co="mate"), _wide("backed", guarantor="aunt;uncle"),
        _wide("firm", owner="boss;sleeper", kind="business"),
    ]  # fmt: skip
    drop(ledger, "applications_2018-02-01.csv", WIDE + "".join(rows))
    told = [
        _report("person-alone", "R1"), _report("person-pair", "R2"), _report("mate", "R3", obligations_month=50_000, bankruptcies=1),
        _report("aunt", "R4"), _report("boss", "R5"), _report("sleeper", "R6", accounts_past_due=2),
    ]  # fmt: skip
    drop(ledger, "bureau_2018-02-01.jsonl", "".join(told))
    checks = "check_ref,applicant,provider,result,checked_on\nk1,boss,synthetic,review,2018-02-01\nk2,sleeper,synthetic,passed,2018-02-01\n"
    drop(ledger, "kyc_2018-02-01.csv", checks)
    take(ledger, policies)
    found = gathered(ledger, waiting(ledger)).select("application_id", *PARTIES)
    assert {row[0].split("/")[1]: row[1:] for row in found.rows()} == {
        "alone": (0, 0, 0, 0, 100_000, "passed", "clear"),
        "pair": (0, 0, 1, 0, 150_000, None, None),
        "backed": (
            0,
            1,
            None,
            None,
            None,
            None,
            None,
        ),  # nothing is known of the uncle; the applicant has no report either
        "firm": (2, 0, 0, 2, None, "review", None),
    }
    # news of a guarantor wakes a case that waits
    registered = ledger.register(policies)
    _decide(ledger, registered)
    assert "applications/backed" not in waiting(ledger)["application_id"]
    drop(ledger, "bureau_2018-02-03.jsonl", _report("uncle", "R7"))
    take(ledger, registered)
    assert waiting(ledger)["application_id"].to_list() == ["applications/backed"]


def test_a_person_is_named_once_and_who_stands_beside_the_applicant_is_shown(
    ledger: Ledger, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        _wide("self", co="person-self"), _wide("own", guarantor="aunt; person-own"), _wide("both", co="mate", guarantor="mate"),
        _wide("firm", owner="boss;boss", kind="business"), _wide("good", co="mate", guarantor="aunt;; uncle;"),
        _wide("owned", guarantor="boss", owner="boss", kind="business"),
    ]  # fmt: skip
    drop(ledger, "applications_2018-02-01.csv", WIDE + "".join(rows))
    take(ledger, ledger.register(policies))
    assert rules(ledger, "applications_2018-02-01.csv") == dict.fromkeys(range(2, 6), "party_named_twice")  # fmt: skip
    bound = "SELECT borrowers, guarantors FROM {lake}.applications WHERE reference = 'good'"
    assert ledger.frame(bound).rows() == [
        (2, 2)
    ]  # whom an offer binds: nobody is named between two semicolons
    home = ledger.settings.home
    ledger.close()
    monkeypatch.setenv("LOANBOOK_HOME", str(home))
    shown = CliRunner().invoke(app, ["apply", "show", "applications/good"], catch_exceptions=False)
    assert [shown.output.count(kind) for kind in ("co_applicant", "guarantor")] == [1, 2]


def test_a_decision_of_a_release_that_knew_fewer_inputs_comes_again_byte_for_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, policy = applications(a={}, b={"housing": "rent"}), small()
    before = {name: type_ for name, type_ in inputs.TYPES.items() if name not in PARTIES}
    with monkeypatch.context() as then:
        then.setattr(inputs, "TYPES", before)
        made, kept = decide(rows, policy)
    assert "parties_kyc" not in json.loads(kept["inputs"][0])
    assert again(made, kept, policy).equals(made)
    assert decide(rows, policy)[0]["input_hash"].to_list() != made["input_hash"].to_list()


def test_an_agreement_binds_those_who_applied_and_each_signs_a_copy(
    ledger: Ledger, policies: PolicyBook
) -> None:
    drop(ledger, "applications_2018-02-01.csv", WIDE + _wide("pair", co="mate", guarantor="aunt"))
    drop(ledger, "bureau_2018-02-01.jsonl", _report("person-pair", "R1"))
    registered = ledger.register(policies)
    take(ledger, registered)
    assert _decide(ledger, registered)["applications/pair"][0] == "approved"
    (decision,) = decisions_of(ledger).to_dicts()
    terms = {
        "principal": "10000.00", "rate_percent": f"{decision['rate_ppb'] / 10**7:.2f}", "instalments": "36",
        "disbursed_on": "2018-02-05", "first_due_date": "2018-03-05", "jurisdiction": "US-NJ",
    }  # fmt: skip
    day = dt.date(2018, 2, 2)

    def of(*parties: tuple[str, str]) -> Wanted:
        return Wanted("lendingclub-personal", terms, parties, "applications/pair", decision["decision_id"])  # fmt: skip

    first, mate, aunt = ("borrower", "Synthia One"), ("co_borrower", "Otto Two"), ("guarantor", "Gerda Three")  # fmt: skip
    with pytest.raises(LoanbookError, match="another number of borrowers"):
        make_offers(ledger, registered, [of(first, aunt)], day, ANN)
    with pytest.raises(LoanbookError, match="another number of guarantors"):
        make_offers(ledger, registered, [of(first, mate)], day, ANN)
    (id_,) = make_offers(
        ledger, registered, [of(first, mate, aunt, ("adviser", "Emil Four"))], day, ANN
    )
    (paper,) = documents_of(ledger, id_).filter(pl.col("kind") == "agreement")["fields"]
    assert [c["name"] for c in json.loads(paper)["clauses"]][-2:] == ["Several borrowers", "Guarantee"]  # fmt: skip
    accept(ledger, id_, day, "Ann")
    at = dt.datetime(2018, 2, 2, 12, tzinfo=dt.UTC)
    for role in ("borrower", "guarantor"):
        sign(ledger, id_, (role, ""), at, ANN)
        assert offer(ledger, id_, day)["state"] == "accepted", "the others have not signed"
        assert signed_agreements(ledger).is_empty()
    with pytest.raises(OfferError, match="signed already"):
        sign(ledger, id_, ("borrower", ""), at, ANN)
    with pytest.raises(OfferError, match="does not sign"):
        sign(ledger, id_, ("adviser", ""), at, ANN)
    last = sign(ledger, id_, ("co_borrower", ""), at, ANN)
    assert offer(ledger, id_, day)["state"] == "signed"
    assert signed_agreements(ledger)["signed_sha256"].to_list() == [last]
    told = verified(ledger, DocumentStore(ledger.settings))
    assert (told.height, set(told["verdict"])) == (6, {"OK"}), "three documents, three signed copies"  # fmt: skip
