"""The pages: `server` serves them; each run begins with who looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from loanbook.dashboards.parts import finder
from loanbook.dashboards.people import sign_in, who
from loanbook.dashboards.people.viewer import Viewer, look
from loanbook.dashboards.registry import PAGES

st.set_page_config(
    page_title="loanbook", layout="wide", page_icon=str(Path(__file__).parents[1] / "icon.png")
)


def pages(viewer: Viewer | None) -> dict[str, list[Any]]:
    """Every page by its group; those that the viewer may not read keep their address, and say what is missing."""
    groups: dict[str, list[Any]] = {}
    first = ""
    for each in PAGES:
        seen = viewer is None or each.why_not(viewer) == ""
        first = first or (each.path if seen else "")
        shown = st.Page(each.show, title=each.title, icon=each.icon, url_path=each.path,
                        visibility="visible" if seen else "hidden")  # fmt: skip
        groups.setdefault(each.group, []).append(shown)
        finder.LINKS[each.path] = shown

    def begin() -> None:
        """`/` leads to the first page. Streamlit serves its default page there alone, so none of ours is it."""
        asked = [(name, v) for name in st.query_params for v in st.query_params.get_all(name)]
        st.switch_page(finder.LINKS[first or PAGES[0].path], query_params=asked)

    start = st.Page(begin, title="loanbook", url_path="start", default=True, visibility="hidden")
    groups[PAGES[0].group].append(start)
    return groups


viewer = look()
current = st.navigation(pages(viewer), position="top" if viewer else "hidden")
place = st.empty()
with place.container():
    asks = viewer is None or (not viewer.is_demo and sign_in.second_factor(viewer))
    if viewer is None:
        sign_in.draw()
if viewer is not None and not asks:
    place.empty()  # at once: else key and form stand on the page until it is drawn
    st.session_state["_path"] = current.url_path
    who.line(viewer)
    current.run()
who.cookies()  # last: a run that leads to another page ends before
