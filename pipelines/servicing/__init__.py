"""The daily close: close, check, commit, check again, publish; day by day."""
