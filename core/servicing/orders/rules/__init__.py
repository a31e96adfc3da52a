"""The rules of orders, by what is ordered; their precedence stands in `orders.allowed.RULES`.

- `approval` - who may order it, alone or with a second person
- `state` - what the loan's state forbids
- `credit_line` - draws and limits of lines of credit
- `contract` - changes of what was agreed
- `schedule` - changes of the instalments to come
- `pauses` - pauses of interest and of delinquency
- `endings` - charge-off, write-off, settlement, reopening
- `money` - amounts, credits, refunds and chargebacks
"""
