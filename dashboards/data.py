"""Reads of the pages: one connection for all who see the same, results cached by question, version and what is seen."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from loanbook.core.access.deciding import WHOLE
from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import FOLDERS
from loanbook.core.store.guarded.scope import Shown
from loanbook.core.store.instance import policies_folder, policy_files
from loanbook.core.store.marts import MARTS
from loanbook.core.store.marts.filling import must_be_filled
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.segments.dimensions import Dimension, dimensions
from loanbook.core.store.segments.question import Question
from loanbook.core.store.settings import Settings
from loanbook.core.store.upkeep.used_policies import as_stored
from loanbook.dashboards.people.viewer import Viewer, log_denial, viewer

log = logging.getLogger("loanbook.pages")


@st.cache_resource(
    show_spinner=False, max_entries=32, hash_funcs={Settings: Settings.model_dump_json}
)
def _reader(where: Settings, sight: str, newest: int, _seen: Shown) -> LedgerReader:
    """The process's one connection for all who see the same of the instance. `newest`: of those who see some loans
    alone, which are gathered when the connection begins."""
    return LedgerReader(where, _seen, log_denial)


def _sight(who: Viewer) -> tuple[str, int, Shown]:
    """What names all that the viewer sees: of two who have the same, both see the same rows and columns."""
    seen = who.shown()
    if not seen.filters:
        return seen.reading.token, 0, seen
    every = _reader(who.where, WHOLE.token, 0, Shown())
    newest = every.query("SELECT max(version) FROM versions").row(0)[0]
    return seen.reading.token, newest or 0, seen


def ledger() -> LedgerReader:
    """The ledger of the instance that the environment names, as its viewer sees it. AccessError where it is
    nothing."""
    who = viewer()
    sight, newest, seen = _sight(who)
    return _reader(who.where, sight, newest, seen)


def whole() -> LedgerReader:
    """The ledger with every loan, for what is worked out of all of them at once: what of it the viewer is shown is for who
    asks to decide."""
    return _reader(viewer().where, WHOLE.token, 0, Shown())


def home() -> Path:
    """The instance's folder."""
    return viewer().where.home


def masked(*views: str) -> list[str]:
    """Columns of some views that the viewer's roles mask, as VIEW.COLUMN."""
    places = viewer().shown().reading.masks
    return sorted(each for each in places if each.partition(".")[0] in ("*", *views))


def key() -> str:
    """Part of the key of whatever is kept of reads: the instance, and what of it the viewer sees."""
    sight, newest, _ = _sight(viewer())
    return f"{home()}|{sight}|{newest}"


def policies() -> PolicyBook:
    """The instance's policy files, for buckets and scenarios."""
    return _policies(str(policies_folder(home())))


def stored_policies() -> PolicyBook:
    """The policies as loans were lived by them."""
    return _stored_policies(state(), key())


@st.cache_resource(show_spinner=False, max_entries=8)
def _stored_policies(state: int, key: str) -> PolicyBook:
    names = ledger().query("SELECT name FROM products ORDER BY code")["name"]
    return as_stored(ledger().lake(), policies().with_registry(names))


def state() -> int:
    """What is written in the ledger, as a number: another one after each write, also of what no version has yet."""
    return int(ledger().lake().one("SELECT id FROM {lake}.current_snapshot()")[0])


@st.cache_resource(show_spinner=False)
def _policies(folder: str) -> PolicyBook:
    return PolicyBook.of(each for each in policy_files(Path(folder)) if each[0] in FOLDERS)


@st.cache_data(max_entries=1024, show_spinner=False)
def rows(sql: str, parameters: dict[str, Any], version: int, key: str) -> pl.DataFrame:
    """Rows of a query; `version` is part of the key, so nothing ever goes stale, and so is what the viewer sees
    (`key`), so nobody gets another's rows."""
    return ledger().query(sql, parameters)


def ask(question: Question, version: int) -> pl.DataFrame:
    """Rows of a question as of a version."""
    return rows(question.sql, question.bound, version, key())


def plain(sql: str, version: int, **parameters: Any) -> pl.DataFrame:
    """Rows of a query that no chart is made of."""
    return ask(Question(sql, parameters), version)


@st.cache_data(max_entries=64, show_spinner=False)
def _filled(version: int, key: str) -> bool:
    must_be_filled(ledger().lake(), MARTS, version)
    return True


def must_have_marts(version: int) -> None:
    """LedgerError where marts lack a version, which would show as figures that are none."""
    _filled(version, key())


@st.cache_data(max_entries=64, show_spinner=False)
def _known_dimensions(version: int, key: str) -> dict[str, Dimension]:
    return dimensions(ledger().query)


def known_dimensions(version: int) -> dict[str, Dimension]:
    """Every dimension that loans of the ledger can be told apart by."""
    return _known_dimensions(version, key())


@st.cache_data(max_entries=256, show_spinner=False)
def _held(date: dt.date, version: int, key: str) -> pl.DataFrame:
    return ledger().held(date, version)


def held(date: dt.date, version: int) -> pl.DataFrame:
    """Loans that a date shows at their last good positions, as known at a version."""
    return _held(date, version, key())


@st.cache_data(max_entries=256, show_spinner=False)
def _mart(name: str, date: dt.date, version: int, key: str) -> pl.DataFrame:
    return ledger().mart(name, date, version)


def mart(name: str, date: dt.date, version: int) -> pl.DataFrame:
    """Rows of any mart of a date as known at a version."""
    return _mart(name, date, version, key())


def named_policies(folder: str) -> list[str]:
    """Names of the policies of a kind."""
    return sorted({p.name for kind, p in policies().policies if kind == folder})


def correlation_id() -> str:
    """Names an error in the log and on the page."""
    return uuid.uuid4().hex[:12]


def published_on(reader_: LedgerReader) -> pl.DataFrame:
    """Published versions, newest last, with what the head shows of them."""
    return reader_.query(
        "SELECT v.version, v.business_date, p.settled_at FROM versions v JOIN publications p "
        "ON p.version = v.version AND p.state = 'published' ORDER BY v.version"
    )


def last_state(reader_: LedgerReader) -> tuple[str, dt.date | None]:
    """`rejected` with its date if the newest settled version was refused, else `published`."""
    newest = reader_.query(
        "SELECT state FROM publications WHERE state <> 'skipped' ORDER BY settled_at DESC, version DESC LIMIT 1"
    )
    state = newest["state"][0] if newest.height else "empty"
    _, last = reader_.published_range()
    return state, last
