"""Who may do what, and the proof of what was done: decided in one place, pure.

- `actor` - who acts: a person, a service, or whoever sits before a demo
- `deciding` - what an actor may do, of what, and which rows and columns it sees
- `approving` - whether an order has the approvals it needs, and who may give one
- `trail` - the audit trail: what an entry says, and the chain that shows any change of it
- `pages` - what each page takes to be read
- `keepers` - that somebody is left who can sign in and give roles
- `claims` - who a provider of OpenID Connect says somebody is
- `matrix` - roles by action and by page, as rows for people
"""
