"""The schedule: how terms become instalments.

- `cursor` - where a loan stands, and the step from one instalment to the next
- `periods` - the coming periods of loans, many at once
- `expansion` - every instalment as a row, and the digest of their figures
- `stub_interest` - an odd first period's interest that is asked apart
- `flat_total` - the interest of a whole life on what was lent
- `level_instalment` - the level instalment, solved, rounded and smoothed
- `agreement` - what is fixed before a schedule runs, of the three above
- `agreed_rows` - schedules that were agreed row by row
- `rule_of_78` - the rebate of a finance charge by the sum of the digits
"""
