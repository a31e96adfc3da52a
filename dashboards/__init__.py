"""Streamlit pages: they read published versions and submit commands, never balances.

- `serving` - what a server runs: `streamlit run dashboards/serving/server.py`
- `registry` - every page, in the order of the navigation
- `page` - what a page declares: address, title, icon, group
- `data` - reads of the pages, cached by question and version
- `formats` - how figures are written
- `people` - who looks: signing in and out, what each may see
- `theme` - colours by theme, one layout for all charts
- `parts` - what pages share: head, scope and filters, cards of a chart with its query and exports
- `charts` - figures as functions of frames
- `pages` - a module a page
- `payments` - the page of banks' files and suspense
"""
