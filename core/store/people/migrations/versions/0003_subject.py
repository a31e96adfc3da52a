"""Users whom a provider of OpenID Connect vouches for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what names a user at their provider."""
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("subject", sa.String(64)))
        users.create_unique_constraint("uq_users_subject", ["subject"])
