"""Signing in to the pages, and what each role sees of them, in one instance in production."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from streamlit.testing.v1 import AppTest

from loanbook.core.access.pages import PAGES as ASKED
from loanbook.core.store.people import audit, sessions, users
from loanbook.core.store.people.database import People
from loanbook.core.store.reader import LedgerReader
from loanbook.dashboards.people import sign_in
from loanbook.dashboards.people.session import SECONDS, Tickets
from loanbook.dashboards.registry import PAGES
from tests.core.test_signing_in import OTHERS, READERS
from tests.dashboards.an_office import PASSWORD, SETUP, USERS, open_office, signed_in

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
    assert [p.path for p in PAGES] == [path for path in ASKED if path in {p.path for p in PAGES}]


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
    from loanbook.core.access.actor import AccessError
    from loanbook.core.store.people.in_force import access_of
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
        if re.search(r"st\.(fragment|dialog)\b|on_(click|change|submit)=(?!\"ignore\")", path.read_text())
    ]  # fmt: skip
    assert found == []
