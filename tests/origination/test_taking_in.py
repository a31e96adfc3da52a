"""Partners' files and bureaus' reports: taken in once, refused with the rule, decided as of their day, made again."""

from __future__ import annotations

import datetime as dt
import io
import json
from typing import Any

import polars as pl
import pytest

from loanbook.core.errors import LedgerConflictError, LedgerError, PolicyError
from loanbook.core.origination.case import CASE_EVENTS, cases, funnel
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.decisions.decision import DecisionPolicy
from loanbook.core.store.origination.reading import decisions_of, events_of, inputs_of
from loanbook.core.store.origination.writing import append, head
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.sending.vault import Vault
from loanbook.core.store.upkeep.used_policies import as_stored
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.origination.deciding import decide_waiting, made_again
from tests.pipelines.files import drop, rules, take

NOON = dt.datetime(2018, 2, 1, 12)
HEADER = "application_ref,product,amount,currency,term,submitted_on,applicant,co_applicant,purpose,income_year,housing,device,state\n"
ATTRIBUTES = {
    "debt_to_income_bp": 1500, "inquiries_12m": 0, "accounts_opened_24m": 1, "utilisation_bp": 2000, "history_months": 200,
    "card_limit": 4_000_000, "bankruptcies": 0, "mortgages": 1, "accounts_past_due": 0, "accounts_past_due_120": 0,
    "collections_12m": 0, "tax_liens": 0, "obligations_month": 100_000,
}  # fmt: skip


def _row(ref: str, **changes: str) -> str:
    told = {"product": "lendingclub-personal", "amount": "10000.00", "currency": "USD", "term": "36", "submitted_on": "2018-02-01",
            "applicant": f"person-{ref}", "co": "", "purpose": "car", "income": "80000.00", "housing": "own", "device": f"d-{ref}",
            "state": "NJ"} | changes  # fmt: skip
    return ",".join([ref, *told.values()]) + "\n"


def _report(person: str, number: str, drawn: str = "2018-01-30", **changes: Any) -> str:
    told = {"report_id": number, "applicant": person, "bureau": "synthetic-bureau", "drawn_on": drawn,
            "attributes": {k: v for k, v in (ATTRIBUTES | changes).items() if v is not None}}  # fmt: skip
    return json.dumps(told) + "\n"


def _decide(ledger: Ledger, policies: PolicyBook) -> dict[str, tuple[str, str]]:
    made = decide_waiting(ledger, policies, at=dt.datetime.now(dt.UTC).replace(tzinfo=None))
    return {
        row["application_id"]: (row["outcome"], row["missing"]) for row in made.decisions.to_dicts()
    }


def _states(ledger: Ledger) -> dict[str, str]:
    return dict(cases(events_of(ledger)).select("application_id", "state").rows())


def test_an_application_and_its_report_become_a_decision_that_the_future_does_not_reach(
    ledger: Ledger, policies: PolicyBook
) -> None:
    drop(
        ledger,
        "applications_2018-02-01.csv",
        HEADER + "".join(map(_row, ("good", "none", "early"))),
    )
    drop(
        ledger,
        "bureau_2018-02-01.jsonl",
        _report("person-good", "R1") + _report("person-early", "R2", accounts_past_due_120=None),
    )
    # planted: drawn before, known after; a bankruptcy that nobody knew on the day
    drop(
        ledger,
        "bureau_2018-02-05.jsonl",
        _report("person-good", "R3", "2018-01-31", bankruptcies=3)
        + _report("person-none", "R4", "2018-02-04"),
    )
    report = take(ledger, policies)
    assert (report.accepted, report.quarantined, report.duplicates) == (7, 0, 0)
    found = _decide(ledger, policies)
    assert found["applications/good"] == ("approved", "")
    outcome, missing = found["applications/none"]
    assert outcome == "referred"
    assert set(missing.split(",")) >= {
        "history_months",
        "accounts_past_due",
        "obligations_month",
        "bureau_age_days",
    }
    assert found["applications/early"] == ("referred", "accounts_past_due_120")
    assert _states(ledger) == {"applications/good": "approved", "applications/none": "need_more_information",
                               "applications/early": "need_more_information"}  # fmt: skip
    # what was missing came on the fifth: decided again as of that day, without the clerk
    drop(ledger, "bureau_2018-02-06.jsonl", _report("person-early", "R5", "2018-02-05"))
    take(ledger, policies)
    assert _decide(ledger, policies) == {
        "applications/early": ("approved", ""),
        "applications/none": ("approved", ""),
    }
    again = decisions_of(ledger, "application_id = 'applications/early'")
    assert again["decided_at"].dt.date().to_list() == [dt.date(2018, 2, 1), dt.date(2018, 2, 6)]
    assert _decide(ledger, policies) == {}, "nothing waits"
    count, wrong = made_again(ledger)
    assert (count, wrong.height) == (5, 0)
    # what decided keeps its content, as what loans live by: every command that writes says so, not the next decision
    (champion,) = (p for _, p in policies.policies if isinstance(p, DecisionPolicy))

    def with_champion(*champions: DecisionPolicy) -> PolicyBook:
        others = [each for each in policies.policies if each[1] is not champion]
        return PolicyBook(
            (*others, *(("decisions", each) for each in champions)), policies.registry
        )

    for champions, said in (
        ((champion.model_copy(update={"minimum_minor": 1}),), r"decisions/personal-loan@1 was used .*minimum_minor was '100000', is '1'"),
        ((), "decided on applications, but no file holds it.*FROM decision_policies WHERE policy = 'personal-loan'"),
    ):  # fmt: skip
        with pytest.raises(PolicyError, match=said):
            ledger.register(with_champion(*champions))
        assert (
            as_stored(ledger, with_champion(*champions)).in_force(
                DecisionPolicy, "personal-loan", NOON.date()
            )
            == champion
        )
    reworded = champion.model_copy(update={"description": "Said better."})
    drop(ledger, "applications_2018-02-07.csv", HEADER + _row("late"))
    book = ledger.register(with_champion(reworded))
    take(ledger, book)
    assert set(_decide(ledger, book)) == {"applications/late"}
    assert made_again(ledger)[1].is_empty()


def test_a_decision_rests_on_what_is_stored_and_whoever_changes_that_is_found(
    ledger: Ledger, policies: PolicyBook
) -> None:
    drop(ledger, "applications_2018-02-01.csv", HEADER + _row("a"))
    drop(ledger, "bureau_2018-02-01.jsonl", _report("person-a", "R1"))
    take(ledger, policies)
    _decide(ledger, policies)
    ledger.connection.execute(
        "UPDATE _lake.decision_inputs SET inputs = replace(inputs, '\"bankruptcies\":0', '\"bankruptcies\":2')"
    )
    count, wrong = made_again(ledger)
    assert (count, wrong.select("application_id", "outcome", "outcome_again").rows()) == (
        1, [("applications/a", "approved", "rejected")],
    )  # fmt: skip


def test_a_report_leads_back_to_its_original_and_no_plain_person_is_kept(
    ledger: Ledger, policies: PolicyBook
) -> None:
    drop(ledger, "applications_2018-02-01.csv", HEADER + _row("a", co="person-b"))
    text = _report("person-a", "R1")
    drop(ledger, "bureau_2018-02-01.jsonl", text)
    lines = (
        "report_id,applicant,bureau,drawn_on,record,currency,account_type,opened_on,closed_on,limit,balance,payment,days_past_due,last_late_on,dated\n"
        "T1,person-b,two,2018-01-31,trade,USD,card,2010-01-31,,1000.00,250.00,25.00,0,,\n"
        "T1,person-b,two,2018-01-31,trade,USD,mortgage,2017-03-01,,200000.00,190000.00,900.10,45,2017-11-30,\n"
        "T1,person-b,two,2018-01-31,trade,USD,car,2005-06-01,2008-06-01,9000.00,0.00,0.00,0,,\n"
        "T1,person-b,two,2018-01-31,inquiry,USD,,,,,,,,,2017-06-01\n"
        "T2,person-c,two,2018-01-31,trade,USD,card,2010-01-31,,abc,250.00,25.00,0,,\n"
        "T2,person-c,two,2018-01-31,inquiry,USD,,,,,,,,,2017-06-01\n"
    )
    drop(ledger, "bureau_2018-02-01_lines.csv", lines)
    report = take(ledger, policies)
    assert (report.accepted, report.quarantined) == (1 + 1 + 4, 2)
    assert rules(ledger, "bureau_2018-02-01_lines.csv") == {
        6: "attribute_not_a_whole_number",
        7: "report_has_a_refused_line",
    }
    facts = ledger.frame(
        "SELECT field, number, path FROM {lake}.applicant_facts WHERE record = 'two/T1'"
    )
    told = dict(facts.select("field", "number").rows())
    assert (
        told["total_accounts"],
        told["open_accounts"],
        told["credit_limit"],
        told["credit_used"],
    ) == (3, 2, 20_100_000, 19_025_000)
    assert (told["obligations_month"], told["accounts_past_due"], told["mortgages"]) == (
        92_510,
        1,
        1,
    )
    assert (
        told["history_months"],
        told["months_since_delinquency"],
        told["accounts_opened_24m"],
    ) == (151, 2, 1)
    assert (told["inquiries_12m"], told["never_late_bp"], told["utilisation_bp"]) == (
        1,
        6_666,
        9_465,
    )
    assert set(facts["path"]) == {"lines 2,3,4,5"}
    ((sha, sealed),) = ledger.frame(
        "SELECT sha256, sealed FROM {lake}.originals WHERE record = 'synthetic-bureau/R1'"
    ).rows()
    assert Vault(ledger.settings.lake).opened_text("synthetic-bureau/R1", sealed) == text.strip()
    path = ledger.frame(
        "SELECT path FROM {lake}.applicant_facts WHERE field = 'inquiries_12m' AND record LIKE '%R1'"
    ).item()
    assert path == "$.attributes.inquiries_12m"
    for table in ("applications", "application_links", "applicant_facts", "case_events"):
        kept = ledger.frame(f"SELECT * FROM {{lake}}.{table}").write_csv()
        assert "person-" not in kept, table
    links = ledger.frame("SELECT kind, token FROM {lake}.application_links ORDER BY kind")
    assert links["kind"].to_list() == ["applicant", "co_applicant", "device"]
    kind, borrowers = ledger.frame("SELECT applicant_kind, borrowers FROM {lake}.applications").row(
        0
    )
    assert (kind, borrowers) == ("joint", 2)
    assert len(sha) == 64


def test_each_form_of_a_file_is_read_alike_and_each_bad_row_is_refused_by_its_rule(
    ledger: Ledger, policies: PolicyBook
) -> None:
    bad = {
        "unknown_product": {"product": "no-such"}, "requested_amount_out_of_bounds": {"amount": "999.99"},
        "requested_amount_not_an_amount": {"amount": "1e4"}, "requested_term_out_of_bounds": {"term": "72"},
        "requested_term_not_a_number": {"term": "36.5"}, "currency_is_not_the_products": {"currency": "EUR"},
        "submitted_on_not_a_date": {"submitted_on": "01/02/2018"}, "submitted_in_the_future": {"submitted_on": "2018-02-02"},
        "applicant_missing": {"applicant": ""}, "income_not_an_amount": {"income": "80k"},
    }  # fmt: skip
    for form, first in (("csv", 3), ("jsonl", 2), ("parquet", 2), ("pq", 2)):
        body = (
            HEADER
            + _row(f"{form}-good")
            + "".join(_row(f"{form}-{n}", **each) for n, each in enumerate(bad.values()))
        )
        frame = pl.read_csv(io.StringIO(body), infer_schema=False).fill_null("")
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        lines = "".join(json.dumps(row) + "\n" for row in frame.to_dicts())
        data = {"csv": body.encode(), "jsonl": lines.encode()}.get(form, buffer.getvalue())
        drop(ledger, f"applications_2018-02-01.{form}", data)
        report = take(ledger, policies)
        assert (report.accepted, report.quarantined) == (1, len(bad)), form
        assert rules(ledger, f"applications_2018-02-01.{form}") == dict(
            enumerate(bad, start=first)
        ), form
    kept = ledger.frame(
        "SELECT DISTINCT amount, term, income_year, purpose, housing FROM {lake}.applications"
    )
    assert kept.rows() == [(1_000_000, 36, 8_000_000, "car", "own")]


def test_a_partner_has_its_contract_a_known_row_changes_nothing_and_another_content_is_a_conflict(
    ledger: Ledger, policies: PolicyBook
) -> None:
    drop(ledger, "applications_2018-02-01.csv", HEADER + _row("a") + _row("b"))
    drop(
        ledger,
        "applications_2018-02-02.csv",
        HEADER + _row("a") + _row("b", amount="12000.00") + _row("c") + _row("c"),
    )
    drop(ledger, "applications_2018-02-03.csv", HEADER.replace("purpose", "birth_date") + _row("d"))
    drop(
        ledger,
        "applications_2018-02-04.jsonl",
        '{"application_ref": "x", "a": {}}\nnot json\n{"a": 1, "a": 2}\n',
    )
    drop(
        ledger, "applications_2018-02-05.csv", HEADER.replace("purpose", "family_name") + _row("d")
    )
    report = take(ledger, policies)
    assert (report.accepted, report.duplicates, report.quarantined) == (3, 2, 1)
    assert rules(ledger, "applications_2018-02-02.csv") == {3: "idempotency_conflict"}
    refused = dict(report.refused)
    for day in ("03", "05"):
        said = refused[f"applications_2018-02-{day}.csv"]
        assert "names, birth dates and numbers of people are not kept" in said
    assert "has no field product" in refused["applications_2018-02-04.jsonl"]


def test_a_jump_or_a_second_run_at_once_keeps_nothing(ledger: Ledger, policies: PolicyBook) -> None:
    drop(ledger, "applications_2018-02-01.csv", HEADER + _row("a"))
    drop(ledger, "bureau_2018-02-01.jsonl", _report("person-a", "R1"))
    take(ledger, policies)
    at = dt.datetime(2018, 2, 1)

    def event(name: str) -> pl.DataFrame:
        return pl.DataFrame(
            [("applications/a", 0, name, at, "synthetic:clerk", "", "")],
            schema=CASE_EVENTS,
            orient="row",
        )

    with pytest.raises(
        LedgerError, match="a case whose state is 'submitted' can't become 'signed'"
    ):
        append(ledger, event("signed"), head(ledger), at=NOON)
    stale = head(ledger)
    append(ledger, event("review_begun"), stale, at=NOON)
    with pytest.raises(LedgerConflictError, match="meanwhile"):
        append(ledger, event("withdrawn"), stale, at=NOON)
    assert _states(ledger) == {"applications/a": "in_review"}
    assert funnel(events_of(ledger))["now"].sum() == 1
    append(ledger, event("withdrawn"), head(ledger), at=NOON)
    assert _decide(ledger, policies) == {}, "what was withdrawn is not decided"


def test_what_was_decided_is_read_through_views_and_inputs_lead_back_to_it(
    ledger: Ledger, policies: PolicyBook
) -> None:
    drop(ledger, "applications_2018-02-01.csv", HEADER + _row("a"))
    drop(ledger, "bureau_2018-02-01.jsonl", _report("person-a", "R1"))
    take(ledger, policies)
    _decide(ledger, policies)
    decided = decisions_of(ledger)
    (text,) = inputs_of(ledger, decided["input_hash"])["inputs"]
    assert json.loads(text)["bankruptcies"] == 0
    reader = LedgerReader(ledger.settings)
    seen = reader.sql("SELECT outcome, grade, amount FROM decisions")
    assert seen.row(0) == (decided["outcome"][0], decided["grade"][0], decided["amount"][0])
    reader.close()
