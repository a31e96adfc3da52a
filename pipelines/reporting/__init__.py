"""Reports over published versions, and the pages that are generated of code and policies.

- `reconcile` - what the servicer reported beside what the ledger holds
- `dispute` - a dispute pack: a loan's path cent by cent, with proof
- `told` - an explanation as text
- `products` - docs/products.md: what each product makes of one loan
- `reference` - docs/reference.md: metrics, tables and columns
"""
