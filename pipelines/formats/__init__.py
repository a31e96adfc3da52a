"""One module a file format: raw text in, typed rows with line numbers and quarantine out.

To add a format: write a module with `COLUMNS` and `parse`, and its row in `KINDS` of
:mod:`loanbook.pipelines.formats.registry`.
"""
