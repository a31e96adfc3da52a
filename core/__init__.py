"""The servicing core: frames and policies in, frames out.

Everything here is pure but for :mod:`loanbook.core.store`: no file, clock, network or database.
A room imports those above it in this list, never one below (`lint-imports` holds it):

- `errors` - the domain's own errors: what was found, where, what was expected, what to do
- `frames` - frames of a schema, empty ones made once
- `catalogue` - numbers that stand for what is stored: kinds of event, states, account roles
- `contract` - what was agreed: terms, calendars, day counts, due dates, schedules
- `ledger` - events in, movements of money out: the two frames that are stored for good
- `policy` - the lender's rules as files: read, validated, and in force on a date
- `payments` - what banks tell of money in and out, in one typed form
- `servicing` - the life of a loan, day by day, in rooms of its own
- `risk_events` - every change of a loan's risk state, told once with its cause, and corrected
- `reporting` - figures of published positions: metrics, portfolio, journal, reconciliation
- `store` - the versioned ledger in DuckLake, the only room that touches a database
"""
