"""The book as it stands: portfolio, any part of it, one loan."""
