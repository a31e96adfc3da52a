"""Streamlit pages: they read published versions and submit commands, never balances."""
