"""Where the ledger's data files lie: a folder, or a bucket of a server that speaks S3.

- `s3` - address, key and manner of an S3 server, as DuckDB is told them
- `database_address` - the catalogue's address in PostgreSQL, without its password, and what to do
- `place` - files in either: their bytes, which there are, that they are kept
- `whole_files` - a file of this machine that is there whole or not at all
"""
