"""Reads of the pages: one connection a process, results cached by query and version."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from loanbook.core.policy.book import PolicyBook
from loanbook.core.policy.models import FOLDERS
from loanbook.core.store.instance import policies_folder, policy_files
from loanbook.core.store.marts import GROUPED
from loanbook.core.store.reader import LedgerReader
from loanbook.core.store.settings import Settings

log = logging.getLogger("loanbook.pages")


@st.cache_resource(show_spinner=False)
def reader(home: str, catalogue: str) -> LedgerReader:
    """The process's one connection to the instance."""
    return LedgerReader(Settings(home=Path(home), catalogue=catalogue))


def ledger() -> LedgerReader:
    """The ledger of the instance that the environment names."""
    where = Settings.from_environment()
    return reader(str(where.home), where.catalogue)


def policies() -> PolicyBook:
    """The instance's policy files, for buckets."""
    return _policies(str(policies_folder(Settings.from_environment().home)))


@st.cache_resource(show_spinner=False)
def _policies(folder: str) -> PolicyBook:
    return PolicyBook.of(each for each in policy_files(Path(folder)) if each[0] in FOLDERS)


@st.cache_data(max_entries=256, show_spinner=False)
def rows(sql: str, parameters: tuple[Any, ...], version: int, home: str) -> pl.DataFrame:
    """Rows of a query; `version` and `home` are part of the key, so nothing ever goes stale."""
    return ledger().query(sql, list(parameters))


def ask(sql: str, version: int, *parameters: Any) -> pl.DataFrame:
    """Rows of a query as of a version."""
    return rows(sql, parameters, version, str(ledger().settings.home))


@st.cache_data(max_entries=1024, show_spinner=False)
def _portfolio(date: dt.date, version: int, home: str) -> pl.DataFrame:
    return ledger().portfolio_on(date, version)


def portfolio(date: dt.date, version: int, grades: list[str]) -> pl.DataFrame:
    """A date by currency, days past due and status as known at a version: from the mart, or, of some grades
    alone, from the positions."""
    if not grades:
        return _portfolio(date, version, str(ledger().settings.home))
    where, values = of_grades(grades, "p")
    return ask(GROUPED.format(where=where), version, date, version, *values)


@st.cache_data(max_entries=256, show_spinner=False)
def _held(date: dt.date, version: int, home: str) -> pl.DataFrame:
    return ledger().held(date, version)


def held(date: dt.date, version: int) -> pl.DataFrame:
    """Loans that a date shows at their last good positions, as known at a version."""
    return _held(date, version, str(ledger().settings.home))


@st.cache_data(max_entries=256, show_spinner=False)
def _mart(name: str, date: dt.date, version: int, home: str) -> pl.DataFrame:
    return ledger().mart(name, date, version)


def mart(name: str, date: dt.date, version: int) -> pl.DataFrame:
    """Rows of any mart of a date as known at a version."""
    return _mart(name, date, version, str(ledger().settings.home))


def bucket_files() -> list[str]:
    """Names of the bucket files there are."""
    return sorted({p.name for folder, p in policies().policies if folder == "buckets"})


def correlation_id() -> str:
    """Names an error in the log and on the page."""
    return uuid.uuid4().hex[:12]


FLOWS = """
SELECT date_trunc('month', value_date)::DATE AS month,
       sum(amount) FILTER (WHERE d.name = 'loan_principal' AND c.name = 'payout_clearing')::BIGINT AS disbursed,
       (sum(amount) FILTER (WHERE d.name = 'payment_clearing') - coalesce(sum(amount) FILTER
           (WHERE c.name = 'payment_clearing' AND t.booking_date > t.value_date), 0))::BIGINT AS collected,
       sum(amount) FILTER (WHERE d.name = 'credit_loss')::BIGINT AS charged_off
FROM transfers t JOIN account_roles d ON d.code = t.debit JOIN account_roles c ON c.code = t.credit
WHERE t.loan_id > 0 AND t.currency = ? AND t.version <= ? AND t.value_date <= ? {where} GROUP BY 1 ORDER BY 1
"""
CHECKS = """
SELECT suite, name, passed, broken, figures FROM checks WHERE version = ? ORDER BY suite, name
"""
GRADES = "SELECT DISTINCT value FROM loan_attributes WHERE name = 'grade' ORDER BY 1"


def of_grades(grades: list[str], alias: str) -> tuple[str, tuple[str, ...]]:
    """A condition on the loan's grade, and its parameters."""
    if not grades:
        return "", ()
    marks = ", ".join("?" for _ in grades)
    return (
        f"AND {alias}.loan_id IN (SELECT loan_id FROM loan_attributes "
        f"WHERE name = 'grade' AND value IN ({marks}))",
        tuple(grades),
    )


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
