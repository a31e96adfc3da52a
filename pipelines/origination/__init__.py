"""From landed applications to decisions: what is known of each is gathered, decided, kept; cases move.

- `gathering` - inputs of decisions as they were known on a day
- `deciding` - what waits is decided by the champions, kept, and its cases moved; made again; compared
- `underwriting` - persons decide what the policy refers to them; above a threshold another confirms it
- `screening` - persons of the vault matched with lists of sanctions, again where a list or a person changed
- `duplicates` - records that may be of one person: found, merged by order, undone
- `papers` - documents of applicants opened with a reason, and proven
- `letters` - notices of adverse action, a letter to each who was turned down
- `assets` - Dagster's assets of applications and decisions, with their checks
"""
