"""What an intake asks of all that ever came, at a cost that goes by what it brings.

- `keys` - loans and events by their keys: a 64-bit hash in a sorted table, then the text
- `files` - files by their content; folders of the landing folder that rest
"""
