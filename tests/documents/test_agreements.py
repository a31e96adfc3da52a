"""From offer to loan: what stands on paper is what is boarded, and every byte of it is proven."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import dagster as dg
import polars as pl
import pypdfium2
import pytest
from typer.testing import CliRunner

from loanbook.core.access.actor import Actor
from loanbook.core.contract.disclosed.disclosure import eu_apr
from loanbook.core.contract.terms import Terms
from loanbook.core.documents.matching import ON_PAPER, boarded_otherwise, unlike
from loanbook.core.documents.offers import STEPS, OfferError
from loanbook.core.documents.offers import states as states_of
from loanbook.core.documents.paper import Paper
from loanbook.core.errors import LedgerConflictError, LoanbookError
from loanbook.core.frames import empty
from loanbook.core.origination.case import CASE_EVENTS, cases
from loanbook.core.policy.lending.agreements import AgreementRules
from loanbook.core.servicing.loan.opening import agreed_terms
from loanbook.core.store.agreements.documents import documents_of, signed_terms
from loanbook.core.store.agreements.offers import offer
from loanbook.core.store.origination.reading import events_of
from loanbook.core.store.origination.writing import append, head
from loanbook.core.store.vault.forgetting import erase
from loanbook.core.store.vault.vault import Vault
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.agreements.cases import follow
from loanbook.pipelines.agreements.handing_off import hand_off, reconciled
from loanbook.pipelines.agreements.offering import Wanted, accept, decline, make_offers, sign
from loanbook.pipelines.agreements.quoting import fields_of, quoted, tape_of, would_be_boarded
from loanbook.pipelines.agreements.withdrawing import withdraw
from loanbook.pipelines.cli import app
from loanbook.pipelines.disbursing.gating import held_back
from loanbook.pipelines.documents.verifying import verified
from loanbook.pipelines.resources import read_policies
from tests.documents.conftest import ANN, MADE, SIGNED_AT, Lender, lending, wanted
from tests.pipelines.files import drop, take

DAY = dt.date(2018, 1, 4)

PROVING = Actor("Cy", roles=frozenset({"compliance"}), second_factor=True)


def state(lender: Lender, key: str, on: dt.date = DAY) -> str:
    return str(offer(lender.ledger, key, on)["state"])


def test_an_offer_lives_by_its_steps_and_expires_by_its_date_alone() -> None:
    steps = [("a", "accepted", 3), ("b", "accepted", 3), ("b", "signed", 5), ("c", "declined", 2)]
    day = dt.date(2024, 1, 1)
    offers = pl.DataFrame(
        {"offer_id": list("abcd"), "made_on": [day] * 4, "expires_on": [day.replace(day=9)] * 4}
    )
    taken = pl.DataFrame(
        [(i, s, day.replace(day=n)) for i, s, n in steps], schema=STEPS, orient="row"
    )

    def on(n: int) -> list[str]:
        return states_of(offers, taken, day.replace(day=n))["state"].to_list()

    assert on(2) == ["offered", "offered", "declined", "offered"]
    assert on(9) == ["accepted", "signed", "declined", "offered"]
    assert on(10) == ["expired", "signed", "declined", "expired"]
    assert states_of(offers, taken, dt.date(2023, 1, 1)).is_empty()


def test_offers_are_made_once_and_only_what_may_follow_does(lender: Lender) -> None:
    assert make_offers(lender.ledger, lender.policies, [wanted("A"), wanted("D")], DAY, ANN) == []
    with pytest.raises(LedgerConflictError, match="kept with another content"):
        make_offers(lender.ledger, lender.policies, [wanted("A", rate_percent="13")], DAY, ANN)
    with pytest.raises(LoanbookError, match="would not be boarded: rate_not_a_percentage"):
        make_offers(lender.ledger, lender.policies, [wanted("E", rate_percent="twelve")], DAY, ANN)
    nobody = Wanted("instalment-act365", {}, (("guarantor", "G"),))
    with pytest.raises(LoanbookError, match="nobody is the borrower"):
        make_offers(lender.ledger, lender.policies, [nobody], DAY, ANN)
    assert (state(lender, "A"), state(lender, "D"), state(lender, "D", dt.date(2018, 2, 2))) == (
        "boarded",
        "offered",
        "expired",
    )
    with pytest.raises(OfferError, match="is offered: only what is accepted"):
        sign(lender.ledger, "D", ("borrower", ""), SIGNED_AT, ANN)
    with pytest.raises(
        OfferError, match="is expired: it can't be accepted now; make another offer"
    ):
        accept(lender.ledger, "D", dt.date(2018, 2, 2), "Ann")
    accept(lender.ledger, "D", DAY, "Ann")
    with pytest.raises(LoanbookError, match="no party is 'guarantor'; there are borrower"):
        sign(lender.ledger, "D", ("guarantor", ""), SIGNED_AT.replace(day=4), ANN)

    def other(**terms: str) -> list[Wanted]:
        who = (("borrower", "Dora Sample"),)
        return [
            Wanted("instalment-act365", wanted("D").fields | terms, who, "app-D", "dec-D", "D9")
        ]

    make_offers(lender.ledger, lender.policies, other(), DAY, ANN)
    with pytest.raises(
        OfferError, match=r"of its application app-D offer .* \(loan D\) is accepted"
    ):
        accept(lender.ledger, "D9", DAY, "Ann")
    files = set(lender.store.folder.rglob("*.pdf"))
    with pytest.raises(LedgerConflictError):  # and no file of a refused offer is left behind
        make_offers(lender.ledger, lender.policies, other(principal="1100.00"), DAY, ANN)
    assert set(lender.store.folder.rglob("*.pdf")) == files
    decline(lender.ledger, "D", DAY, "Ann", "another lender")
    accept(lender.ledger, "D9", DAY, "Ann")
    assert state(lender, "D") == "declined"
    # no name stands in the ledger in plain text
    for table in ("offers", "documents", "signatures", "offer_steps"):
        assert "Example" not in str(lender.ledger.frame(f"SELECT * FROM {{lake}}.{table}").rows())


def _holding(folder: Path, text: str) -> list[str]:
    """Files below a folder that hold a text."""
    return [p.name for p in folder.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


def test_who_is_forgotten_is_nowhere_named_and_the_papers_still_prove(lender: Lender) -> None:
    """The person of A is forgotten, who signed; and that of D before it is signed."""
    ledger, vault = lender.ledger, Vault(lender.people)
    known = vault.put(
        pl.DataFrame({"ref": ["crm-7"], "kind": ["business"], "legal_name": ["Marrowfat Ltd"]}), ANN
    )["person"][0]
    firm = Wanted("instalment-act365", wanted("F").fields, (("borrower", known),), "", "dec-F", "F")
    assert make_offers(ledger, lender.policies, [firm], DAY, ANN) == [firm.offer_id]
    tokens = {key: str(json.loads(offer(ledger, key, DAY)["parties"])[0]["token"]) for key in "ADF"}
    assert tokens["F"] == known
    with pytest.raises(LoanbookError, match="is nobody whose name is known"):
        make_offers(ledger, lender.policies, [replace(firm, loan_key="G", parties=(("borrower", "p_" + "0" * 32),))], DAY, ANN)  # fmt: skip
    other = replace(wanted("D"), parties=(("borrower", "Somebody Else"),))
    with pytest.raises(LedgerConflictError, match="with the same terms and another person"):
        make_offers(ledger, lender.policies, [other], DAY, ANN)
    # shown by role: the clerk sees letters, who has a reason and the right sees the name and from where it signed
    clerk = vault.masked(pl.Series([tokens["A"]]), ANN).row(0, named=True)
    assert (clerk["full_name"], clerk["network_address"]) == ("A…", None)
    opened = vault.open(pl.Series([tokens["A"]]), PROVING, "complaint 12", fields=["full_name", "network_address"])  # fmt: skip
    assert opened.row(0)[3:] == ("Ada Example", "192.0.2.7")
    found = vault.find("full_name", pl.DataFrame({"full_name": ["ada  EXAMPLE"]}), PROVING)
    assert found["person"].to_list() == [tokens["A"]]
    accept(ledger, "D", DAY, "Ann")
    for key in "AD":
        assert erase(vault, tokens[key], PROVING, "asked to be forgotten")
    lender.close("2018-01-05")
    assert vault.masked(pl.Series([tokens["A"], tokens["D"]]), ANN)["state"].to_list() == ["erased"] * 2  # fmt: skip
    tables = ledger.frame("SELECT table_name FROM information_schema.tables WHERE table_catalog = '_lake'")["table_name"]  # fmt: skip
    assert tables.len() > 20
    # data files are compressed and encrypted: as the ledger reads them
    told = {table: str(ledger.frame(f'SELECT * FROM {{lake}}."{table}"').rows()) for table in tables}  # fmt: skip
    for name in ("Ada Example", "Dora Sample", "192.0.2.7"):
        assert _holding(lender.where.home, name) == []
        assert [table for table, rows in told.items() if name in rows] == []
    assert ledger.frame("SELECT * FROM {lake}.payment_accounts").is_empty()  # under no other key
    seen = verified(ledger, lender.store, None, True)
    assert seen.height > 10
    assert set(seen["verdict"]) == {"OK"}
    # and nothing of them comes back: the same line is the same offer, nobody signs or is paid for them
    assert make_offers(ledger, lender.policies, [wanted("A"), other], DAY, ANN) == []
    with pytest.raises(LoanbookError, match="or the person was forgotten"):
        sign(ledger, "D", ("borrower", ""), SIGNED_AT.replace(day=4), ANN)
    with pytest.raises(LoanbookError, match="no name of a party is known any more"):
        lender.vouch("A")


def test_a_paper_has_the_engines_figures_and_its_schedule_in_full(lender: Lender) -> None:
    found = documents_of(lender.ledger, "A")
    assert found["kind"].to_list() == ["agreement", "eu_standard", "offer"]
    paper = Paper.model_validate_json(found["fields"][0])
    fields = [f"{name}={value}" for name, value in wanted("A").fields.items()]
    quote = quoted(lender.policies, "instalment-act365", fields)
    assert paper.figures.total_of_payments == int(quote.instalments["amount"].sum())
    assert list(paper.schedule.amount) == quote.instalments["amount"].to_list()
    assert paper.schedule.balance[-1] == 0
    assert (
        paper.figures.amount_financed + paper.figures.finance_charge
        == paper.figures.total_of_payments
    )
    pdf = lender.store.get(found["sha256"][0])
    words = "".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf))
    for due, amount in zip(paper.schedule.due_date, paper.schedule.amount, strict=True):
        assert due.isoformat() in words
        assert f"{amount / 100:,.2f}" in words
    assert "Example" not in words


def test_a_difference_in_each_field_is_found_between_paper_and_loan(lender: Lender) -> None:
    signed = signed_terms(lender.ledger, pl.Series(["A"]))
    types = empty(Terms).schema
    other = {
        pl.Date: pl.lit(dt.date(1999, 1, 1)), pl.String: pl.lit("2099-01-01:1:1"), pl.Boolean: pl.lit(None, pl.Boolean),
    }  # fmt: skip
    for name in ON_PAPER:
        type_ = types[name].base_type()
        changed = signed.with_columns(
            other.get(type_, pl.col(name).fill_null(0).cast(pl.Int64) + 1)
            .cast(types[name])
            .alias(name)
        )
        assert boarded_otherwise(signed, changed)["field"].to_list() == [name]
    assert boarded_otherwise(signed, signed).is_empty()
    paper = Paper.model_validate_json(documents_of(lender.ledger, "A")["fields"][0])
    for part in ("figures", "schedule"):
        for name, value in getattr(paper, part).model_dump().items():
            moved = {
                name: "9.999"
                if isinstance(value, str)
                else value + 1
                if isinstance(value, int)
                else _later(value)
            }
            changed_part = getattr(paper, part).model_copy(update=moved)
            found = unlike(paper, paper.model_copy(update={part: changed_part}))["field"]
            assert {each.split(".")[1] for each in found} == {name}


def _later(values: tuple) -> tuple:
    first = values[0] + (dt.timedelta(days=1) if isinstance(values[0], dt.date) else 1)
    return (first, *values[1:])


def test_only_what_was_signed_is_boarded_and_the_hand_off_ties(lender: Lender) -> None:
    found = reconciled(lender.ledger, lender.policies, lender.where, DAY)
    assert (found.ties, found.from_tapes) == (True, 1)
    assert found.signed.rows() == [("USD", 3, 1_440_000)]
    assert found.boarded.rows() == [("USD", 3, 1_440_000)]
    assert hand_off(lender.ledger, DAY) == []
    # a tape that says it is of agreements boards what is signed alone, as it was signed
    accept(lender.ledger, "D", DAY, "Ann")
    sign(lender.ledger, "D", ("borrower", ""), SIGNED_AT.replace(day=4), ANN)
    rows = [{**wanted(key, **more).fields, "loan_key": key, "product": "instalment-act365"}
            for key, more in (("D", {"rate_percent": "11", "instalments": "13"}), ("E", {}), ("A", {"principal": "1300.00"}))]  # fmt: skip
    drop(lender.ledger, "loan_tape_2018-01-05_agreement.forged.csv", tape_of(rows))
    take(lender.ledger, lender.policies)
    told = {
        row["rule"]: row["found"]
        for row in lender.ledger.frame("SELECT rule, found FROM {lake}.quarantine").to_dicts()
    }
    assert told.keys() == {"not_as_signed", "no_signed_agreement", "idempotency_conflict"}
    for field in (
        "rate_ppb is 110000000, signed 120000000",
        "instalments is 13, signed 12",
        "emi is ",
    ):
        assert field in told["not_as_signed"]
    waits = reconciled(lender.ledger, lender.policies, lender.where, DAY)
    assert waits.breaks.select("loan_key", "rule").rows() == [("D", "not_boarded")]
    hand_off(lender.ledger, DAY)
    take(lender.ledger, lender.policies)
    assert reconciled(lender.ledger, lender.policies, lender.where, DAY).ties
    # a loan whose terms are changed behind the signature's back
    lender.ledger.connection.execute(
        "UPDATE _lake.events SET payload = replace(payload, '\"rate_ppb\":120000000', '\"rate_ppb\":130000000') "
        "WHERE kind = 0 AND source_ref = 'A'"
    )
    breaks = reconciled(lender.ledger, lender.policies, lender.where, DAY).breaks
    assert set(breaks["loan_key"]) == {"A"}
    assert {
        "terms.rate_ppb",
        "figures.interest",
        "figures.apr_percent",
        "schedule.interest.1",
    } <= set(breaks["field"])


def test_the_place_says_what_is_disclosed_and_its_rate() -> None:
    """1,000 lent, 1,200 back after a year and a half: 12.92 % (Directive 98/7/EC, Annex III, first example)."""
    rules = read_policies().in_force(AgreementRules, "standard", MADE)
    told = {
        code: rules.place(code, money)
        for code, money in (
            ("US-CA", "USD"),
            ("IN", "INR"),
            ("DE", "USD"),
            ("", "EUR"),
            ("JP", "JPY"),
        )
    }
    assert [place and place.disclosure for place in told.values()] == [
        "truth_in_lending",
        "key_facts",
        "eu_standard",
        "eu_standard",
        None,
    ]
    policies = read_policies()
    loan = would_be_boarded(policies, "flat-rate", fields_of([
        "principal=1000.00", "rate_percent=13.3333333", "instalments=1", "every=18", "unit=months", "disbursed_on=2020-01-01",
        "first_due_date=2021-07-01"]))  # fmt: skip
    nothing = pl.DataFrame(schema={"loan_id": pl.Int64, "cost": pl.Int64})
    found = eu_apr(agreed_terms(loan, policies.pins), nothing)
    assert round(found["apr"].item(), 2) == 12.92


def test_a_clerk_goes_from_offer_to_hand_off_by_commands(
    lender: Lender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOANBOOK_HOME", str(lender.where.home))
    lender.ledger.close()
    told = tmp_path / "offers.jsonl"
    told.write_text(json.dumps({"product": "instalment-act365", "terms": wanted("F").fields, "loan_key": "F", "decision_id": "dec-F",
                                "parties": [{"role": "borrower", "name": "Fay Example"}]}) + "\n")  # fmt: skip

    def says(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, list(arguments))
        assert done.exit_code == code, done.output + str(done.exception)
        return done.output

    assert "1 offer made" in says("offers", "make", str(told), "--on", "2018-01-04")
    says("offers", "accept", "F", "--on", "2018-01-04")
    says("offers", "sign", "F", "--signer", "borrower", "--on", "2018-01-04")
    assert "landed: " in says("offers", "board", "--on", "2018-01-04")
    assert "not_boarded" in says("offers", "check", "--on", "2018-01-04", code=1)
    assert "4 files OK, 0 FAIL" in says("documents", "verify", "F")
    gates = json.loads(says("disburse", "gates", "F", "--on", "2018-01-05", "--json"))
    assert [row["gate"] for row in gates] == [
        "kyc_not_passed",
        "no_account",
        "ownership_not_confirmed",
        "not_boarded",
    ]
    lender.ledger = Ledger(lender.where)


DECIDED = """
    INSERT INTO _lake.applications (application_id, applicant) VALUES ('app-D2', 'who');
    INSERT INTO _lake.applicant_facts (applicant, source, record, field, word, as_of, known_on) VALUES
        ('who', 'kyc', 'k1', 'kyc', 'review', '2018-01-01', '2018-01-01'), ('who', 'kyc', 'k2', 'kyc', 'passed', '2018-01-02', '2018-01-02');
    INSERT INTO _lake.decisions (decision_id, application_id, role, outcome, product, amount, rate_ppb, term) VALUES
        ('dec-D2', 'app-D2', 'champion', 'approved', 'instalment-act365', 120000, 120000000, 12),
        ('dec-no', 'app-D2', 'champion', 'rejected', 'instalment-act365', NULL, NULL, NULL)
"""


def test_an_offer_is_what_was_decided_and_its_case_follows(lender: Lender) -> None:
    ledger, at = lender.ledger, dt.datetime(2018, 1, 4)
    ledger.connection.execute(DECIDED)
    events = pl.DataFrame({"event": ["submitted", "review_begun", "approved"]}).with_columns(
        application_id=pl.lit("app-D2"), event_no=pl.int_range(3, dtype=pl.Int64), happened_at=pl.lit(at).cast(pl.Datetime("us")),
        actor=pl.lit("a"), reason=pl.lit(""), reference=pl.lit(""),
    )  # fmt: skip
    append(ledger, events.select(CASE_EVENTS.names()), head(ledger), at=at)

    def offered(decision: str, **terms: str) -> list[str]:
        told = Wanted(
            "instalment-act365",
            wanted("D").fields | terms,
            (("borrower", "Dora Sample"),),
            "app-D2",
            decision,
            "D2",
        )
        return make_offers(ledger, lender.policies, [told], DAY, ANN)

    for decision, terms, said in (
        ("", {}, "has no decision of that id"), ("dec-no", {}, "was not approved"),
        ("dec-D2", {"principal": "1200.01"}, "is offered more than was decided"),
        ("dec-D2", {"rate_percent": "11"}, "is offered another rate"), ("dec-D2", {"instalments": "13"}, "is offered another term"),
    ):  # fmt: skip
        with pytest.raises(LoanbookError, match=f"application app-D2 {said}"):
            offered(decision, **terms)
    offered("dec-D2")

    def case() -> str:
        follow(ledger, at)
        return str(cases(events_of(ledger))["state"].item())

    assert case() == "approved"
    accept(ledger, "D2", DAY, "Ann")
    sign(ledger, "D2", ("borrower", ""), SIGNED_AT.replace(day=4), ANN)
    assert (case(), follow(ledger, at)) == ("signed", 0)
    held = held_back(ledger, lender.policies, offer(ledger, "D2", DAY), 120_000, DAY)[
        "gate"
    ].to_list()
    assert held == [
        "no_account",
        "ownership_not_confirmed",
        "not_boarded",
    ]  # the file of checks said that identity passed
    withdraw(lender.desk, ledger, "D2", DAY, ANN)
    assert case() == "withdrawn"


def test_dagster_shows_that_agreements_tie_and_stops_where_they_do_not(
    lender: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loanbook.pipelines.agreements.assets import BOARDED, GROUNDED, PROVEN, agreements

    monkeypatch.setenv("LOANBOOK_HOME", str(lender.where.home))
    lost = documents_of(lender.ledger, "A")["sha256"][0]
    lender.store.path(lost).unlink()
    lender.ledger.close()
    monkeypatch.setattr("loanbook.pipelines.resources.read_policies", lambda *_: lending())
    found = {
        each.check_name: each.passed
        for each in agreements()
        if isinstance(each, dg.AssetCheckResult)
    }
    assert found == {BOARDED: True, GROUNDED: True, PROVEN: False}
    lender.ledger = Ledger(lender.where)
