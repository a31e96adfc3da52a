"""The rules of orders, by what is ordered: who may, in which state, lines of credit, contract,
schedule, pauses, endings, money. Their order of precedence stands in `orders.allowed.RULES`."""
