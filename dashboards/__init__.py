"""Streamlit pages: they read published versions and submit commands, never balances.

- `app` - the pages and how they are found
- `head` - the head of every page: title, state of the ledger, the two clocks
- `data` - reads of the pages, cached by query and version
- `portfolio` - the portfolio page
- `marts` - any mart as rows
- `charts` - figures as functions of frames
- `formats` - how figures are written
- `exports` - CSV, Parquet and XLSX of what is seen
- `theme` - colours by theme, one layout for all charts
"""
