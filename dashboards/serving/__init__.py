"""What a server of the pages runs: `streamlit run dashboards/serving/server.py`, or `loanbook pages`.

A folder of its own: beside a folder named `pages` Streamlit looks for pages there until a first run told it of ours,
and says of an address that there is no such page.

- `server` - the server: its routes, headers, and the settings of a provider
- `app` - a run of the pages: who looks, the navigation, the page
"""
