"""Finding a loan and keeping views from every page, and the links from page to page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from loanbook.core.contract.money import EXPONENT
from loanbook.core.store.segments.finder import MOST, find_loans
from loanbook.dashboards import data
from loanbook.dashboards.parts.views import forget, save, saved

LINKS: dict[str, Any] = {}
"""Pages as Streamlit knows them, by path; empty where a page is drawn by itself."""


def link(path: str, label: str, **query: str) -> None:
    """A link to a page, keeping both clocks."""
    kept = {k: v for k in ("as_of", "version") if (v := st.query_params.get(k))}
    if path in LINKS:
        st.page_link(LINKS[path], label=label, query_params={**kept, **query})
    else:
        st.caption(label)


def finder() -> None:
    """A field that finds loans, with a link to each."""
    with st.popover("Find a loan", icon=":material/search:"):
        text = st.text_input(
            "Loan number, key, borrower token or amount", key="find", placeholder="#7, 24,500.00",
            help="A number as #7, the lender's own key or its beginning, a borrower's token, or an amount "
            "that was lent or paid.",
        )  # fmt: skip
        if not text:
            return
        found = find_loans(data.ledger().query, text)
        if found.is_empty():
            st.info("No loan has that number, key, borrower or amount.")
        for row in found.head(12).to_dicts():
            lent = row["principal_agreed"] / 10 ** EXPONENT[row["currency"]]
            label = f"#{row['loan_id']} {row['loan_key']}, {lent:,.2f} {row['currency']}, {row['state']} ({row['why']})"
            link("loan", label, loan=str(row["loan_id"]))
        if found.height > 12:
            more = f"{found.height}" if found.height < MOST else f"{MOST} or more"
            st.caption(f"12 of {more} loans; write more of the key.")


def saved_views(home: Path) -> None:
    """Views of any page by name: open one, keep this one, take one away."""
    with st.popover("Views", icon=":material/bookmark:"):
        for name, view in saved(home).items():
            with st.container(horizontal=True, vertical_alignment="center"):
                path = view.get("page", ["portfolio"])[0]
                if path in LINKS:
                    query = [(k, v) for k, values in view.items() if k != "page" for v in values]
                    st.page_link(LINKS[path], label=name, query_params=query)
                if st.button("", key=f"forget {name}", icon=":material/delete:", type="tertiary",
                             help=f"Take {name} away"):  # fmt: skip
                    forget(home, name)
                    st.rerun()
        kept = st.text_input("Keep this view as", key="view_name", max_chars=60)
        if st.button("Keep", key="keep_view", disabled=not kept):
            view = {key: st.query_params.get_all(key) for key in st.query_params}
            view["page"] = [str(st.session_state.get("_path", "portfolio"))]
            try:
                save(home, kept, view)
            except ValueError as error:
                st.error(str(error))
            else:
                st.success(f"Kept as {kept.strip()}; a colleague finds it here.")
