"""Interest: what a night earns, exactly, and at which rate.

- `accrual` - interest by nights, exact in segments of one balance, rounded to be shown
- `at_once` - interest that counts as earned on a day, not by nights
- `cash_advances` - the part of a line of credit that bears more, from its first night
- `index_rates` - floating rates: which loans reset on an index value, and to what
- `pauses` - nights that bear no interest by agreement, and which pause comes next
- `rate_ceilings` - the rate that the law lets a borrower on active duty bear
- `rebate` - what interest a payoff asks: to the date, to the period's end, or less a rebate
"""
