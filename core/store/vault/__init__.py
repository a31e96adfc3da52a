"""The vault of persons: names, birth dates, addresses, contacts, national ids and bank accounts, and nowhere else.

Other rooms keep a person's token, which is random and means nothing. A record is sealed under a key of its person,
that under a key of the vault, that under the master key. Whoever destroys a person's key has forgotten the person.

- `roots` - what the vault's keys stand under: the master key, or a key management service
- `keyring` - the vault's own keys, by purpose and version
- `sealing` - records, keys and tokens in bulk
- `rows` - tables of the vault, read and written by many rows at once
- `vault` - persons put in, opened with a reason, shown masked, found
- `belongings` - what lies outside under a person's key, and is lost with it
- `forgetting` - a person's key destroyed, and gone from the files
- `rotating` - another master key, key of the vault or token key, while others read
"""
