"""Commands of work on late loans: contacts, promises and notices, and what rules say of them."""
