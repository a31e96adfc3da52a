"""What keeps a ledger sound beside its closes.

- `used_policies` - policy versions that loans live by, stored with their content when first used
- `files` - data files: flushed before they are published, looked for; a version taken back
- `partitions` - which ledgers keep their positions by year or month
- `maintenance` - files merged by month, snapshots expired, what is left over cleaned up by age
"""
