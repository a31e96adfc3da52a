"""Streamlit pages: they read published versions and submit commands, never balances.

- `app` - serves the pages: `streamlit run dashboards/app.py`
- `registry` - every page, in the order of the navigation
- `page` - what a page declares: address, title, icon, group
- `data` - reads of the pages, cached by question and version
- `formats` - how figures are written
- `theme` - colours by theme, one layout for all charts
- `parts` - what pages share: head, scope and filters, cards of a chart with its query and exports
- `charts` - figures as functions of frames
- `pages` - a module a page
- `payments` - the page of banks' files and suspense
"""
