"""From terms to a loan: quoted, offered, agreed, handed off.

- `quoting` - what loans would ask and cost, by the engine
- `parties` - who is bound: persons of the vault, by token and mask
- `papers` - the same as what stands on paper
- `offering` - offers: made, accepted, signed
- `withdrawing` - a borrower withdraws, and the loan is unwound
- `handing_off` - signed agreements as loans, and what does not tie
- `cases` - what was decided binds the offer, and cases follow their agreements
- `assets` - what Dagster knows of it
"""
