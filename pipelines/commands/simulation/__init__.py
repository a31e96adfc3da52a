"""Commands of books that no lender has: the demo of the public sample, and synthetic ones of any size."""
