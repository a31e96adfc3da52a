"""Files of work on late loans, taken in: each row once, a known key with other content is a conflict.

- `records` - how rows of any of them enter
- `contacts` - contacts with borrowers, and what borrowers said of being contacted
- `promises` - promises to pay, and notices of borrowers
- `recovery` - legal steps, and loans placed with agencies
"""
