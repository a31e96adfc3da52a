"""The schedule: what falls due when, and how an event changes what is to come.

- `billing` - on the last day of a period its interest and principal become dues
- `billing_run` - what falls due on the day: billed, booked, taxed
- `moved_due_dates` - instalments that a calendar moves: billed, and not due yet
- `fixed_schedule` - schedules held as rows: every instalment is a due from disbursement on
- `freezing` - a schedule whose interest stands fixed from now on
- `coming_dues` - dues that an event adds to instalments to come; principal that stands due
- `equal_parts` - what joins instalments to come in equal parts
- `level_instalment` - the level instalment made anew in the middle of a loan's life
- `running_instalment` - a running instalment that takes all money beyond what is due
- `payment_holiday` - instalments that are passed over; those after them fall due later
- `statements` - statements of lines of credit: when they are due and what they ask
- `projection` - the instalments to come, if each is paid when it is due
"""
