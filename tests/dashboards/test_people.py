"""Signing in to the pages, and what each role sees of them, in one instance in production."""

from __future__ import annotations

import datetime as dt
import io
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyotp
import pytest
from streamlit.testing.v1 import AppTest

from loanbook.core.access.actor import AccessError
from loanbook.core.access.pages import PAGES as ASKED
from loanbook.core.store.people import audit, queue, sessions, users
from loanbook.core.store.people.database import People
from loanbook.core.store.people.in_force import access_of
from loanbook.core.store.reader import LedgerReader
from loanbook.dashboards.people import sign_in
from loanbook.dashboards.people.session import SECONDS, Tickets
from loanbook.dashboards.registry import PAGES
from loanbook.pipelines.approvals.approving import withdrawn
from tests.core.test_signing_in import OTHERS, READERS
from tests.dashboards.an_office import PASSWORD, SETUP, USERS, open_office, ordered, signed_in

DASHBOARDS = Path(__file__).resolve().parents[2] / "dashboards"


@pytest.fixture(scope="module")
def office(restated: LedgerReader, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    people = open_office(restated.settings.home, tmp_path_factory.mktemp("office") / "home")
    yield people
    people.close()


@pytest.fixture(autouse=True)
def _here(office: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOANBOOK_HOME", str(office.settings.home))
    monkeypatch.setattr(
        sign_in, "_from_where", lambda: ("127.0.0.1", "a test")
    )  # no connection here


def _app(secret: str = "") -> AppTest:
    app = AppTest.from_file(str(DASHBOARDS / "serving" / "app.py"), default_timeout=60)
    if secret:
        app.session_state["_session"] = secret
    return app


def _asks_who_it_is(app: AppTest) -> bool:
    assert not app.exception
    return [each.label for each in app.text_input] == ["Name", "Password", "Code of the second factor"] and not (
        app.dataframe or app.metric
    )  # fmt: skip


def _try(app: AppTest, name: str, password: str, code: str = "") -> AppTest:
    app.text_input(key="sign_in_name").input(name)
    app.text_input(key="sign_in_password").input(password)
    app.text_input(key="sign_in_code").input(code)
    return app.button(key="FormSubmitter:sign_in-Sign in").click().run()


def test_nothing_is_shown_before_a_sign_in_and_a_refusal_tells_nothing_of_the_user(
    office: People,
) -> None:
    app = _app().run()
    assert _asks_who_it_is(app)
    _try(app, "ana", "another sentence")
    known = app.error[0].value
    assert _asks_who_it_is(app)
    _try(app, "nobody of that name", PASSWORD)
    assert app.error[0].value == known
    app.session_state["_session"] = "no secret of any session"
    assert _asks_who_it_is(app.run())


def test_a_session_shows_pages_until_it_is_revoked_wherever_that_happens(office: People) -> None:
    app = _try(_app().run(), "ana", PASSWORD)
    assert not app.exception
    assert app.metric
    assert any("ana** · analyst" in each.value for each in app.markdown)
    assert "sign_in_password" not in app.session_state
    secret = str(app.session_state["_session"])
    ana = sessions.resolved(office, secret)
    assert ana is not None
    other = _app(signed_in(office, "ana")).run()
    assert other.metric
    other.button(key="sign_out").click().run()  # that one alone
    assert _asks_who_it_is(other)
    assert app.run().metric
    sessions.sign_out(office, ana)  # everywhere, as from another device
    assert _asks_who_it_is(app.run())
    assert audit.entries(office, actor="ana", activity="sign_out").height == 2


def test_an_expired_session_and_one_of_a_locked_user_show_nothing(office: People) -> None:
    secret = signed_in(office, "sam")
    sam = sessions.resolved(office, secret)
    assert sam is not None
    app = _app(secret).run()
    assert app.metric
    users.lock(office, SETUP, "sam", "on leave")
    assert _asks_who_it_is(app.run())
    users.lock(office, SETUP, "sam", "back", locked=False)
    assert _asks_who_it_is(app.run())  # what was ended stays so


def test_a_role_that_asks_for_a_second_factor_has_it_set_up_at_sign_in(office: People) -> None:
    app = _try(_app().run(), "app", PASSWORD)
    assert "approver" in app.markdown[0].value
    assert not app.metric
    key = app.code[0].value
    app.text_input(key="enrol_code").input("12").run()
    app.button(key="FormSubmitter:second_factor-Use it from now on").click().run()
    assert "no code of it" in app.error[0].value
    app.text_input(key="enrol_code").input(pyotp.TOTP(key).now())
    app.button(key="FormSubmitter:second_factor-Use it from now on").click().run()
    assert not app.exception
    assert app.metric
    # whoever puts it off sees what needs none, and what is missing
    late = _try(_app().run(), "root", PASSWORD)
    next(each for each in late.button if each.label == "Later").click().run()
    assert [each.value for each in late.title] == ["Metrics"]  # the first that takes no role
    assert not late.metric


def _every_page() -> None:
    from dataclasses import replace

    import streamlit as st

    from loanbook.dashboards.registry import PAGES

    for page in PAGES:
        replace(page, draw=lambda path=page.path: st.text(path)).show()  # type: ignore[misc]


@pytest.mark.parametrize("name", ["ana", "app", "col", "com", "root", "sam"])
def test_each_page_is_drawn_for_its_roles_and_says_to_others_what_is_missing(
    office: People, name: str
) -> None:
    role = USERS[name][0]
    app = AppTest.from_function(_every_page, default_timeout=60)
    app.session_state["_session"] = signed_in(office, name)
    app.run().run()
    drawn = [each.value for each in app.text]
    assert drawn == [p.path for p in PAGES if role in OTHERS.get(p.path, READERS).split()]
    assert len(app.warning) == len(PAGES) - len(drawn)
    assert all("Not shown to you: " in each.value for each in app.warning)
    told = audit.entries(
        office, actor=name, activity="access.denied"
    )  # once, however often it runs
    assert set(told["entity_uid"]) == {f"page {p.path}" for p in PAGES} - {
        f"page {p}" for p in drawn
    }
    assert told.height == len(app.warning)
    assert [p.path for p in PAGES] == list(ASKED)


def _keys() -> None:
    import streamlit as st

    from loanbook.dashboards import data

    newest = int(data.published_on(data.ledger())["version"][-1])
    rows = data.plain("SELECT loan_key, product FROM loan_keys ORDER BY 1", newest)
    st.dataframe(rows.to_pandas())
    st.text(data.key())


def test_what_one_sees_is_never_taken_from_what_was_kept_for_another(office: People) -> None:
    def keys(name: str) -> tuple[list[str], str]:
        app = AppTest.from_function(_keys, default_timeout=60)
        app.session_state["_session"] = signed_in(office, name)
        app.run()
        assert not app.exception
        return sorted(app.dataframe[0].value["loan_key"]), app.text[0].value

    every, of_com = keys("com")
    dollars, of_pat = keys("pat")
    yen, of_pia = keys("pia")
    assert keys("com") == (every, of_com)
    assert len({of_com, of_pat, of_pia}) == 3
    assert dollars
    assert yen
    assert all(re.fullmatch("….{1,4}", key) for key in [*dollars, *yen])  # their role masks the key
    assert not any("…" in key for key in every)
    assert (len(dollars), len(yen), len(every)) == (3, 1, 4)
    users.set_attribute(office, SETUP, "pia", "product", ["instalment-act365"])
    assert keys("pia") == (dollars, of_pat)  # from the next run on, as who sees the same


def test_rows_leave_as_a_file_for_who_may_and_the_trail_tells_of_each(office: People) -> None:
    app = _app(signed_in(office, "app")).run()
    assert any("No export: app may not ledger.export" in each.value for each in app.caption)
    from loanbook.dashboards.people.viewer import Viewer, exported_by

    secret = signed_in(office, "ana")
    ana = sessions.resolved(office, secret)
    assert ana is not None
    who = Viewer(office.settings, ana, access_of(office.settings, office), secret)
    exported_by(who, "buckets", {"rows": "4"})
    told = audit.entries(office, actor="ana", activity="ledger.export")
    assert told["entity_uid"].to_list() == ["buckets"]
    sessions.end(office, ana)
    with pytest.raises(AccessError, match="session ended"):  # a click on a page that was left open
        exported_by(who, "buckets", {"rows": "4"})


def _page(module: str, secret: str, **query: str) -> AppTest:
    script = f"from loanbook.dashboards.pages.people.{module} import PAGE\nPAGE.show()"
    app = AppTest.from_string(script, default_timeout=60)
    app.session_state["_session"] = secret
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception
    return app


def _figures(app: AppTest) -> dict[str, str]:
    return {each.label: each.value for each in app.metric}


def test_an_order_is_shown_with_what_it_would_do_and_approved_by_another(office: People) -> None:
    fee, other = (
        ordered(office, "sam"),
        ordered(office, "sam", loan_key="C"),
    )
    secret = signed_in(office, "app")
    app = _page("approvals", secret, order=fee)
    assert _figures(app)["For me to decide"] == "2"
    assert "Charge fee of 9.99 USD" in app.subheader[0].value
    balances, postings = app.dataframe[1].value, app.dataframe[3].value
    assert (postings["amount"] == "9.99").sum() == 1
    assert list(balances.columns) == ["figure", "before", "after"]
    instalments = app.dataframe[2].value.iloc[0]
    assert float(instalments["after"]) - float(instalments["before"]) == pytest.approx(9.99)
    own = _page("approvals", signed_in(office, "sam"), order=fee, show="Ordered by me")
    assert _figures(own)["For me to decide"] == "0"
    assert any("sam ordered it: another person approves" in each.value for each in own.caption)
    assert [each.label for each in own.button if each.key and "decide" in each.key] == ["Withdraw"]
    app.text_input(key=f"reason {fee}").input("agreed by phone")
    app.button(key=f"FormSubmitter:decide {fee}-Approve").click().run()
    assert not app.exception
    assert app.success[0].value.startswith(
        f"Order {fee} is released; the next run takes commands_2018-01-14_"
    )
    assert (office.settings.landing / str(queue.order(office, fee).file)).is_file()
    # a rejection takes a reason; whoever comes later finds it decided
    late = _page("approvals", signed_in(office, "app"), order=other)
    app = _page("approvals", secret, order=other)
    app.button(key=f"FormSubmitter:decide {other}-Reject").click().run()
    assert app.error[0].value == "Say why you reject it."
    app.text_input(key=f"reason {other}").input("charged twice")
    app.button(key=f"FormSubmitter:decide {other}-Reject").click().run()
    assert queue.order(office, other).decisions == (("app", "rejected", "charged twice"),)
    assert late.run().info[0].value == "No order of these."
    told = audit.entries(office, actor="app", activity="order.approve")
    assert told["metadata_correlation_uid"].to_list() == [fee]


def test_an_order_of_a_loan_that_is_not_shown_is_counted_and_nothing_of_it_told(
    office: People,
) -> None:
    id_ = ordered(office, "sam", loan_key="C", amount="1.00")
    app = _page("approvals", signed_in(office, "col"), order=id_, show="All that wait")
    assert any("are of loans that your roles don't show" in each.value for each in app.caption)
    assert _figures(app)["All that wait"] == "0"
    assert not app.dataframe
    sam = sessions.resolved(office, signed_in(office, "sam"))
    assert sam is not None
    withdrawn(office, sam, id_, "test")


def test_the_trail_is_read_by_who_may_and_its_first_broken_row_is_named(office: People) -> None:
    com = signed_in(office, "com")
    approver = sessions.resolved(office, signed_in(office, "app"))
    assert approver is not None
    audit.log(office, approver, audit.Record("order.approve", ("order", "ord_of_before")))
    app = _page("audit", com, actor="app", activity="order.approve")
    rows = app.dataframe[0].value
    assert list(rows["actor_user_name"].unique()) == ["app"]
    assert audit.entries(office, actor="com", activity="audit.read").height == 1
    app.button(key="verify").click().run()
    assert "entries, whole" in app.success[0].value
    root = _page("audit", signed_in(office, "root"))
    assert any("The trail is not shown to you" in each.value for each in root.warning)
    assert not root.dataframe
    with office.engine.begin() as connection:  # as who has the file can do
        connection.exec_driver_sql("DROP TRIGGER audit_UPDATE")
        connection.exec_driver_sql("UPDATE audit SET status_detail = 'nothing' WHERE seq = 5")
    root.button(key="verify").click().run()
    assert "Entry 5 of the trail is broken" in root.error[0].value


def test_a_pack_is_made_for_its_scope_as_the_viewer_sees_it(office: People) -> None:
    from loanbook.dashboards.pages.people.pack import _made
    from loanbook.dashboards.parts.head import Clocks
    from loanbook.dashboards.people.viewer import Viewer
    from loanbook.pipelines.reporting.audit_pack.verify import check

    secret = signed_in(office, "com")
    com = sessions.resolved(office, secret)
    assert com is not None
    who = Viewer(office.settings, com, access_of(office.settings, office), secret)
    day = dt.date(2018, 1, 14)
    asked = (who, Clocks(day, 13, 13, latest=False), {"account": ["A"]}, (["csv"], False))
    made = _made(*asked)
    with tempfile.TemporaryDirectory() as place:
        zipfile.ZipFile(io.BytesIO(made)).extractall(place)
        manifest = check(Path(place) / "pack", "")
        tape = pl.read_csv(Path(place) / "pack" / "loan_tape.csv")
    assert manifest["as_of"] == "2018-01-14"
    assert tape["loan_key"].to_list() == ["A"]
    assert audit.entries(office, actor="com", activity="ledger.export").height == 1
    sessions.end(office, com)
    with pytest.raises(AccessError, match="session ended"):
        _made(*asked)


def test_users_are_kept_by_administrators_and_the_last_of_them_stays(office: People) -> None:
    app = _page("users", signed_in(office, "root"))
    app.text_input(key="add_name").input("Nia")
    app.multiselect(key="add_roles").set_value(["analyst"])
    app.button(key="FormSubmitter:add-Add").click().run()
    assert app.success[0].value == "Added Nia."
    assert users.known_names(office)["nia"].roles == {"analyst"}
    app.selectbox(key="lock_user").set_value("root")
    app.text_input(key="lock_reason").input("mistaken")
    app.button(key="FormSubmitter:lock-Lock out").click().run()
    assert "root is the last who can sign in and keep users" in app.error[0].value
    app.selectbox(key="role_user").set_value("root")
    app.selectbox(key="role_role").set_value("compliance")
    app.button(key="FormSubmitter:role-Give").click().run()
    assert "nobody gives a role to themselves" in app.error[0].value
    com = _page("users", signed_in(office, "com"))
    assert any("Not yours to change" in each.value for each in com.caption)
    assert not com.button
    assert set(com.dataframe[0].value["name"]) == {*USERS, "Nia"}
    assert {"action", "what", *access_of(office.settings, office).roles} == set(
        com.dataframe[1].value.columns
    )


def test_a_ticket_is_good_once_and_for_a_short_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    waiting = Tickets()
    ticket = waiting.issue("secret", 60)
    assert waiting.take(ticket) == ("secret", 60)
    assert waiting.take(ticket) is None
    late = waiting.issue("secret", 60)
    then = time.monotonic() + SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: then)
    assert waiting.take(late) is None


def test_no_part_of_a_page_runs_without_the_session_being_asked() -> None:
    """A fragment or dialog runs by itself: none stands in the pages, each of whose runs begins with `look`."""
    found = [
        path.name for path in DASHBOARDS.rglob("*.py")
        if re.search(r"st\.(fragment|dialog)\b|\bon_(click|change|submit)=(?!\"ignore\")", path.read_text())
    ]  # fmt: skip
    assert found == []
