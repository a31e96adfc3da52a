"""Orders: what people may order of a loan, by its state and its product.

- `allowed` - the table of kinds and states, then what each kind of order asks
"""
