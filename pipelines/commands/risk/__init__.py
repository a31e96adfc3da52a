"""Commands of what changes in the book's risk, and of what is unusual in it: events for subscribers, alerts."""
