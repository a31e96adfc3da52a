"""The audit pack: what an auditor asks for, by both clocks, with a manifest and a verifier that needs nothing.

- `contents` - which files a pack has, and what stands in them
- `formats` - a table as CSV, Parquet or XLSX, whole and with the same bytes each time
- `statements` - borrowers' statements as JSON and on paper
- `metro2` - what credit bureaus are told of loans and their borrowers
- `asked` - what is asked of a pack: formats, scope, and since which export restatements are told
- `writing` - the files and their manifest, the same bytes each time, resumed where a writing died
- `exporting` - a pack for who asks, by a command or on a page, told in the trail
- `verify` - one file with the standard library alone, copied into each pack: it names what doesn't fit
"""
