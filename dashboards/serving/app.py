"""The pages: `streamlit run dashboards/app.py`, or `make dashboard`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from loanbook.core.store.people.acting import is_demo
from loanbook.core.store.settings import Settings
from loanbook.dashboards.parts import finder
from loanbook.dashboards.registry import PAGES

st.set_page_config(
    page_title="loanbook", layout="wide", page_icon=str(Path(__file__).with_name("icon.png"))
)

if not is_demo(Settings.from_environment()):
    st.title("loanbook", anchor=False)
    st.error(
        'The pages ask nobody who they are, so they show a demo instance alone; this one says profile = "production" '
        "in loanbook.toml. `loanbook` on the command line and notebooks ask, and show what your roles may see."
    )
    st.stop()

groups: dict[str, list[Any]] = {}
for each in PAGES:
    shown = st.Page(each.show, title=each.title, icon=each.icon, url_path=each.path)
    groups.setdefault(each.group, []).append(shown)
    finder.LINKS[each.path] = shown


def begin() -> None:
    """`/` leads to the first page. Streamlit serves its default page there alone, so none of ours is it."""
    asked = [(name, value) for name in st.query_params for value in st.query_params.get_all(name)]
    st.switch_page(finder.LINKS[PAGES[0].path], query_params=asked)


start = st.Page(begin, title="loanbook", url_path="start", default=True, visibility="hidden")
groups[PAGES[0].group].append(start)
current = st.navigation(groups, position="top")
st.session_state["_path"] = current.url_path
current.run()
st.caption(
    'A demo instance (profile = "demo" in loanbook.toml): whoever opens these pages sees all of it.'
)
