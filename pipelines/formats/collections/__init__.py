"""Files of work on late loans: read into typed rows, with the rows refused.

- `contacts` - contacts with borrowers, and what borrowers said of being contacted
- `promises` - promises to pay, and notices of borrowers
- `recovery` - legal steps, and loans placed with agencies
- `moments` - what they share
"""
