"""Applications, facts, decisions and cases as the ledger keeps them: rows are added, none is changed.

- `known` - what intake asks: which applications and records came before
- `reading` - what waits for a decision, what was decided and why, and where cases stand
- `persons` - decisions of persons: what they follow, and keeping them
- `screening` - lists of sanctions by edition, who was screened by which, hits and what persons said of them
- `linking` - pairs of records that may be of one person, by splink, in memory alone
- `merges` - pairs that were found, what people said of them, and whom reads take for one person
- `calls` - providers' answers: reference, code, latency
- `letters` - rejected applications that no letter tells yet
- `own_history` - loans that applicants had of this ledger before, as they were known on a day
- `writing` - decisions with what they rest on, and events of cases, in one transaction
"""
