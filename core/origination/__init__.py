"""From an application to a loan: what is known of applicants, and where each case stands. Pure.

- `case` - the states of a case, which event leads where, and what follows from its events
"""
