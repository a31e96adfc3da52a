"""Who may do what, as files.

- `roles` - roles with what each may do, and how many must approve an order
- `misuse` - from where on people's orders are told of as possible misuse
- `providers` - providers of OpenID Connect, and the roles that their claims give
"""
