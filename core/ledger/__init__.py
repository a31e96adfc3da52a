"""Events, accounts, transfers and the laws between them."""
