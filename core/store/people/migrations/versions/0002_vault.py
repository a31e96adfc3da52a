"""The vault of persons: keys, sealed records, tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "vault_keys",
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("wrapped", sa.LargeBinary()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("purpose", "version", name="pk_vault_keys"),
    )
    op.create_table(
        "persons",
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("ref", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("erased_at", INSTANT),
        sa.PrimaryKeyConstraint("person", name="pk_persons"),
        sa.UniqueConstraint("ref", name="uq_persons_ref"),
    )
    op.create_table(
        "person_keys",
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_person_keys"),
        sa.ForeignKeyConstraint(["person"], ["persons.person"], name="fk_person_keys_person"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "person_records",
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("person", "revision", name="pk_person_records"),
        sa.ForeignKeyConstraint(["person"], ["persons.person"], name="fk_person_records_person"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "person_tokens",
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("field", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(48), nullable=False),
        sa.PrimaryKeyConstraint("person", "field", name="pk_person_tokens"),
        sa.ForeignKeyConstraint(["person"], ["persons.person"], name="fk_person_tokens_person"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_person_tokens_token", "person_tokens", ["token"])
