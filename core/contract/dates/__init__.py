"""Dates and what counts them: due dates, the days between them, the days that are none.

- `due_dates` - due dates, counted from the anchor
- `instalment_dates` - due dates of instalments as they were agreed: counted, or told row by row
- `day_count` - fractions of a year as exact quotients, each convention by its name
- `iso_dates` - the form in which they are written
- `business_days` - holiday calendars and the conventions that roll a date
"""
