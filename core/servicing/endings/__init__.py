"""Endings: off the books, given up, settled, or closed at exactly zero.

- `charge_off` - off the books by order or by rule; the claim lives on
- `interest_at_charge_off` - what of a schedule's interest is claimed then, and what ends
- `write_off` - the claim is given up and extinguished
- `settlement` - what was agreed has come, the rest is given up
- `small_balance` - a small claim after the last instalment is written off, by rule
- `closing` - closed at zero, or overpaid
- `reopening` - an ended loan is in the book again
"""
