"""Servicing: one pure close takes the whole portfolio through a day.

The rooms stand in the order of a day and of a loan's life. Each imports those before it, never one
after it (`lint-imports` holds it); start at `day.steps` for the day, at `loan.book` for the state:

- `loan` - what a loan is on a date, and what moves it
- `arrears` - how long something is unpaid, by which convention
- `interest` - what a night earns, at which rate
- `schedule` - what falls due when, and how much of it
- `income` - what of it is income of the lender, and when
- `charges` - fees, penalties and penal interest
- `payments` - where money goes
- `changes` - what the parties change in the contract
- `endings` - how a loan ends
- `orders` - what people may order of a loan, by its state
- `day` - the day itself: steps, events, close
- `replay` - many days at once: replay, backdated events, quotes, what-if
- `explain` - why a figure is what it is
- `laws` - what must hold before a close may be committed
"""
