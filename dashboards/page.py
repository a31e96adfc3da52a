"""What a page declares: its address, its place in the navigation, what draws it. Who may read it stands in core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from loanbook.core.access.actor import AccessError
from loanbook.core.access.pages import PAGES, may_see
from loanbook.core.errors import LedgerError
from loanbook.dashboards.data import correlation_id, log
from loanbook.dashboards.people.viewer import Viewer, log_denial, look


@dataclass(frozen=True)
class Page:
    """One page: one declaration beside the function that draws it."""

    path: str
    """Its address, which links and saved views name, and `core/access/pages.py`."""
    title: str
    icon: str
    group: str
    draw: Callable[[], None]

    def why_not(self, viewer: Viewer) -> str:
        """What a viewer lacks to read it; empty: nothing."""
        return may_see(viewer.access, viewer.actor, PAGES[self.path]).why

    def show(self) -> None:
        """Draw it, for who may read it. A page that fails says what and names itself; the traceback goes to the log."""
        try:
            viewer = look()
            if viewer is None:
                raise AccessError("nobody is signed in; sign in, then open the page again")
            if why := self.why_not(viewer):
                raise AccessError(why)
            self.draw()
        except AccessError as error:
            self._denied(str(error))
        except LedgerError as error:
            st.title(self.title, anchor=False)
            st.info(str(error))
        except Exception:
            name = correlation_id()
            log.exception("page %s failed, correlation id %s", self.path, name)
            st.error(f"This page could not be drawn. The log has the cause under {name}.")

    def _denied(self, why: str) -> None:
        """Say what is missing; nobody takes what is hidden for an empty table."""
        st.title(self.title, anchor=False)
        st.warning(f"Not shown to you: {why}.", icon=":material/lock:")
        if look() is not None:
            log_denial(why, self.path)
