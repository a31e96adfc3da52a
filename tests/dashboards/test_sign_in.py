"""Signing in and out in a real browser: by a password, and by a provider of OpenID Connect on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyotp
import pytest

from loanbook.core.store.people import audit, queue, sessions, users
from loanbook.core.store.people.database import People
from loanbook.core.store.reader import LedgerReader
from loanbook.dashboards.people.viewer import COOKIE
from tests.dashboards.a_browser import (
    CHROMIUM,
    FLAGS,
    ROOT,
    free_port,
    needs_chromium,
    served,
)
from tests.dashboards.an_office import PASSWORD, SETUP, open_office, ordered

SERVER = ROOT / "dashboards" / "serving" / "server.py"
CLAIMS = {"sub": "dee", "preferred_username": "Dee", "groups": ["risk"], "amr": ["mfa"]}
PROVIDER = """name: house
version: 1
effective_from: 2000-01-01
issuer: http://127.0.0.1:{port}
roles: {{risk: analyst}}
"""
SETTINGS = """title = "the house"
client_id = "loanbook"
client_secret = "synthetic"
server_metadata_url = "http://127.0.0.1:{port}/.well-known/openid-configuration"
redirect_uri = "{url}/oauth2callback"
"""


@contextmanager
def _provider(port: int) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port),
         "--require-nonce", "true", "--user-claims", json.dumps(CLAIMS)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(60):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/.well-known/openid-configuration").read()  # fmt: skip
                break
            except OSError:
                time.sleep(0.25)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def office(
    restated: LedgerReader, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[People, str]]:
    """The people of an instance in production with a provider, and the address of its pages."""
    provider, port = free_port(), free_port()
    people = open_office(restated.settings.home, tmp_path_factory.mktemp("served") / "home")
    home = people.settings.home
    house = home / "policies" / "identity_providers" / "house.yaml"
    house.write_text(PROVIDER.format(port=provider))
    told = home / "people" / "provider.toml"
    told.touch(mode=0o600)
    told.write_text(SETTINGS.format(port=provider, url=f"http://127.0.0.1:{port}"))
    with _provider(provider), served(SERVER, home, port) as url:
        yield people, url
    people.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def _done(tab: Any) -> None:
    tab.wait_for_selector("[data-testid=done]", state="attached", timeout=60_000)


def _asks(tab: Any) -> None:
    tab.wait_for_selector("text=Sign in to see what your roles show", timeout=60_000)


def _cookie_came(response: Any) -> bool:
    return response.url.endswith("/session") and response.status == 204


@needs_chromium
@pytest.mark.browser
def test_a_password_begins_a_session_that_lasts_over_a_reload_until_signing_out(
    office: tuple[People, str], browser: Any, tmp_path: Path
) -> None:
    people, url = office
    with browser.new_context(
        viewport={"width": 900, "height": 900}, color_scheme="dark"
    ) as context:
        tab = context.new_page()
        foreign: list[str] = []
        tab.on("request", lambda r: None if r.url.startswith((url, url.replace("http", "ws"), "data:", "blob:"))
               else foreign.append(r.url))  # fmt: skip
        tab.goto(f"{url}/marts?as_of=2018-01-10")
        _asks(tab)
        assert tab.get_by_role("dialog").count() == 0
        tab.get_by_label("Name").fill("ana")
        tab.get_by_label("Password", exact=True).fill(PASSWORD)
        with tab.expect_response(_cookie_came, timeout=60_000):
            tab.get_by_role("button", name="Sign in", exact=True).click()
        tab.wait_for_selector("text=As of 10 Jan 2018", timeout=60_000)
        assert tab.url == f"{url}/marts?as_of=2018-01-10"  # what was asked for
        cookie = next(each for each in context.cookies() if each["name"] == COOKIE)
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        assert COOKIE not in tab.evaluate("document.cookie")
        assert cookie["value"] not in tab.content()
        assert sessions.resolved(people, cookie["value"]) is not None
        tab.screenshot(path=tmp_path / "signed-in.png", full_page=True)
        tab.reload()
        tab.wait_for_selector("text=As of 10 Jan 2018", timeout=60_000)
        other = context.new_page()
        other.goto(url)
        _done(other)
        assert other.url == f"{url}/portfolio"
        other.get_by_role("button", name="ana").click()
        other.get_by_role("button", name="Sign out", exact=True).click()
        _asks(other)
        tab.reload()
        _asks(tab)
        assert COOKIE not in {each["name"] for each in context.cookies()}
        assert sessions.resolved(people, cookie["value"]) is None
        assert foreign == []


@needs_chromium
@pytest.mark.browser
def test_who_approves_sets_up_a_second_factor_approves_what_they_saw_and_signs_out(
    office: tuple[People, str], browser: Any, tmp_path: Path
) -> None:
    people, url = office
    fee = ordered(people, "sam")
    with browser.new_context(viewport={"width": 1440, "height": 1100}) as context:
        tab = context.new_page()
        tab.goto(f"{url}/approvals?order={fee}")
        _asks(tab)
        tab.get_by_label("Name").fill("app")
        tab.get_by_label("Password", exact=True).fill(PASSWORD)
        tab.get_by_role("button", name="Sign in", exact=True).click()
        tab.wait_for_selector("text=Set up a second factor", timeout=60_000)
        key = tab.locator("[data-testid=stCode]").inner_text().strip()
        tab.get_by_label("Code").fill(pyotp.TOTP(key).now())
        tab.get_by_role("button", name="Use it from now on").click()
        tab.wait_for_selector("text=What it would do by 15 Jan 2018", timeout=60_000)
        tab.screenshot(path=tmp_path / "approvals.png", full_page=True)
        tab.get_by_label("Reason", exact=True).fill("agreed by phone")
        tab.get_by_role("button", name="Approve", exact=True).click()
        tab.wait_for_selector(f"text=Order {fee} is released", timeout=60_000)
        tab.get_by_role("button", name="app", exact=True).click()
        tab.get_by_role("button", name="Sign out everywhere").click()
        _asks(tab)
        tab.reload()
        _asks(tab)
    order = queue.order(people, fee)
    assert order.decisions == (("app", "approved", "agreed by phone"),)
    assert (people.settings.landing / str(order.file)).is_file()
    entry = audit.entries(people, actor="app", activity="order.approve")
    assert "Chrome" in entry["device_name"][0]
    signed = audit.entries(people, actor="app", activity="sign_in")
    assert entry["actor_session_uid"].to_list() == signed["actor_session_uid"].to_list()


@needs_chromium
@pytest.mark.browser
def test_a_provider_vouches_and_signing_out_ends_its_session_too(
    office: tuple[People, str], browser: Any
) -> None:
    people, url = office
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        tab = context.new_page()
        tab.goto(url)
        _asks(tab)
        tab.get_by_role("button", name="Sign in with the house").click()
        tab.wait_for_selector("input[name=sub]", timeout=60_000)
        tab.locator("input[name=sub]").first.fill("dee")
        with tab.expect_response(_cookie_came, timeout=60_000):
            tab.get_by_role("button", name="Authorize").first.click()
        _done(tab)
        assert tab.get_by_role("button", name="Dee").count() == 1
        known = users.known_names(people)["dee"]
        assert known.roles == {"analyst"}
        tab.reload()
        _done(tab)
        # ended elsewhere: what the browser keeps of the provider begins no other session
        sessions.sign_out(people, known)
        tab.reload()
        _asks(tab)
        told = audit.entries(people, actor="Dee", activity="sign_in")
        assert told.height == 1
        users.lock(people, SETUP, "Dee", "gone")


@needs_chromium
def test_the_route_of_the_cookie_takes_nothing_of_another_site(office: tuple[People, str]) -> None:
    _, url = office
    for headers in ({"Origin": "http://evil.example"}, {}, {"Sec-Fetch-Site": "cross-site"}):
        for method in ("POST", "DELETE"):
            asked = urllib.request.Request(f"{url}/session", b"x", headers, method=method)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(asked)
            assert refused.value.code == 403
            assert "frame-ancestors 'none'" in refused.value.headers["content-security-policy"]
