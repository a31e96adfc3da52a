"""Pages about people: orders that wait, the audit trail, users and roles."""
