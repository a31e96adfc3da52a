"""A second reckoning of a loan's life: one loan at a time, in exact fractions, a step at a time.

Written from the domain's rules alone, without the engine, and plain rather than fast.

- `numbers`: rounding
- `dates`: due dates, day counts, business days
- `model`: terms, events, dues, the state of a day
- `schedule`: rate factors, the level instalment, the agreed schedule
- `loan`: what is held of a loan, what it earned, since when it is late
- `billing`: what an instalment asks when its period ends
- `charges`: fees, penalties, taxes
- `money`: where money goes
- `changes`: what the parties change
- `respreading`: arrears spread anew, instalments passed over, a contract that ends
- `endings`: charged off, given up, charged back, at an end
- `life`: the order of the day, and every day of a life
"""
