"""Policy is data: what a lender may set, as files that are read once and validated whole.

- `base` - what every policy file has: name, version, the date it is in force from
- `models` - what a file of each kind may say; `FOLDERS` lists the kinds
- `file_mappings` - which column of a file is which, how its dates and amounts are written, who sent it
- `originators` - who sends debits and credits by which rail, and what its return codes mean
- `product_rules` - what a product may say of schedule, interest, payments, payouts and endings
- `product` - a product file: those rules together, and what must hold between them
- `lending` - offers, agreements and payouts
- `rights` - who may do what, and how many must approve an order
- `decisions` - what is asked of an application, and what it may cost
- `library` - every version of every policy, and which is in force on a date
- `charge_tables` - fees, taxes, penal interest and charge-off as tables the engine joins by product
- `references` - policies that name others: what they name is there, in time, and of the right sort
- `book` - all policies of an instance: parsed, checked against one another, hashed, pinned
- `used` - versions that loans live by: they keep their content, and nothing new changes the past
"""
