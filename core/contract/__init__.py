"""What was agreed: terms, calendars, day counts, due dates and the schedule they make.

- `terms` - the row a loan is boarded with
- `parameters` - what its product version pins, one column a rule
- `boarding` - how terms travel in the event that boards a loan
- `jurisdiction` - whose law a loan is under: a country or a part of one
- `currencies` - the decimals of every currency of ISO 4217
- `money` - minor units, currencies, and the one exact quotient with its rounding modes
- `dates` - due dates, the days between them, the days that are none
- `effective_rate` - the factor of a period from an effective yearly rate
- `first_period` - first periods that are longer or shorter than the others
- `odd_periods` - periods that are no whole ones: which they are, and their days over those of a whole one
- `steps_and_seasons` - instalments that rise, fall or pause by step or by month
- `batch` - what occurs in loans that are reckoned together, their due dates, what a period is of a year
- `figures` - of one period: its rate, its interest, the principal it asks
- `schedule` - how terms become instalments: one step, the level instalment, the whole expansion
- `disclosed` - what a borrower is told the loan costs
"""
