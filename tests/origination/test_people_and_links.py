"""Consents that end use, checks of identity, and what applications share."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from loanbook.core.origination.facts import as_known
from loanbook.core.origination.links import LINKED, components, neighbours, velocity
from loanbook.core.policy.book import PolicyBook
from loanbook.core.store.origination.reading import facts_of
from loanbook.core.store.writer import Ledger
from loanbook.pipelines.origination.gathering import gathered
from tests.origination.test_taking_in import HEADER, _report, _row
from tests.pipelines.files import drop, rules, take

HASH = "ab" * 32
CONSENTS = "consent_ref,applicant,purpose,given,text_hash,text_version,channel,given_at\n"
CHECKS = "check_ref,applicant,provider,result,checked_on,list_version\n"


def _asked(ledger: Ledger, on: dt.date) -> dict[str, dict[str, object]]:
    """Inputs of every application as known on a date."""
    rows = ledger.frame("SELECT * FROM {lake}.applications").with_columns(pl.lit(on).alias("on"))
    return {row["application_id"]: row for row in gathered(ledger, rows).to_dicts()}


def test_a_withdrawn_consent_ends_the_use_of_what_was_told_from_its_day_on(
    ledger: Ledger, policies: PolicyBook
) -> None:
    drop(
        ledger,
        "applications_2018-02-01.csv",
        HEADER + _row("a") + _row("b", device="d-a") + _row("c", device=""),
    )
    drop(ledger, "bureau_2018-02-01.jsonl", _report("person-a", "R1"))
    drop(ledger, "consents_2018-02-01.csv", CONSENTS
         + f"C1,person-a,bureau,yes,{HASH},v1,web,2018-01-31T10:00:00Z\n"
         + f"C2,person-a,bureau,maybe,{HASH},v1,web,2018-01-31T10:00:00Z\n"
         + f"C3,person-a,phone,yes,{HASH},v1,web,2018-01-31T10:00:00Z\n"
         + "C4,person-a,bureau,yes,abc,v1,web,2018-01-31T10:00:00Z\n"
         + f"C5,person-a,bureau,yes,{HASH},v1,web,2018-02-02T00:00:00Z\n"
         + f"C6,person-a,bureau,yes,{HASH},v1,web,yesterday\n")  # fmt: skip
    drop(ledger, "consents_2018-02-03.jsonl", json.dumps({
        "consent_ref": "C9", "applicant": "person-a", "purpose": "bureau", "given": "no", "text_hash": HASH, "text_version": "v1",
        "channel": "branch", "given_at": "2018-02-03T09:30:00Z"}) + "\n")  # fmt: skip
    drop(
        ledger,
        "kyc_2018-02-01.csv",
        CHECKS
        + "K1,person-a,synthetic-kyc,review,2018-02-01,L7\nK2,person-a,synthetic-kyc,fine,2018-02-01,L7\n",
    )
    drop(
        ledger,
        "kyc_2018-02-04.csv",
        CHECKS
        + "K3,person-a,synthetic-kyc,passed,2018-02-04,L8\nK1,person-a,synthetic-kyc,passed,2018-02-01,L7\n",
    )
    report = take(ledger, policies)
    assert report.reconciles
    assert rules(ledger, "consents_2018-02-01.csv") == {
        3: "given_not_yes_or_no", 4: "consent_purpose_not_known", 5: "text_hash_not_a_hash", 6: "given_in_the_future",
        7: "given_at_not_a_time",
    }  # fmt: skip
    assert rules(ledger, "kyc_2018-02-01.csv") == {3: "result_not_known"}
    assert rules(ledger, "kyc_2018-02-04.csv") == {3: "idempotency_conflict"}
    first = _asked(ledger, dt.date(2018, 2, 2))["applications/a"]
    assert (first["consent_bureau"], first["bankruptcies"], first["kyc"]) == (True, 0, "review")
    after = _asked(ledger, dt.date(2018, 2, 4))["applications/a"]
    assert (after["consent_bureau"], after["bankruptcies"], after["kyc"]) == (False, None, "passed")
    assert after["bureau_age_days"] is None
    other = _asked(ledger, dt.date(2018, 2, 2))
    assert (
        other["applications/b"]["device_applications_1d"],
        other["applications/b"]["linked_persons"],
    ) == (1, 1)
    assert (
        other["applications/c"]["device_applications_1d"],
        other["applications/c"]["linked_persons"],
    ) == (None, 0)
    history = ledger.frame(
        "SELECT given, text_version, channel FROM {lake}.consents ORDER BY consent_id"
    )
    assert history.rows() == [(True, "v1", "web"), (False, "v1", "branch")], "nothing is edited"
    facts = facts_of(ledger, ledger.frame("SELECT applicant FROM {lake}.applications")["applicant"])
    assert facts.filter(pl.col("source") == "consent_bureau").height == 2
    assert as_known(
        facts,
        pl.DataFrame(schema={"application_id": pl.String, "applicant": pl.String, "on": pl.Date}),
    ).is_empty()


def _links(*rows: tuple[str, str, str, int]) -> pl.DataFrame:
    first = dt.date(2024, 3, 1)
    return pl.DataFrame(
        [(a, k, t, first + dt.timedelta(days=d)) for a, k, t, d in rows],
        schema=LINKED,
        orient="row",
    )


def test_velocity_counts_others_within_its_window_and_none_that_came_later() -> None:
    links = _links(("a", "device", "x", 10), ("b", "device", "x", 9), ("c", "device", "x", 8), ("d", "device", "x", 11),
                   ("a", "address", "y", 10), ("e", "address", "y", 3), ("f", "address", "y", 2),
                   *((name, "applicant", f"p-{name}", 0) for name in "abcdef"))  # fmt: skip
    asked = pl.DataFrame(
        {"application_id": ["a", "f"], "on": [dt.date(2024, 3, 11), dt.date(2024, 3, 3)]}
    )
    assert velocity(links, asked).rows() == [("a", 1, 1, None), ("f", None, 0, None)]
    refused = pl.DataFrame(
        {"application_id": ["b", "c"], "on": [dt.date(2024, 3, 11), dt.date(2024, 3, 12)]}
    )
    # b, c, e, f are linked by the eleventh; d came later; c was rejected later
    assert neighbours(links, asked, refused).rows() == [("a", 4, 1), ("f", 0, 0)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=25))
def test_components_are_those_of_a_union_find(edges: list[tuple[int, int]]) -> None:
    parent = {f"a{n}": f"a{n}" for n in {one for one, _ in edges}}

    def root(name: str) -> str:
        return name if parent[name] == name else root(parent[name])

    by_token: dict[int, str] = {}
    for one, token in edges:
        other = by_token.setdefault(token, f"a{one}")
        low, high = sorted((root(f"a{one}"), root(other)))
        parent[high] = low
    found = dict(
        components(_links(*((f"a{one}", "phone", f"t{token}", 0) for one, token in edges))).rows()
    )
    assert found == {name: root(name) for name in parent}


def _move(
    number: int, day: str, amount: str, category: str = "", **changes: object
) -> dict[str, object]:
    return {"transaction_id": f"t{number}", "account_id": "x", "date": day, "amount": float(amount), "iso_currency_code": "USD",
            "pending": False, "personal_finance_category": {"primary": category}} | changes  # fmt: skip


def test_bank_data_become_cash_flows_that_are_what_they_were_when_they_were_known(
    ledger: Ledger, policies: PolicyBook
) -> None:
    moves = [
        _move(1, "2018-01-31", "-3000.00", "INCOME"), _move(2, "2018-01-02", "-3000.00", "INCOME"),
        _move(3, "2018-01-15", "1200.50"), _move(3, "2018-01-15", "1200.50"),  # once
        _move(4, "2018-01-20", "99.00", pending=True), _move(5, "2018-01-21", "35.00", "RETURNED"),
        _move(6, "2017-10-01", "-500.00"),  # before the 90 days, but history
        _move(7, "2018-02-01", "-9999.00", "INCOME"),  # after the day that the data are of
    ]  # fmt: skip
    told = {"item_id": "I1", "applicant": "person-a", "as_of": "2018-01-31", "transactions": moves,
            "accounts": [{"account_id": "x", "balances": {"current": 1500.25, "iso_currency_code": "USD"}},
                         {"account_id": "y", "balances": {"current": -20, "iso_currency_code": "USD"}}]}  # fmt: skip
    euro = told | {
        "item_id": "I2",
        "transactions": [_move(1, "2018-01-01", "1.00", iso_currency_code="EUR")],
    }
    finer = told | {"item_id": "I3", "transactions": [_move(1, "2018-01-01", "1.005")]}
    drop(ledger, "applications_2018-02-01.csv", HEADER + _row("a"))
    drop(
        ledger,
        "bank_data_2018-02-01.jsonl",
        "".join(json.dumps(each) + "\n" for each in (told, euro, finer, told)),
    )
    drop(
        ledger,
        "bank_data_2018-02-09.jsonl",
        json.dumps(told | {"as_of": "2018-02-08", "transactions": []}) + "\n",
    )
    drop(
        ledger,
        "bureau_2018-02-01.jsonl",
        _report("person-a", "R1") + _report("person-a", "R1", bankruptcies=9),
    )
    report = take(ledger, policies)
    assert report.reconciles
    assert rules(ledger, "bank_data_2018-02-01.jsonl") == {
        2: "bank_data_not_read",
        3: "bank_data_not_read",
    }
    assert rules(ledger, "bureau_2018-02-01.jsonl") == {2: "idempotency_conflict"}
    row = _asked(ledger, dt.date(2018, 2, 1))["applications/a"]
    assert row["bankruptcies"] == 0, "what is in conflict tells nothing"
    assert {name: row[name] for name in row if name.startswith("bank_")} == {
        "bank_balance": 148_025, "bank_days": 123, "bank_inflow_month": 200_000,
        "bank_outflow_month": 41_183,  # a third of 1,235.50
        "bank_net_month": 158_816, "bank_income_year": 2_433_333, "bank_returned_90d": 1, "bank_age_days": 1,
    }  # fmt: skip
    later = _asked(ledger, dt.date(2018, 2, 9))["applications/a"]
    assert (later.get("bank_income_year"), later["bank_age_days"]) == (None, 1), (
        "a newer record stands as a whole"
    )


def test_how_long_providers_took_is_told_by_provider_and_what_told_no_time_counts_as_a_call() -> (
    None
):
    from loanbook.core.store.origination.calls import by_provider

    days = [dt.date(2018, 2, 1 + n % 3) for n in range(100)]
    calls = pl.DataFrame({
        "what": ["identity"] * 100 + ["ownership"], "provider": ["synthetic"] * 101, "reference": [str(n) for n in range(101)],
        "code": ["ok"] * 101, "latency_ms": [*range(1, 101), None], "on_date": [*days, dt.date(2018, 2, 9)],
    }, schema_overrides={"latency_ms": pl.Int64})  # fmt: skip
    identity, ownership = by_provider(calls).rows()
    # of 1 to 100 ms: half took 50 or 51, 95 of a hundred 95 or less
    assert identity[:4] == ("identity", "synthetic", 100, 100)
    assert identity[4] in (50, 51)
    assert identity[5:] == (95, 100, dt.date(2018, 2, 3))
    assert ownership == ("ownership", "synthetic", 1, 0, None, None, None, dt.date(2018, 2, 9))
