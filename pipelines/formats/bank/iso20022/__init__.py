"""Messages of ISO 20022; `schemas.zip` holds the schemas that they are checked against.

- `stream` - a message as a stream of elements, checked as they pass
- `gathering` - what a message tells, gathered while its elements pass by
- `camt` - statements, reports of the day and notifications
- `pain` - instructions: credit transfers and direct debits
- `pain_status` - what became of them
"""
