"""Orders: what people may order of a loan, by its state and its product.

- `states` - the table of kinds and states
- `order` - what a rule reads of an order and its loan
- `event_totals` - what the events of its loan come to
- `beside` - what the orders beside it make of its loan
- `rule` - how a rule is declared: its refusal, the kinds it judges, its words
- `rules` - the rules, by what is ordered
- `what_is_left` - what charges, payments and payouts still leave to take back
- `allowed` - their precedence, and the first that an order breaks
- `page` - the table and the rules in words
"""
