"""Endings: off the books, given up, settled, or closed at exactly zero.

- `closing` - charge-off by order, what is extinguished, and closing at zero
- `interest_at_charge_off` - schedules held as rows whose interest ends with a charge-off
"""
