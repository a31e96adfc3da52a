"""Commands of what changes in the book's risk: events for subscribers."""
