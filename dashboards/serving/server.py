"""Serves the pages with what a sign-in takes: `streamlit run dashboards/serving/server.py`, or `loanbook pages`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from loanbook.core.store.settings import Settings
from loanbook.dashboards.people.provider import secrets
from loanbook.dashboards.people.session import MIDDLEWARE, ROUTES

app = st.App(
    Path(__file__).with_name("app.py"),
    routes=ROUTES,
    middleware=MIDDLEWARE,
    secrets=secrets(Settings.from_environment()),
)
