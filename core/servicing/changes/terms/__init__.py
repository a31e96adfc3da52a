"""Events that change the terms of a contract, one file an event.

- `revision` - what they share: the schedule in force is closed and the next one opened
- `later_changes` - instalments before a change that is agreed ahead stay
- `rate_change` - another rate from the value date on
- `rate_reset` - the rate of a floating loan follows its index
- `term_extension` - so many instalments more
- `due_date_change` - the next instalment falls due later, those after it follow
- `reamortisation` - arrears and what is to come are spread anew over the instalments left
- `interest_capitalisation` - interest earned and not billed joins the principal
- `interest_pause` - nights that bear no interest; the instalments stay
- `moratorium` - the next instalments are passed over and all fall due later
- `limit_change` - another limit of a line of credit
"""
