"""Charges: what a borrower is asked beside principal and the contract's interest.

- `ordered` - a fee or penalty by order, and the waiver of one
- `fees` - late, annual and origination fees, by policy
- `penal_interest` - what overdue money bears, simple and on no account until it is asked
"""
