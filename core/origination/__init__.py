"""From an application to a loan: what is known of applicants, and where each case stands. Pure.

- `applications` - what an application says, as it is kept
- `facts` - what sources tell of applicants and from when on it was known; what of it a moment knows
- `case` - the states of a case, which event leads where, and what follows from its events
"""
