"""The daily close: close, check, commit, check again, publish; day by day.

- `days` - a range of days as one run; the first failure stops it
- `sharding` - a large book's day closed in shards, here, in worker processes or on a cluster
- `publishing` - days that are computed become versions, those of a small book together
- `held` - loans that are held, as a lender knows them
- `messages` - word to the program that the instance names
- `progress` - who wants to hear of each published day
- `quality` - Great Expectations suites over a committed version
- `verify` - replay and rebuild: recompute from events, compare, write nothing
- `assets` - Dagster assets of the close
- `jobs` - the one job: landing to published versions and reports
- `schedules` - every night, and when files land
- `alerts` - word of a failed run, by the program that the instance names
- `reported` - days that the command closed, told to Dagster
"""
