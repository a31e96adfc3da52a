"""Positions as they are stored: what every loan has in one table, each group of what few have in its own.

- `tables` - which columns stand in which table; a day's positions cut into their rows, and read back
- `constants` - columns of a table that hold one value, and need not be read
- `view` - the same as one table, which every other query names: `positions`
"""
