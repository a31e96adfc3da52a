"""An audit pack: asked for by both clocks and a scope, made when it is clicked, as the viewer's roles show it."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import streamlit as st

from loanbook.core.access.actor import AccessError
from loanbook.core.policy.rights.roles import SCOPES
from loanbook.dashboards import data
from loanbook.dashboards.parts.head import Clocks
from loanbook.dashboards.people.viewer import EXPORT, Viewer

_LOANS = 100_000
"""Above so many loans a pack is asked for by the command: a page keeps all of it in memory."""


def draw(who: Viewer) -> None:
    """Draw the card of a pack."""
    from loanbook.pipelines.reporting.audit_pack.formats import FORMATS

    with st.container(border=True):
        st.subheader("Audit pack", anchor=False, help="Loan tape, events, schedules, allocations, approvals, journal, "
                     "policies, access log and proofs, with a verifier that needs Python alone.")  # fmt: skip
        if why := who.may(EXPORT).why:
            st.caption(f"Not shown to you: {why}.")
            return
        published = data.published_on(data.ledger())
        if published.is_empty():
            st.info("Nothing is published yet.")
            return
        newest = published.row(-1, named=True)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            on = st.date_input("As of", value=newest["business_date"], key="pack_as_of", width=160,
                               min_value=published["business_date"].sort()[0], max_value=newest["business_date"])  # fmt: skip
            known = st.number_input("Known at version", 1, newest["version"], newest["version"], key="pack_known_at", width=160)  # fmt: skip
            forms = st.multiselect(
                "As", list(FORMATS), default=["csv"], key="pack_forms", width=240
            )
            papers = st.toggle("Statements as PDF", key="pack_papers")
        scope = _scope()
        if not forms:
            st.info("Choose a form.")
            return
        _button(who, Clocks(on, known, known, latest=False), scope, (forms, papers))


def _scope() -> dict[str, list[str]]:
    with st.popover("Scope", icon=":material/filter_list:"):
        st.caption("Loans that fit one of the values of each; none: all that you see.")
        return {
            name: [each.strip() for each in st.text_input(name.capitalize(), key=f"pack_{name}", placeholder="several: A, B").split(",") if each.strip()]
            for name in SCOPES
        }  # fmt: skip


def _button(
    who: Viewer, clocks: Clocks, scope: Mapping[str, list[str]], forms: tuple[list[str], bool]
) -> None:
    loans = int(data.ledger().query("SELECT count(*) FROM loan_keys").row(0)[0])
    if loans > _LOANS:
        st.info(f"{loans:,} loans are more than a page can pack; `loanbook export FOLDER` writes them to a disk.")  # fmt: skip
        return
    named = "_".join(value for values in scope.values() for value in values)[:40]
    st.download_button(
        "Make the pack", partial(_made, who, clocks, scope, forms),
        f"audit-pack_{clocks.as_of}_v{clocks.known_at}{f'_{named}' if named else ''}.zip", "application/zip",
        key="pack", type="primary", icon=":material/folder_zip:", on_click="ignore",
        help="It is made when you click. Its digest then stands in the trail: ledger.export.",
    )  # fmt: skip


def _made(
    who: Viewer, clocks: Clocks, scope: Mapping[str, list[str]], forms: tuple[list[str], bool]
) -> bytes:
    """The pack as one file; the same bytes for the same question. AccessError where the session ended by now."""
    from loanbook.pipelines.reporting.audit_pack.asked import asked_for
    from loanbook.pipelines.reporting.audit_pack.exporting import Requester, export_pack

    now = who.still_there()
    if why := now.may(EXPORT).why:
        raise AccessError(why)
    wanted = asked_for(
        [f"{name}={each}" for name, values in scope.items() for each in values], *forms
    )
    by = Requester(now.actor, now.shown(), now.may("audit.read").allowed)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pack"
        export_pack(now.people, by, folder, wanted, clocks.as_of, clocks.known_at)
        return _zipped(folder)


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            name = zipfile.ZipInfo(f"pack/{path.relative_to(folder).as_posix()}")  # no clock in it
            name.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(name, path.read_bytes())
    return buffer.getvalue()
