"""What intake would make of a file, with nothing stored.

- `trial` - a file read as intake reads it: rows, rules they break, columns that are read
- `suggestion` - a mapping for a header that no mapping fits
"""
