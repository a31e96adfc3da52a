"""Mandates: created by an order, changed and ended by orders, their accounts nowhere in plain text."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loanbook.core.access.actor import Actor
from loanbook.core.errors import LedgerError
from loanbook.core.payments.out.accounts import iban, routing_number
from loanbook.core.payments.out.mandates import mandates_on, with_use
from loanbook.core.policy.originators import iban_holds, routing_number_holds
from loanbook.core.store.people.database import open_people
from loanbook.core.store.sending.instructions import opened_accounts, with_accounts
from loanbook.core.store.sending.vault import KEY_FILE, Vault
from loanbook.core.store.vault.forgetting import erase
from loanbook.core.store.vault.vault import Vault as Persons
from loanbook.core.store.writer import Ledger
from tests.payments.a_mandated_book import ACCOUNT, CONSENT, HEAD, HOLDER, change, create
from tests.pipelines.files import LOANS, close_landed, drop, rules, take, weekly_loan


def on(ledger: Ledger, day: str) -> dict[str, dict]:  # type: ignore[type-arg]
    date = dt.date.fromisoformat(day)
    rows = mandates_on(ledger.stored_events("true", []), date)
    return {row["mandate"]: row for row in rows.to_dicts()}


def test_a_mandate_lives_by_its_orders(with_mandates: Ledger) -> None:
    assert rules(with_mandates, "commands_2018-01-15.csv") == {
        3: "mandate_has_ended", 4: "unknown_target", 5: "idempotency_conflict",
    }  # fmt: skip
    states = {day: {ref: row["state"] for ref, row in on(with_mandates, day).items()}
              for day in ("2018-01-02", "2018-01-09", "2018-01-12", "2018-01-20", "2018-02-02")}  # fmt: skip
    assert states == {
        "2018-01-02": {},
        "2018-01-09": {"MA": "active", "MB": "active", "MC": "created", "MD": "active", "ME": "active"},
        "2018-01-12": {"MA": "suspended", "MB": "active", "MC": "created", "MD": "active", "ME": "revoked"},
        "2018-01-20": {"MA": "active", "MB": "active", "MC": "active", "MD": "active", "ME": "revoked"},
        "2018-02-02": {"MA": "active", "MB": "expired", "MC": "active", "MD": "active", "ME": "revoked"},
    }  # fmt: skip
    later = on(with_mandates, "2018-01-20")
    assert later["MA"] | {"event": None, "account": None, "loan_id": None} == {
        "mandate": "MA", "loan_id": None, "originator": "ach", "account": None, "cap": 15_000,
        "collects": "recurring", "starts": dt.date(2018, 1, 3), "ends": None, "payday": None,
        "channel": "web", "consent": CONSENT, "consented_at": "2018-01-02T09:30:00Z",
        "signed": dt.date(2018, 1, 2), "currency": 0, "state": "active", "since": dt.date(2018, 1, 15),
        "reason": "asked_by_payer", "event": None,
    }  # fmt: skip
    before = on(with_mandates, "2018-01-09")
    assert (before["MB"]["cap"], later["MB"]["cap"], later["MB"]["payday"]) == (15_000, 9_900, 15)
    assert before["MB"]["account"] == before["MA"]["account"] != later["MB"]["account"]
    assert later["MD"]["cap"] is None


def test_a_mandate_that_serves_once_or_lies_idle_expires(with_mandates: Ledger) -> None:
    date = dt.date(2018, 6, 1)
    rows = mandates_on(with_mandates.stored_events("true", []), date)
    used = pl.DataFrame({"mandate": ["MD", "MA"], "last_used": [dt.date(2018, 1, 16)] * 2})
    seen = with_use(rows, used, {"ach": 4}, date)
    found = {r["mandate"]: (r["state"], r["since"], r["reason"]) for r in seen.to_dicts()}
    assert found["MD"] == ("expired", dt.date(2018, 1, 16), "used")
    assert found["MA"] == ("expired", dt.date(2018, 5, 17), "idle")
    assert found["MC"] == ("expired", dt.date(2018, 5, 3), "idle")
    assert found["ME"][0] == "revoked"
    assert "last_used" not in seen.columns


def test_a_mandate_is_refused_where_bank_or_consent_are_not_what_they_should_be(
    new_ledger: Ledger,
) -> None:
    drop(new_ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + weekly_loan("A"))
    drop(new_ledger, "commands_2018-01-03.csv", HEAD
         + create("x1", "A", bank="021000012") + create("x2", "A", originator="sepa", bank="", account="DE89370400440532013000")
         + create("x3", "A", originator="nobody") + create("x4", "A", consent="yes")
         + create("x 5", "A") + create("x6", "A", account="1" * 18) + create("x7", "A", collects="twice")
         + create("x8", "A", payday="32")
         + change("x9", "suspend_mandate", "A", "2018-01-03", "x1", f",{ACCOUNT},,{HOLDER},,,,,"))  # fmt: skip
    take(new_ledger)
    assert rules(new_ledger, "commands_2018-01-03.csv") == {
        2: "account_not_of_the_rail", 3: "currency_is_not_the_loans", 4: "unknown_originator",
        5: "consent_not_a_digest", 6: "mandate_ref_not_of_the_rail", 7: "account_not_of_the_rail",
        8: "collects_not_recurring_or_once", 9: "payday_out_of_bounds",
        10: "field_that_the_command_does_not_take",
    }  # fmt: skip
    said = new_ledger.frame("SELECT string_agg(found, ' ') AS said FROM {lake}.quarantine")["said"][
        0
    ]
    assert not any(word in said for word in (ACCOUNT, HOLDER, "1111"))


def test_accounts_stand_nowhere_in_plain_text(with_mandates: Ledger) -> None:
    close_landed(with_mandates)
    home = with_mandates.settings.home
    sealed = with_mandates.frame("SELECT DISTINCT token, sealed FROM {lake}.payment_accounts")
    opened = Vault(with_mandates.settings.lake).opened(sealed)
    assert set(opened["account"]) == {ACCOUNT, "999", "778899"}
    assert set(opened["holder"]) == {HOLDER, "Other Payer"}
    with_mandates.close()
    planted = [ACCOUNT.encode(), HOLDER.encode(), ACCOUNT.encode().hex().encode()]
    for path in home.rglob("*"):
        if path.is_file() and path.parent != with_mandates.settings.landing:
            body = path.read_bytes()
            assert not any(word in body or word.upper() in body for word in planted), path
    (with_mandates.settings.lake / KEY_FILE).unlink()
    with pytest.raises(LedgerError, match="another key"):
        Vault(with_mandates.settings.lake).opened(sealed)


def test_the_account_of_a_borrower_whom_the_vault_knows_is_forgotten_with_the_borrower(
    new_ledger: Ledger,
) -> None:
    where = new_ledger.settings
    by = Actor("Ann", roles=frozenset({"servicing", "compliance"}), second_factor=True)
    with closing(open_people(where)) as people:
        known = pl.DataFrame({"ref": ["r"], "kind": ["individual"], "full_name": [HOLDER]})
        (person,) = Persons(people).put(known, by)["person"]
        tape = LOANS.rstrip() + ",person\n" + weekly_loan("A").rstrip() + f",{person}\n" + weekly_loan("B").rstrip() + ",\n"  # fmt: skip
        drop(new_ledger, "loan_tape_2018-01-02_canonical.csv", tape)
        drop(new_ledger, "commands_2018-01-03.csv", HEAD + create("MA", "A") + create("MB", "B", account="999"))  # fmt: skip
        take(new_ledger)
        tokens = new_ledger.frame("SELECT token FROM {lake}.payment_accounts")["token"]
        vault = Vault(where.lake, where)
        assert set(opened_accounts(new_ledger, vault, tokens)["account"]) == {ACCOUNT, "999"}
        erase(Persons(people), person, by, "asked to be forgotten")
    assert set(opened_accounts(new_ledger, vault, tokens)["account"]) == {None, "999"}
    with pytest.raises(LedgerError, match="the person was forgotten"):
        with_accounts(new_ledger, vault, tokens.to_frame("account"))


def test_mandates_change_no_figure_of_a_loan(tmp_path: Path, new_ledger: Ledger) -> None:
    drop(new_ledger, "loan_tape_2018-01-02_canonical.csv", LOANS + "".join(map(weekly_loan, "AB")))
    drop(new_ledger, "commands_2018-01-20.csv", HEAD + create("MA", "A"))  # late: valued on the 3rd
    take(new_ledger)
    close_landed(new_ledger)
    rows = new_ledger.frame(
        "SELECT * EXCLUDE (loan_id) FROM {lake}.positions WHERE business_date = '2018-01-20'"
    )
    assert rows.height == 2
    assert rows.n_unique() == 1


DIGITS = st.text("0123456789", min_size=9, max_size=9)
LETTERS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=11, max_size=30)


@given(
    numbers=st.lists(DIGITS, min_size=1, max_size=30),
    accounts=st.lists(LETTERS, min_size=1, max_size=30),
)
def test_check_digits_over_a_column_are_those_of_one(
    numbers: list[str], accounts: list[str]
) -> None:
    """By the one at a time, which takes big numbers; IBANs with the check digits that they should have."""
    bodies = [f"DE00{each}" for each in accounts]
    right = [
        f"DE{98 - int(''.join(str(int(c, 36)) for c in each + 'DE00')) % 97:02}{each}"
        for each in accounts
    ]
    frame = pl.DataFrame({"text": [*bodies, *right, "", "DE"]})
    seen = frame.select(iban(pl.col("text"))).to_series().to_list()
    assert seen == [iban_holds(text) for text in frame["text"]]
    assert all(seen[len(bodies) : 2 * len(bodies)])
    routing = pl.DataFrame({"text": [*numbers, "021000021", "x"]})
    assert routing.select(routing_number(pl.col("text"))).to_series().to_list() == [
        routing_number_holds(text) for text in routing["text"]
    ]
