"""Commands about one loan, or about a few: how it stands and why, its schedule, what it would be."""
