"""Money of agreements out: what must be so first, who asks and approves, and the proof that it went.

- `evidence` - identity checks and whose an account is, recorded
- `gating` - what holds a payout back, each gate by its name
- `proposing` - a payout asked for under an idempotency key, as an order that another person approves
- `proof` - proof of disbursement, as PDF and JSON
"""
