"""The audit pack: what an auditor asks for, by both clocks, with a manifest and a verifier that needs nothing.

- `contents` - which files a pack has, and what stands in them
- `writing` - the files and their manifest, the same bytes each time, resumed where a writing died
- `verify` - one file with the standard library alone, copied into each pack: it names what doesn't fit
"""
