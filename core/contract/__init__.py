"""What was agreed: terms, calendars, day counts, due dates and the schedule they make.

- `terms` - the row a loan is boarded with
- `parameters` - what its product version pins, one column a rule
- `boarding` - how terms travel in the event that boards a loan
- `jurisdiction` - whose law a loan is under: a country or a part of one
- `money` - minor units, currencies, and the one exact quotient with its rounding modes
- `business_days` - holiday calendars and the conventions that roll a date
- `day_count` - fractions of a year as exact quotients, each convention by its name
- `due_dates` - due dates, counted from the anchor
- `effective_rate` - the factor of a period from an effective yearly rate
- `first_period` - first periods that are longer or shorter than the others
- `steps_and_seasons` - instalments that rise, fall or pause by step or by month
- `figures` - of one period: its rate, its interest, the principal it asks
- `schedule` - one step from an instalment to the next, the level instalment, the whole expansion
- `rule_of_78` - the rebate of a finance charge by the sum of the digits
- `apr` - annual percentage rates of Regulation Z, the EU and India
- `disclosure` - the rate that a loan's own schedule discloses before a payment is made
"""
