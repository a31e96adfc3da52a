"""Who looks at the pages: signing in and out, and what each may see.

- `viewer` - who looks, asked of the session's row on every run, and what of the ledger they see
- `provider` - the settings of a provider of OpenID Connect
- `session` - the cookie that keeps a session over a reload, and its route
- `sign_in` - the page that asks for name, password and code, and sets up a second factor
- `who` - who I am, on every page, and signing out
"""
