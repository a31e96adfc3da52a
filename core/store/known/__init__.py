"""What an intake asks of all that ever came, at a cost that goes by what it brings.

- `keys` - loans and events by their keys: a 64-bit hash in a sorted table, then the text
- `files` - files by their content; folders of the landing folder that rest
- `contacts` - the contact log of a period, with what came before and may count
- `persons` - borrowers by their tokens in the vault of persons
- `reminders` - reminders, and what became of each
- `risk_events` - risk events from an offset on, as a subscriber reads them
"""
