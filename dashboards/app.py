"""The pages: `streamlit run dashboards/app.py`, or `make dashboard`."""

from __future__ import annotations

import streamlit as st

from loanbook.core.errors import LedgerError
from loanbook.dashboards import portfolio
from loanbook.dashboards.data import correlation_id, log

st.set_page_config(page_title="loanbook", layout="wide")


def guarded() -> None:
    """A page that fails says what and names itself; the traceback goes to the log."""
    try:
        portfolio.page()
    except LedgerError as error:
        st.title("Portfolio", anchor=False)
        st.info(str(error))
    except Exception:
        name = correlation_id()
        log.exception("page portfolio failed, correlation id %s", name)
        st.error(f"This page could not be drawn. The log has the cause under {name}.")


st.navigation(
    [st.Page(guarded, title="Portfolio", url_path="portfolio", default=True)], position="top"
).run()
