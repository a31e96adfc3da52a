"""The queue of a ledger: two logins, two lists; what is refused stands in the trail."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from contextlib import closing

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from loanbook.core.access.actor import AccessError, Actor
from loanbook.core.collections.settling import settlement, why_not
from loanbook.core.errors import LoanbookError
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.lending.settlement_rules import SettlementRules
from loanbook.core.store.instance import SHIPPED_POLICIES
from loanbook.core.store.people import audit, queue
from loanbook.core.store.people.acting import TOKEN_VARIABLE
from loanbook.core.store.people.database import People, open_people
from loanbook.core.store.people.users import NewUser, add_user
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings
from loanbook.pipelines.approvals import settlement as settlement_orders
from loanbook.pipelines.collections.compared import compared
from loanbook.pipelines.collections.written import referenced
from loanbook.pipelines.commands.app import app
from tests.collections.test_log import _run
from tests.dashboards.an_office import SETUP, signed_in

US_CA = {"region": ["US-CA"]}


@pytest.fixture(scope="module")
def office(late_book: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """The book as a lender in production: agent-1 and the supervisor see loans in California, agent-2 what is assigned."""
    home = shutil.copytree(late_book.home, tmp_path_factory.mktemp("collections") / "home")
    (home / "loanbook.toml").write_text('profile = "production"\n')
    shutil.copytree(SHIPPED_POLICIES, home / "policies")
    people = open_people(Settings.of(home))
    for name, role in (
        ("agent-1", "collector"),
        ("agent-2", "collection-agent"),
        ("supervisor-1", "collector"),
        ("new", "collector"),
    ):
        add_user(people, SETUP, NewUser(name, "person", None, None, (role,), US_CA))
    for name, role in (("com", "compliance"), ("night", "scheduler")):
        add_user(people, SETUP, NewUser(name, "person", None, None, (role,), {}))
    yield people
    people.close()


def _queue(people: People, who: str, monkeypatch: pytest.MonkeyPatch, *more: str) -> list[str]:
    monkeypatch.setenv("LOANBOOK_HOME", str(people.settings.home))
    monkeypatch.setenv(TOKEN_VARIABLE, signed_in(people, who))
    told = json.loads(_run("collections", "queue", "--json", *more))
    return [f"{row['loan_key']} {row['agent']} {row['state']}" for row in told]


def test_two_logins_see_two_lists_a_supervisor_the_team_and_a_refusal_stands_in_the_trail(
    office: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = _queue(office, "com", monkeypatch)
    assert len(every) == 6
    assert "B None waits" in every  # an attorney
    assert _queue(office, "agent-2", monkeypatch) == []  # nothing was assigned yet
    monkeypatch.setenv(TOKEN_VARIABLE, signed_in(office, "night"))
    assert "agent-2 2" in _run("collections", "assign")
    told = audit.entries(office, actor="night", activity="user.attribute")
    assert told.height == 3  # agent-1, agent-2 and supervisor-1 are users
    first, second = (_queue(office, name, monkeypatch) for name in ("agent-1", "agent-2"))
    assert "D agent-1 waits" in first  # a conversation two days before, with agent-1
    assert "F agent-1 assigned" in first
    assert sorted(second) == ["C agent-2 assigned", "E agent-2 assigned"]
    with closing(
        LedgerReader(office.settings)
    ) as reader:  # agent-2's: nothing but these, wherever it is asked
        assert sorted(reader.query("SELECT loan_key FROM loan_keys")["loan_key"]) == ["C", "E"]
    seen = _queue(office, "supervisor-1", monkeypatch)
    assert sorted(seen) == sorted([*first, "C agent-2 assigned"])  # E is in Texas
    for who, more, why in (
        ("agent-1", ("--agent", "agent-2"), "not yours to see"),
        ("new", (), "stands in no team"),
    ):
        monkeypatch.setenv(TOKEN_VARIABLE, signed_in(office, who))
        refused = CliRunner().invoke(app, ["collections", "queue", *more])
        assert isinstance(refused.exception, AccessError)
        assert why in str(refused.exception)
        last = audit.entries(office).row(-1, named=True)
        assert (last["activity_name"], last["actor_user_name"]) == ("access.denied", who)


def run_page() -> None:
    from loanbook.dashboards.registry import PAGES

    next(each for each in PAGES if each.path == "collections").show()


def _page(people: People, who: str, monkeypatch: pytest.MonkeyPatch, **query: str) -> AppTest:
    monkeypatch.setenv("LOANBOOK_HOME", str(people.settings.home))
    app = AppTest.from_function(run_page, default_timeout=60)
    app.session_state["_session"] = signed_in(people, who)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def test_the_page_shows_each_agent_the_own_list_and_the_desk_of_a_loan_of_it(
    office: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = _page(office, "agent-1", monkeypatch, desk="D")
    assert not page.exception
    figures = {each.label: each.value for each in page.metric}
    mine = _queue(office, "agent-1", monkeypatch)
    assert figures["To call"] == str(sum("assigned" in row for row in mine))
    frames = [each.value for each in page.dataframe]
    assert set(frames[0]["agent"]) == {"agent-1"}
    rules = next(each for each in frames if "channel" in each.columns).set_index("channel")
    assert rules.loc["call", "by"] == "after conversation"
    assert rules.loc["call", "next"] == "2018-01-23 08:00 -08:00"
    assert rules.loc["letter", "now"] == "✓ allowed"
    due = next(each for each in frames if "unpaid" in each.columns)
    assert str(due["due_date"].iloc[0])[:10] == "2018-01-09"
    happened = next(each for each in frames if "told" in each.columns)
    assert happened["told"].iloc[0] == "call: conversation, the borrower spoke"
    assert "loanbook collections promise D 2018-01-19=" in page.code[0].value
    assert "--agent" not in page.code[0].value  # who is signed in
    page.text_input(key="settle_amount").input("1100")
    page.button(key="FormSubmitter:settle D-What would it do?").click().run()
    assert "at 17 days past due" in [m for m in page.metric if m.label == "Floor"][0].help
    assert "below the floor" in page.warning[-1].value
    other = _page(office, "agent-2", monkeypatch, desk="D")
    assert "not in the queue that you see" in other.warning[-1].value
    last = audit.entries(office).row(-1, named=True)
    assert (last["activity_name"], last["actor_user_name"]) == ("access.denied", "agent-2")
    assert "stands in no team" in _page(office, "new", monkeypatch).warning[0].value


def test_a_settlement_is_above_its_floor_within_authority_and_ordered_once_money_came(
    office: People, policies: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = policies.in_force(SettlementRules, "standard", dt.date(2024, 1, 1))
    cases = [(1000, 949, 0, "floor"), (1000, 950, 0, ""), (1001, 800, 31, "floor"), (1001, 801, 31, ""),
             (1000, 600, 91, "may give up 20 %"), (1000, 0, 999, "floor")]  # fmt: skip
    agent = Actor("ann", roles=frozenset({"collector"}))
    for owed, paid, days, why in cases:
        told = why_not(settlement(rules, owed, paid, days), rules, agent)
        assert why in told, (owed, paid, days)
        assert bool(why) == bool(told)
    offer = settlement(rules, 1000, 600, 91)
    assert why_not(offer, rules, Actor("sam", roles=frozenset({"servicing"}))) == ""
    assert "none of the roles" in why_not(offer, rules, Actor("zoe", roles=frozenset({"analyst"})))
    monkeypatch.setenv("LOANBOOK_HOME", str(office.settings.home))
    monkeypatch.setenv(TOKEN_VARIABLE, signed_in(office, "agent-1"))
    told = _run("collections", "settle", "C", "1154.00", "--by", "2018-01-25")
    assert "floor 95 % at 17 days past due" in told
    assert "You may offer it" in told
    assert "write_off_expense" in told.replace("\n", "")
    assert "payment_clearing" in told
    more = CliRunner().invoke(app, ["collections", "settle", "C", "1300", "--by", "2018-01-25"])
    assert "1300.00 USD is more than is owed on 2018-01-25: 1214.54" in str(more.exception)
    refused = CliRunner().invoke(app, ["collections", "settle", "C", "--propose"])
    assert "below the floor" in str(refused.exception)
    assert "Order" in _run("collections", "settle", "G", "--propose")
    (order,) = queue.orders(office)
    assert (order.proposal.command, order.proposal.loan_key, order.maker) == (
        "settle",
        "G",
        "agent-1",
    )
    # money that was counted goes back before another person approves it
    came = settlement_orders._money
    monkeypatch.setattr(settlement_orders, "_money", lambda *asked: came(*asked).clear())
    shown = CliRunner().invoke(app, ["orders", "show", order.id])
    assert "below the floor" in shown.output.replace("\n", " ") + str(shown.exception)


def test_a_plan_is_proposed_from_the_desk_and_waits_for_other_people(
    office: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = _page(office, "agent-1", monkeypatch, desk="D")
    page.button(key="relief_order").click().run()
    assert "waits in Approvals" in page.success[-1].value
    order = next(each for each in queue.orders(office) if each.proposal.loan_key == "D")
    assert (order.proposal.command, order.maker, order.proposal.fields["instalments"]) == ("grant_moratorium", "agent-1", "2")  # fmt: skip
    page.selectbox(key="relief_verb").set_value("extend_term").run()
    page.button(key="relief_order").click().run()
    assert "agent-1" in page.error[-1].value  # a collector may not order it


def test_strategies_are_compared_on_the_loans_that_each_had_when_the_period_began(
    late_book: Settings, policies: PolicyBook
) -> None:
    with closing(LedgerReader(late_book)) as reader:
        known = policies.with_registry(
            reader.query("SELECT name FROM products ORDER BY code")["name"]
        )
        rows = compared(reader, known, dt.date(2018, 1, 12), dt.date(2018, 1, 18))
        assert set(rows["strategy"]) <= {"balance-first", "promises-first"}
        told = rows.sum()
        # A was not late; B paid 100.00 on the 13th, G 1,190.00 on the 17th; C, D and F were called, D spoke; all promises are older
        assert told.select("loans", "collected", "attempts", "right_party", "promised").row(0) == (
            6,
            129_000,
            3,
            1,
            0,
        )
        for row in rows.to_dicts():
            assert row["liquidation"] == row["collected"] * 1_000_000 // row["amount_due"]
        with pytest.raises(LoanbookError, match="is not before"):
            compared(reader, known, dt.date(2018, 1, 18), dt.date(2018, 1, 18))


def test_what_is_written_down_on_the_page_and_by_command_has_one_reference() -> None:
    told = {"loan_key": "C", "promised_at": "2018-01-12T09:00:00-06:00", "agent": "agent-1"}
    (page,) = referenced([told])
    (command,) = referenced([{**told, "reference": ""}])
    (own,) = referenced([{**told, "reference": "R-7"}])
    (other,) = referenced([told | {"agent": "agent-2"}])
    assert page["reference"] == command["reference"] != other["reference"]
    assert own["reference"] == "R-7"
