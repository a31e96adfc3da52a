"""Files from which applications are decided, taken in: each row once, a known key with other content is a conflict.

- `records` - what came before by its key, and what of it is new
- `applications` - applications, their parties and what they have in common, and the first event of each case
- `bureau` - reports and bank data, sealed, and the facts in them
- `people` - consents and checks of identity
- `persons` - persons by name: put in the vault, nowhere else
- `documents` - documents that applicants hand in, sealed
"""
