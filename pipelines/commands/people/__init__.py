"""Commands about people and what they did: users, roles, the audit trail.

- `users` - users, their roles, passwords, second factors, tokens; signing in and out
- `roles` - the matrix of roles, and policies that wait for somebody to put them in force
- `orders` - orders that wait for another person
- `export` - audit packs
- `audit` - the trail, read and verified
"""
