"""Replay: loans lived again, or ahead, by the steps of the one close.

- `replay` - loans from their events alone
- `fast_forward` - loans from one date on which something happens to the next, each at its own pace
- `quiet_days` - the days between in closed form
- `holding` - loans that a day passes by, at their last good positions
- `backdating` - loans that a backdated event or a reversal touches, lived again and restated
- `payoff_quote` - what settles a loan on a date
- `interest_refunds` - the interest that a refund gives back with it
- `what_if` - loans under other policies, beside what was; nothing is written
"""
