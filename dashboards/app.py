"""The pages: `streamlit run dashboards/app.py`, or `make dashboard`."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from loanbook.core.errors import LedgerError
from loanbook.dashboards import marts, portfolio
from loanbook.dashboards.data import correlation_id, log
from loanbook.dashboards.payments import page as payments

st.set_page_config(page_title="loanbook", layout="wide")


def guarded(title: str, draw: Callable[[], None]) -> None:
    """A page that fails says what and names itself; the traceback goes to the log."""
    try:
        draw()
    except LedgerError as error:
        st.title(title, anchor=False)
        st.info(str(error))
    except Exception:
        name = correlation_id()
        log.exception("page %s failed, correlation id %s", title.lower(), name)
        st.error(f"This page could not be drawn. The log has the cause under {name}.")


st.navigation(
    [
        st.Page(
            lambda: guarded("Portfolio", portfolio.page), title="Portfolio", url_path="portfolio",
            default=True,
        ),
        st.Page(lambda: guarded("Payments", payments.page), title="Payments", url_path="payments"),
        st.Page(lambda: guarded("Marts", marts.page), title="Marts", url_path="marts"),
    ],
    position="top",
).run()  # fmt: skip
