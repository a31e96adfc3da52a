"""Work on late loans as the ledger has it: read by both clocks, judged by core.

- `promised` - promises, and what became of them
- `queued` - the day's queue of the whole book
- `assets` - Dagster's asset of the queue
- `desk` - what of it somebody sees, and its loans as attributes of users
- `compared` - strategies against each other
- `performing` - what came of the work over a period: promises, contacts, agents, strategies
- `one` - one late loan
- `placed` - loans that stand with agencies, and their commission
- `written` - what people write down of one, as rows of a file
"""
