"""What keeps a ledger sound beside its closes.

- `used_policies` - policy versions that loans live by, stored with their content when first used
- `files` - data files: flushed before they are published, looked for, merged; a version taken back
"""
