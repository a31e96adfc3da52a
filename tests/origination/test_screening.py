"""Lists of sanctions: read as they are published, matched by likeness, again where something changed, decided on by people.

All names are synthetic; the files have the shape of OFAC's and the UN's lists and nothing of their content.
"""

from __future__ import annotations

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.decision.by_person import APPROVE, UnderwritingError, Wanted
from loanbook.core.errors import IntakeError
from loanbook.core.origination.screening import hits
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.decision import DecisionPolicy, Rule
from loanbook.core.policy.decisions.screening import ScreeningRules
from loanbook.core.store.origination.screening import hits_now, standings
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.vault.vault import Vault
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.disbursing.gating import _screened
from loanbook.pipelines.formats.origination.sanctions import entries
from loanbook.pipelines.origination.screening import (
    Said,
    Screened,
    ScreeningError,
    decide_hit,
    screen,
)
from loanbook.pipelines.origination.underwriting import Office, decide_case
from tests.origination.test_taking_in import HEADER, _decide, _report, _row, _states
from tests.pipelines.files import drop, take

OFAC = """<?xml version="1.0" standalone="yes"?>
<sdnList xmlns="http://tempuri.org/sdnList.xsd"><publshInformation><Publish_Date>02/01/2018</Publish_Date></publshInformation>
<sdnEntry><uid>1</uid><firstName>Synthia</firstName><lastName>EXÁMPLE</lastName><sdnType>Individual</sdnType>
 <programList><program>SYNTH</program></programList>
 <akaList><aka><uid>9</uid><firstName>Cynthia</firstName><lastName>Sample</lastName></aka></akaList>
 <dateOfBirthList><dateOfBirthItem><dateOfBirth>circa 1971</dateOfBirth></dateOfBirthItem></dateOfBirthList></sdnEntry>
<sdnEntry><uid>2</uid><lastName>{second}</lastName><sdnType>Entity</sdnType></sdnEntry>
</sdnList>"""
UN = """<CONSOLIDATED_LIST><INDIVIDUALS><INDIVIDUAL><DATAID>77</DATAID><FIRST_NAME>Mock</FIRST_NAME><SECOND_NAME>Personage</SECOND_NAME>
<INDIVIDUAL_ALIAS><ALIAS_NAME>Mokk Personaje</ALIAS_NAME></INDIVIDUAL_ALIAS>
<INDIVIDUAL_DATE_OF_BIRTH><YEAR>1950</YEAR></INDIVIDUAL_DATE_OF_BIRTH></INDIVIDUAL></INDIVIDUALS><ENTITIES/></CONSOLIDATED_LIST>"""
COM, COX = (
    Actor(name, roles=frozenset({"compliance"}), second_factor=True) for name in ("Com", "Cox")
)
RUN = Actor("run", "service", frozenset({"scheduler"}))
PUT = Actor("Ser", roles=frozenset({"servicing"}), second_factor=True)
SEN = Actor("Sen", roles=frozenset({"senior-underwriter"}), second_factor=True)


def _asking(policies: PolicyBook) -> PolicyBook:
    """The shipped policies, with a rule that refers whoever is not clear."""
    asks = Rule.model_validate({"code": "not_screened", "group": "fraud", "when": "screening <> 'clear'", "then": "refer",
                                "says": "We could not finish the checks that the law asks for."})  # fmt: skip

    def with_it(
        policy: DecisionPolicy,
    ) -> DecisionPolicy:  # read anew: a copy keeps what was worked out of the first
        return DecisionPolicy.model_validate(policy.model_dump() | {"rules": [*policy.rules, asks]})

    return PolicyBook(tuple(
        (folder, with_it(each) if isinstance(each, DecisionPolicy) else each) for folder, each in policies.policies
    ))  # fmt: skip


def test_a_list_is_told_by_its_first_sign_and_may_have_no_document_type_wherever_it_stands() -> (
    None
):
    marked = entries(b"\xef\xbb\xbf" + UN.encode())
    assert marked.good.equals(entries(UN.encode()).good)
    assert marked.good.height > 0
    far = f"<!--{' ' * 100_000}--><!DOCTYPE x [<!ENTITY y 'z'>]>{UN}"
    for data in (far.encode(), far.replace("!--", "?a ").replace("--", "?").encode()):
        with pytest.raises(IntakeError, match="DOCTYPE"):
            entries(data)


def test_names_are_alike_in_any_order_and_writing_unless_births_lie_apart() -> None:
    listed = pl.DataFrame({
        "list": ["l"] * 3, "entry_key": ["e1", "e1", "e2"], "entry_ref": ["1", "1", "2"],
        "name": ["EXÁMPLE, Synthia", "Cynthia Sample", "Øtherwise Gmbh."], "born_from": [1971, 1971, None], "born_to": [1971, 1971, None],
    }, schema_overrides={"born_from": pl.Int64, "born_to": pl.Int64})  # fmt: skip
    persons = pl.DataFrame({
        "subject": ["a", "b", "c", "d", "e", "f"],
        "name": ["Synthia Example", "synthia  exampel", "Synthia Example", "Cynthia Sample", "Ann Other", "---"],
        "born": [1971, None, 1990, 1973, 1971, None],
    })  # fmt: skip
    found = {row["subject"]: row for row in hits(persons, listed, 88, 2).to_dicts()}
    assert set(found) == {"a", "b", "d"}
    assert (found["a"]["score"], found["a"]["birth"]) == (100, "fits")
    assert (found["b"]["birth"], found["b"]["score"] >= 88) == ("not known", True)
    assert (found["d"]["listed_name"], found["d"]["score"]) == ("Cynthia Sample", 100), (
        "an alias counts"
    )
    assert hits(persons, listed.clear(), 88, 2).is_empty()
    assert hits(persons, listed, 88, 20).height == 4


def _listed(ledger: Ledger, policies: PolicyBook) -> tuple[PolicyBook, People, Vault]:
    """Three applicants, of whom the vault knows two by name, and editions of two lists; three others can't be read."""
    policies = _asking(policies)
    drop(
        ledger, "applications_2018-02-01.csv", HEADER + "".join(map(_row, ("syn", "fine", "late")))
    )
    drop(
        ledger,
        "bureau_2018-02-01.jsonl",
        "".join(_report(f"person-{ref}", f"R-{ref}") for ref in ("syn", "fine", "late")),
    )
    drop(ledger, "sanctions_2018-02-01_ofac-sdn.xml", OFAC.format(second="Placeholder Trading"))
    drop(ledger, "sanctions_2018-02-01_un.xml", UN)
    drop(ledger, "sanctions_2018-02-01_cut.xml", UN[:-30])
    drop(ledger, "sanctions_2018-02-01_other.csv", "entry_ref,name\n1,\n")
    drop(
        ledger,
        "sanctions_2018-02-01_evil.xml",
        '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>' + UN,
    )
    registered = ledger.register(policies)
    report = take(ledger, registered)
    assert report.reconciles
    states = dict(
        ledger.frame("SELECT name, state FROM {lake}.files WHERE kind = 'sanctions'").rows()
    )
    assert sorted(states.values()) == ["refused"] * 3 + ["taken"] * 2, states
    people = open_people(ledger.settings)
    vault = Vault(people)
    named = {"syn": ("Synthia Example", "1971-05-05"), "fine": ("Otto Normal", "1960-01-01")}
    vault.put(pl.DataFrame([{"ref": f"applicant/person-{ref}", "kind": "individual", "full_name": name, "birth_date": born}
                            for ref, (name, born) in named.items()]), PUT)  # fmt: skip
    return registered, people, vault


def draw_hits() -> None:
    from datetime import date  # a page's function is run by itself

    from loanbook.dashboards.origination import screening

    screening.draw("applications/syn", date(2018, 2, 1))


def test_persons_are_screened_once_and_again_only_where_list_or_person_changed(
    ledger: Ledger, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered, people, vault = _listed(ledger, policies)
    assert screen(ledger, registered, people, RUN) == Screened(
        2, 2 * 5, 1
    )  # OFAC's three names and the UN's two
    assert screen(ledger, registered, people, RUN) == Screened(0, 0, 0), "nothing changed"
    # no list knows late: the decision can't tell; syn is referred with the rule; fine passes
    decided = _decide(ledger, registered)
    assert decided["applications/late"] == ("referred", "screening")
    assert decided["applications/syn"] == ("referred", "")
    assert decided["applications/fine"] == ("approved", "")
    (hit,) = hits_now(ledger, 2).to_dicts()
    assert (hit["entry_ref"], hit["score"], hit["state"], hit["birth"]) == (
        "1",
        100,
        "open",
        "fits",
    )
    kept = ledger.frame("SELECT * FROM {lake}.screening_hits").write_csv()
    assert "Synthia Example" not in kept, "no name of a person is kept, the list's own alone"
    monkeypatch.setenv("LOANBOOK_HOME", str(ledger.settings.home))
    page = AppTest.from_function(draw_hits, default_timeout=60).run()
    assert not page.exception
    assert page.dataframe[0].value["listed_name"].to_list() == [hit["listed_name"]]
    assert "A hit is open" in page.warning[0].value
    office = Office.of(ledger, registered, people)
    approve = Wanted("applications/syn", APPROVE, "explained")
    with pytest.raises(UnderwritingError, match=r"list of sanctions \(possible\)"):
        decide_case(office, SEN, approve)

    offers = pl.DataFrame({"offer_id": ["of-1"], "application_id": ["applications/syn"], "parties": ['[{"role":"borrower","token":"p_x"}]']})  # fmt: skip
    assert _screened(ledger, registered, offers).rows() == [("of-1", True)]
    for who, said, kind, why in (
        (SEN, Said(hit["hit_id"], "cleared", "other_birth_date"), AccessError, "takes one of the roles compliance"),
        (COM, Said(hit["hit_id"], "cleared", "luck"), ScreeningError, "'luck' is no reason"),
        (COM, Said(hit["hit_id"], "cleared", "same_person"), ScreeningError, "is no reason by which a hit is cleared"),
        (COM, Said("h0", "cleared", "other_place"), ScreeningError, "no hit that stands"),
    ):  # fmt: skip
        with pytest.raises(kind, match=why):
            decide_hit(ledger, registered, people, who, said)
    clear = Said(hit["hit_id"], "cleared", "other_identity_document", "passport seen")
    assert decide_hit(ledger, registered, people, COM, clear) == "open", "one is not enough"
    assert decide_hit(ledger, registered, people, COM, clear) == "open", "nor the same one twice"
    assert ledger.one("SELECT count(*) FROM {lake}.screening_verdicts") == (1,)
    assert (
        decide_hit(
            ledger, registered, people, Actor("ＣＯＸ", roles=COX.roles, second_factor=True), clear
        )
        == "cleared"
    )
    assert _screened(ledger, registered, offers).rows() == [("of-1", False)]
    assert decide_case(office, SEN, approve).outcome == "approved"
    assert _states(ledger)["applications/syn"] == "approved"

    # the next edition: entry 2 has another name, entry 1 is as it was; only the one new name is compared
    drop(ledger, "sanctions_2018-02-05_ofac-sdn.xml", OFAC.format(second="Otto Normall"))
    take(ledger, registered)
    assert standings(ledger, 2)["screening"].null_count() == 2, "not screened by what came"
    assert screen(ledger, registered, people, RUN) == Screened(2, 2 * 1, 1)
    stands = dict(standings(ledger, 2).join(vault.everyone(RUN), left_on="subject", right_on="person").select("ref", "screening").rows())  # fmt: skip
    assert stands == {"applicant/person-syn": "clear", "applicant/person-fine": "possible"}
    # a person's name changed: that person is matched with all of it
    (person,) = vault.everyone(RUN).filter(pl.col("ref") == "applicant/person-fine")["person"]
    vault.amend(pl.DataFrame({"person": [person], "full_name": ["Ottilie Normalverbraucher"]}), PUT)
    assert screen(ledger, registered, people, RUN) == Screened(1, 5, 0)
    assert hits_now(ledger, 2).filter(pl.col("state") == "open").is_empty()
    confirm = Said(hit["hit_id"], "confirmed", "same_person")
    assert decide_hit(ledger, registered, people, COM, confirm) == "confirmed", (
        "one confirms, also what was cleared"
    )
    words = ledger.frame(
        "SELECT word FROM {lake}.applicant_facts WHERE source = 'screening' ORDER BY recorded_at, word"
    )["word"]
    assert words.to_list() == ["clear", "possible", "clear", "possible", "clear", "confirmed"]
    strict = [
        (k, p.model_copy(update={"required": True}) if isinstance(p, ScreeningRules) else p)
        for k, p in registered.policies
    ]
    unknown = offers.with_columns(application_id=pl.lit("applications/late"))
    assert _screened(ledger, registered, unknown).rows() == [("of-1", False)]
    assert _screened(ledger, PolicyBook(tuple(strict)), unknown).rows() == [("of-1", True)]
