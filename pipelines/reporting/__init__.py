"""Reports over published versions, and the pages that are generated of code and policies.

- `reconcile` - what the servicer reported beside what the ledger holds
- `dispute` - a dispute pack: a loan's path cent by cent, with proof
- `wording` - an explanation as text
- `assets` - Dagster assets of the reports and marts
- `products` - docs/products.md: what each product makes of one loan
- `reference` - docs/reference.md: metrics, tables and columns
- `day_page` - docs/order-of-the-day.md: the steps of a close
- `policies_page` - docs/policy-fields.md, and the schemas that editors read
- `files_page` - docs/file-kinds.md: columns of every file that is taken in
- `pages` - all of them, written by `make docs`
"""
