"""Files from which applications are decided: read into typed rows, with the rows refused.

- `reading` - CSV, JSON lines and Parquet as text with line numbers
- `applications` - a partner's applications by its mapping
- `bureau` - reports of bureaus: JSON, or a row a trade line
- `bank_data` - accounts and transactions of applicants
- `people` - consents and checks of identity
- `persons` - persons by name, for the vault alone
- `documents` - documents of applicants, their content in base64
- `columns` - what their columns mean
"""
