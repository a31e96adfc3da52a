"""Charges: what a borrower is asked beside principal and the contract's interest.

- `ordered` - a fee or penalty by order, and the waiver of one
- `fee_amount` - how much a fee by policy is, between floor and cap
- `late_fees` - on unpaid instalments, after their grace
- `annual_fees` - on the anniversary of the payout
- `origination_fees` - at the payout
- `prepayment_fees` - at an early payoff
- `penal_interest` - what overdue money bears, simple and on no account until it is asked
"""
