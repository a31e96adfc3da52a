"""What a page declares: its address, its place in the navigation, what draws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from loanbook.core.errors import LedgerError
from loanbook.dashboards.data import correlation_id, log


@dataclass(frozen=True)
class Page:
    """One page: one declaration beside the function that draws it."""

    path: str
    """Its address, which links and saved views name."""
    title: str
    icon: str
    group: str
    draw: Callable[[], None]

    def show(self) -> None:
        """Draw it. A page that fails says what and names itself; the traceback goes to the log."""
        try:
            self.draw()
        except LedgerError as error:
            st.title(self.title, anchor=False)
            st.info(str(error))
        except Exception:
            name = correlation_id()
            log.exception("page %s failed, correlation id %s", self.path, name)
            st.error(f"This page could not be drawn. The log has the cause under {name}.")
