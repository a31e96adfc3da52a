"""Documents on paper: the same bytes for the same words, kept by their hash, signed, proven.

- `rendering` - a template and what stands in it, as a PDF
- `templates` - what pages look like, by kind of document
- `keeping` - the store of documents by the hash of their content
- `making` - an agreement's papers as documents
- `closing` - letters of loans that have ended, each once
- `assets` - Dagster's asset of these letters
- `signing` - signatures, behind an adapter
- `verifying` - every document proven, byte by byte
"""
