"""What a plain change costs: each test makes one in a copy of the product, and sees it work."""
