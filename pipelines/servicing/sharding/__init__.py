"""A day closed in shards: each reads, closes and writes its own loans; one commit takes all of them.

- `computing` - one day of a book or of a part of it: closed lawfully, with what the ledger stores of it
- `spec` - what is told to a shard, and what it tells
- `shard` - a shard's work, in whatever process
- `executors` - where shards run: this process, worker processes, Dask, Ray
- `merging` - what shards told, as one day
- `driver` - cuts days into shards, commits and publishes them
"""
