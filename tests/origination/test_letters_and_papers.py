"""Documents that applicants hand in, and letters to those who were turned down. All persons and files are synthetic."""

from __future__ import annotations

import base64
import hashlib
import json

import polars as pl
import pytest
from typer.testing import CliRunner

from loanbook.core.access.actor import Actor
from loanbook.core.decision.by_person import Wanted
from loanbook.core.errors import LedgerError, LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.decision import DecisionPolicy, Rule
from loanbook.core.store.agreements.documents import documents_of
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.origination.reading import case_of, waiting
from loanbook.core.store.people.database import open_people
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.vault.forgetting import erase
from loanbook.core.store.vault.vault import Vault
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.cli import app
from loanbook.pipelines.documents.keeping import DocumentStore
from loanbook.pipelines.documents.verifying import verified
from loanbook.pipelines.origination.letters import make_letters
from loanbook.pipelines.origination.papers import opened, verdicts
from loanbook.pipelines.origination.underwriting import Office, decide_case
from tests.origination.test_taking_in import HEADER, _decide, _report, _row, _states
from tests.pipelines.files import drop, rules, take

COM, SEN = (
    Actor(name, roles=frozenset({role}), second_factor=True)
    for name, role in (("Com", "compliance"), ("Sen", "senior-underwriter"))
)
PUT = Actor("Ser", roles=frozenset({"servicing"}), second_factor=True)
PDF = b"%PDF-1.7 a synthetic payslip"


def _paper(ref: str, applicant: str, data: bytes = PDF, **changes: str) -> str:
    told = {"document_ref": ref, "applicant": applicant, "type": "income", "content": base64.b64encode(data).decode(),
            "sha256": hashlib.sha256(data).hexdigest(), "uploaded_at": "2018-02-03T10:00:00Z", "uploader": "synthetic-portal",
            "scan": "clean", "scanner": "synthetic 1"} | changes  # fmt: skip
    return json.dumps(told) + "\n"


def _asking(policies: PolicyBook) -> PolicyBook:
    """The shipped policies, with a rule that asks for proof of income."""
    asks = Rule.model_validate({"code": "no_proof", "group": "referral", "when": "NOT document_income", "then": "refer",
                                "says": "We lack proof of your income."})  # fmt: skip
    return PolicyBook(tuple(
        (k, DecisionPolicy.model_validate(p.model_dump() | {"rules": [*p.rules, asks]}) if isinstance(p, DecisionPolicy) else p)
        for k, p in policies.policies
    ))  # fmt: skip


def test_a_case_names_the_document_that_it_waits_for_and_goes_on_when_it_comes(
    ledger: Ledger, policies: PolicyBook
) -> None:
    people = open_people(ledger.settings)
    Vault(people).put(pl.DataFrame([{"ref": "applicant/person-ann", "kind": "individual", "full_name": "Synthia Example"}]), PUT)  # fmt: skip
    drop(ledger, "applications_2018-02-01.csv", HEADER + _row("ann") + _row("ben"))
    drop(ledger, "bureau_2018-02-01.jsonl", _report("person-ann", "R1") + _report("person-ben", "R2"))  # fmt: skip
    registered = ledger.register(_asking(policies))
    take(ledger, registered)
    assert _decide(ledger, registered)["applications/ann"] == ("referred", "document_income")
    assert _states(ledger)["applications/ann"] == "need_more_information"
    reader = LedgerReader(ledger.settings, Shown())
    told = case_of(reader, "applications/ann")
    assert told is not None
    assert told["decisions"][0]["lacks"] == [("document_income", "proof of income")]
    bad = [
        _paper("D3", "person-ben", scan="infected"), _paper("D4", "person-ben", sha256="0" * 64),
        _paper("D5", "person-ben", b"MZ is no document"), _paper("D6", "person-ben", type="novel"), _paper("D7", ""),
        _paper("D8", "person-ben", content="no base64 !"), _paper("D9", "person-ben", uploaded_at="2018-02-30T00:00:00Z"),
    ]  # fmt: skip
    drop(ledger, "applicant_documents_2018-02-03_portal.jsonl", _paper("D1", "person-ann") + _paper("D2", "person-ben", b"\xff\xd8\xff jpeg") + "".join(bad))  # fmt: skip
    report = take(ledger, registered)
    assert (report.accepted, report.quarantined) == (2, 7)
    assert sorted({*rules(ledger, "applicant_documents_2018-02-03_portal.jsonl").values()}) == [
        "applicant_missing", "document_is_infected", "document_is_not_as_hashed", "document_not_of_a_kind_that_is_kept",
        "document_type_not_known", "uploaded_at_not_a_time",
    ]  # fmt: skip
    assert set(waiting(ledger)["application_id"]) == {"applications/ann", "applications/ben"}
    assert _decide(ledger, registered)["applications/ann"] == ("approved", "")
    (told,) = [case_of(LedgerReader(ledger.settings, Shown()), "applications/ann")]
    assert told is not None
    assert [(d["document_id"], d["type"], d["scan"]) for d in told["documents"]] == [("D1", "income", "clean")]  # fmt: skip
    assert verdicts(reader.lake())["verdict"].to_list() == ["OK", "OK"]
    assert opened(reader.lake(), people, COM, "D1", "check of income") == (PDF, "application/pdf")
    with pytest.raises(LoanbookError, match="say why"):
        opened(reader.lake(), people, COM, "D1", "")
    # forgetting the person reaches the document and the bureau's report; the other's stays
    (person,) = Vault(people).everyone(COM)["person"]
    erase(Vault(people), person, COM, "asked to be forgotten")
    assert verdicts(reader.lake())["verdict"].to_list() == ["FORGOTTEN", "OK"]
    with pytest.raises(LedgerError, match="forgotten"):
        opened(reader.lake(), people, COM, "D1", "check of income")
    people.close()


def test_who_is_turned_down_gets_a_letter_of_the_reasons_once_and_every_byte_of_it_is_proven(
    ledger: Ledger, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(ledger, "applications_2018-02-01.csv", HEADER + _row("good") + _row("bad") + _row("thin"))
    told = _report("person-good", "R1") + _report("person-bad", "R2", accounts_past_due_120=2, bankruptcies=3) + _report("person-thin", "R3", history_months=None)  # fmt: skip
    drop(ledger, "bureau_2018-02-01.jsonl", told)
    registered = ledger.register(policies)
    take(ledger, registered)
    outcomes = _decide(ledger, registered)
    assert outcomes["applications/bad"][0] == "rejected"
    assert make_letters(ledger, registered) == 1
    assert make_letters(ledger, registered) == 0, "once"
    (letter,) = documents_of(ledger, "applications/bad").to_dicts()
    notice = json.loads(letter["fields"])
    reasons = ledger.one(
        "SELECT reasons FROM {lake}.decisions WHERE application_id = 'applications/bad'"
    )[0]
    assert notice["codes"] == reasons.split(","), "ranked as the decision has them"
    assert len(notice["reasons"]) == len(notice["codes"])
    assert all(" " in words for words in notice["reasons"]), "in words"
    assert notice["bureaus"] == [["synthetic-bureau"]], (
        "a bureau that the policy does not know is named"
    )
    assert notice["made_on"] == "2018-02-01"
    store = DocumentStore(ledger.settings)
    assert verified(ledger, store, again=True)["verdict"].to_list() == ["OK"]
    path = store.path(letter["sha256"])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(data))
    assert verified(ledger, store)["verdict"].to_list() == ["FAIL"]
    # a person's rejection is told by the person's reasons
    people = open_people(ledger.settings)
    office = Office.of(ledger, registered, people)
    turned = Wanted(
        "applications/thin", "reject", "not_verified", codes=("application_incomplete",)
    )
    assert decide_case(office, SEN, turned).outcome == "rejected"
    assert make_letters(ledger, registered) == 1
    (other,) = documents_of(ledger, "applications/thin")["fields"]
    assert json.loads(other)["reasons"] == [
        "Your application is incomplete, and what we asked for did not come."
    ]
    monkeypatch.setenv("LOANBOOK_HOME", str(ledger.settings.home))
    said = CliRunner().invoke(app, ["apply", "letters"])
    assert "lacks its letter" in said.output, said.output
    people.close()
