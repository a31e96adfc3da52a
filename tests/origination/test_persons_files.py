"""Files of persons: names reach the vault alone. All names are synthetic."""

from __future__ import annotations

from pathlib import Path

from loanbook.core.access.actor import Actor
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.people.database import open_people
from loanbook.core.store.sending.vault import Vault as Pseudonyms
from loanbook.core.store.vault.vault import Vault
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.origination.screening import with_applicants
from tests.origination.test_taking_in import HEADER, _report, _row
from tests.pipelines.files import drop, rules, take

WHO = Actor("Cy", roles=frozenset({"compliance"}), second_factor=True)
HEAD = "applicant,ref,kind,full_name,birth_date,national_id\n"


def test_persons_of_a_file_are_in_the_vault_and_nowhere_else_and_the_report_quotes_nobody(
    ledger: Ledger, policies: PolicyBook
) -> None:
    rows = [
        "person-ann,,,Synthia Example,1971-05-06,000-11\n", ",firm-1,business,Synthetic Trading,,\n", "person-ben,,,,1980-01-01,\n",
        "person-cleo,,,Cleo Muster,1980-13-01,\n", ",,,Nobody Named,,\n", "person-dan,,robot,Dan Muster,,\n", "person-eve,,,Eve Muster,2100-01-01,\n",
    ]  # fmt: skip
    drop(ledger, "persons_2018-02-01_partner.csv", HEAD + "".join(rows))
    drop(ledger, "persons_2018-02-01_strange.csv", "applicant,full_name,shoe_size\nperson-fay,Fay Muster,39\n")  # fmt: skip
    drop(ledger, "persons_2018-02-01_headless.csv", "person-gus,Gus Muster,Gus Muster\n")
    drop(ledger, "applications_2018-02-01.csv", HEADER + _row("ann"))
    drop(ledger, "bureau_2018-02-01.jsonl", _report("person-ann", "R1"))
    report = take(ledger, policies)
    assert report.reconciles
    assert (report.accepted, report.quarantined, len(report.refused)) == (4, 5, 2)
    told = dict(report.refused)
    assert "neither applicant nor ref" in told["persons_2018-02-01_headless.csv"]
    assert "shoe_size is no field of a person" in told["persons_2018-02-01_strange.csv"]
    assert rules(ledger, "persons_2018-02-01_partner.csv") == {
        4: "person_without_a_name", 5: "birth_date_not_a_date", 6: "person_ref_missing_or_too_long", 7: "person_kind_not_known",
        8: "born_in_the_future",
    }  # fmt: skip
    people = open_people(ledger.settings)
    everyone = with_applicants(ledger, Vault(people).everyone(WHO))
    assert sorted(everyone["ref"]) == ["applicant/person-ann", "firm-1"]
    (token,) = ledger.one("SELECT applicant FROM {lake}.applications")
    assert token in everyone["applicant"].to_list(), (
        "screening and duplicates know whose application it is"
    )
    # the report came in the same run, and is under the person's key
    (sealed,) = ledger.one("SELECT sealed FROM {lake}.originals")
    assert sealed.startswith(b"\x00person\x00")
    assert "synthetic-bureau" in Pseudonyms(ledger.settings.lake, ledger.settings).opened_text("synthetic-bureau/R1", sealed)  # fmt: skip
    drop(ledger, "persons_2018-02-02.csv", HEAD + rows[0] + rows[1].replace("Trading", "Traders"))
    report = take(ledger, policies)
    assert (report.accepted, report.duplicates, report.quarantined) == (0, 1, 1)
    assert rules(ledger, "persons_2018-02-02.csv") == {3: "person_with_another_content"}
    assert ledger.frame("SELECT found FROM {lake}.quarantine WHERE name LIKE 'persons%'")["found"].to_list() == [""] * 6  # fmt: skip
    for file in Path(ledger.settings.home).rglob("*"):
        if file.is_file() and "landing" not in file.parts:
            data = file.read_bytes()
            assert not any(name in data for name in (b"Synthia", b"Muster", b"Nobody Named", b"000-11")), file  # fmt: skip
    people.close()
