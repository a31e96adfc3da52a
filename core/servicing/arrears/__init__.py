"""Arrears: since when something is unpaid, and what a convention makes of it.

- `days_past_due` - days past due from the oldest due that is unpaid beyond tolerance; pauses; charge-off by rule
- `conventions` - RBI, MBA, OTS, EBA and IFRS 9 at once, from the days a loan has lived
- `hardship` - arrangements for borrowers in hardship: start, end, credit-report code
"""
