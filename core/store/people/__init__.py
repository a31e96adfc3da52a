"""The people's database: users, sessions, orders that wait for a second person, and the audit trail.

A room of its own beside the lake, small and transactional. What is decided here reaches the ledger as rows of
command files with the order's id, so that the ledger alone replays.

- `models` - the tables, as typed classes
- `database` - connections, transactions, migrations: SQLite in the instance's folder, or PostgreSQL
- `migrations` - numbered files of Alembic
- `keys` - secrets of the instance in files of mode 600
- `audit` - the trail: appended to in the transaction of what it tells of, read, verified
- `users` - users, roles, attributes, passwords, second factors, locks
- `in_force` - roles and providers as the instance's files say today
- `sessions` - sign-ins and tokens: a row each, that expires, is revoked, and is looked at on every use
- `provided` - sign-ins by a provider of OpenID Connect
- `anchors` - what versions of the ledger say of the trail
- `acting` - who acts on this machine now, and whether they may
- `queue` - orders that wait for another person
"""
