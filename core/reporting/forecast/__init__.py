"""What is to come of a book: cash flows by contract and by behaviour, expected loss, and how such forecasts fared.

- `projection` - cash flow of a book's pools by contract, and at speeds of prepayment and default
- `expected_loss` - expected credit loss by stage
- `back_test` - what roll rates of a month would have said of the next, beside what came
"""
