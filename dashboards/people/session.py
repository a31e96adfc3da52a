"""The cookie that keeps a session over a reload, and the one route that sets and clears it.

Streamlit's own commands read cookies and set none. So the page that signed somebody in gives its browser a ticket of
one use and half a minute; the browser posts it to `/session` of the same origin, and gets the session's secret as a
cookie that no script reads (HttpOnly), that goes to no other site (SameSite=Strict), and only over TLS where the pages
are served so. The secret itself is never in a page, an address or a script. Without the route, as when `app.py` is
run by itself, a session lasts as long as the tab is not loaded again.
"""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loanbook.dashboards.people.viewer import COOKIE

PATH = "/session"
SECONDS = 30.0
"""So long a ticket holds."""
MOST = 1_000
"""Tickets that wait at once."""
HEADERS = {
    b"content-security-policy": b"frame-ancestors 'none'",
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
}
"""Said of every answer: no other page shows this one within itself."""


class Tickets:
    """Tickets that wait for their browser: each is good once, for a short time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[str, float, float]] = {}

    def issue(self, secret: str, seconds: float) -> str:
        """A ticket for a session that lasts so many seconds."""
        ticket, now = secrets.token_urlsafe(32), time.monotonic()
        with self._lock:
            self._waiting = {k: v for k, v in self._waiting.items() if v[1] > now}
            if len(self._waiting) < MOST:  # else the session lasts as long as its tab
                self._waiting[ticket] = (secret, now + SECONDS, seconds)
        return ticket

    def take(self, ticket: str) -> tuple[str, float] | None:
        """The session's secret and how long it lasts; None: there is no such ticket, or no more."""
        with self._lock:
            found = self._waiting.pop(ticket, None)
        if found is None or found[1] <= time.monotonic():
            return None
        return found[0], found[2]


@st.cache_resource(show_spinner=False)
def tickets() -> Tickets:
    """The process's tickets: the route and the pages are served by one process."""
    return Tickets()


async def _session(request: Request) -> Response:
    """POST: a ticket for the cookie. DELETE: the cookie goes."""
    if not _is_of_this_origin(request):
        return Response(status_code=403)
    answer = Response(status_code=204, headers={"cache-control": "no-store"})
    if request.method == "DELETE":
        answer.delete_cookie(COOKIE, path="/")
        return answer
    found = tickets().take((await request.body())[:100].decode("ascii", "replace"))
    if found is None:
        return Response(status_code=403)
    secret, seconds = found
    answer.set_cookie(
        COOKIE, secret, max_age=int(seconds), path="/", httponly=True, samesite="strict",
        secure=_is_over_tls(request),
    )  # fmt: skip
    return answer


def _is_of_this_origin(request: Request) -> bool:
    """Whether a page of ours asks: another site can't sign a browser in as somebody, nor out."""
    if told := request.headers.get("sec-fetch-site"):
        return told == "same-origin"
    origin = request.headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == request.headers.get("host")


def _is_over_tls(request: Request) -> bool:
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", ""))


class _Headers:
    """Adds `HEADERS` to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS.items()]
            await send(message)

        await self._app(scope, receive, sent if scope["type"] == "http" else send)


ROUTES: list[Any] = [Route(PATH, _session, methods=["POST", "DELETE"])]
MIDDLEWARE = [Middleware(_Headers)]


def hand_over(ticket: str) -> None:
    """Let the browser change a ticket for the cookie; it holds letters, digits, - and _ alone."""
    _run(f'fetch("{PATH}", {{method: "POST", body: "{ticket}", cache: "no-store"}})')


def forget() -> None:
    """Let the browser forget the cookie."""
    _run(f'fetch("{PATH}", {{method: "DELETE", cache: "no-store"}})')


def _run(script: str) -> None:
    st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)
