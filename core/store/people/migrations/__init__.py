"""Migrations of the people's database: files of Alembic in `versions`, run by `database.migrated`.

A new one: a file with the next number, `revision` its number and `down_revision` the one before. What was released
never changes; a test holds that all of them together make what `models` says.
"""
