"""From an application to a loan: what is known of applicants, and where each case stands. Pure.

- `applications` - what an application says, as it is kept
- `facts` - what sources tell of applicants and from when on it was known; what of it a moment knows
- `documents` - documents that applicants hand in: what they may be
- `trade_lines` - what trade lines of a bureau's report come to
- `cash_flow` - what bank data come to
- `links` - what applications share: velocity, neighbours, connected components
- `screening` - persons beside names of lists of sanctions
- `duplicates` - records of persons made ready to be compared, and who is one person by what people merged
- `case` - the states of a case, which event leads where, and what follows from its events
"""
