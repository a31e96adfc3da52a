"""What a product file may say, rule by rule.

Each class is one part of `loanbook.core.policy.product.Product`, which says what they may not be together.

- `schedule` - how instalments are made: amortisation, rate, stubs, graces, calendars, tranches
- `interest` - how interest is earned, follows an index, and what overdue money bears beside it
- `payments` - where money goes once it is in
- `payouts` - what may be applied for and lent: bounds, payouts, lines of credit and their advances
- `endings` - when interest is no income any more, a loan leaves the books, and what becomes of a small credit
"""
