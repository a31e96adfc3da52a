"""Users, sessions, orders that wait, and the audit trail, which nothing may change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REFUSES_SQLITE = """
CREATE TRIGGER audit_{what} BEFORE {what} ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is only appended to'); END
"""
REFUSES_POSTGRESQL = (
    "CREATE FUNCTION audit_is_only_appended_to() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit trail is only appended to'; END $$",
    "CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_only_appended_to()",
)


def upgrade() -> None:
    """Make the tables, the head of an empty trail, and what keeps the trail as it is."""
    _users()
    _orders()
    _audit()


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("plain", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("os_user", sa.String(64)),
        sa.Column("password_hash", sa.String(200)),
        sa.Column("otp_secret", sa.LargeBinary()),
        sa.Column("otp_confirmed", sa.Boolean(), nullable=False),
        sa.Column("otp_counter", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("closed_until", INSTANT),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("plain", name="uq_users_plain"),
        sa.UniqueConstraint("os_user", name="uq_users_os_user"),
    )
    op.create_table(
        "user_roles",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("given_at", INSTANT, nullable=False),
        sa.Column("given_by", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "role", name="pk_user_roles"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_user_roles_user_id"),
    )
    op.create_table(
        "user_attributes",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "name", "value", name="pk_user_attributes"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_user_attributes_user_id"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("second_factor", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT),
        sa.Column("revoked_by", sa.String(64)),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("device", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sessions_user_id"),
        sa.UniqueConstraint("secret_hash", name="uq_sessions_secret_hash"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("command", sa.String(40), nullable=False),
        sa.Column("loan_key", sa.String(200), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger()),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("comment", sa.String(500), nullable=False),
        sa.Column("maker", sa.String(64), nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("proposed_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("approvals_needed", sa.Integer(), nullable=False),
        sa.Column("roles_needed", sa.Text(), nullable=False),
        sa.Column("policy", sa.String(100), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.String(200)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
    )
    op.create_index("ix_orders_loan_key", "orders", ["loan_key"])
    op.create_index("ix_orders_state", "orders", ["state"])
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("actor_plain", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_decisions_order_id"),
        sa.UniqueConstraint("order_id", "actor_plain", name="uq_decisions_order_id"),
    )
    op.create_index("ix_decisions_order_id", "decisions", ["order_id"])


def _audit() -> None:
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.create_table(
        "audit",
        sa.Column("seq", SEQ, nullable=False, autoincrement=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("class_uid", sa.Integer(), nullable=False),
        sa.Column("activity_id", sa.Integer(), nullable=False),
        sa.Column("activity_name", sa.String(40), nullable=False),
        sa.Column("actor_user_name", sa.String(64), nullable=False),
        sa.Column("actor_user_groups", sa.Text(), nullable=False),
        sa.Column("actor_session_uid", sa.String(32)),
        sa.Column("src_endpoint_ip", sa.String(64)),
        sa.Column("device_name", sa.String(200)),
        sa.Column("metadata_correlation_uid", sa.String(64)),
        sa.Column("entity_type", sa.String(40)),
        sa.Column("entity_uid", sa.String(200)),
        sa.Column("loan_key", sa.String(200)),
        sa.Column("status_id", sa.Integer(), nullable=False),
        sa.Column("status_detail", sa.Text()),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    for column in ("actor_user_name", "loan_key", "time"):
        op.create_index(f"ix_audit_{column}", "audit", [column])
    op.execute(f"INSERT INTO audit_head (id, seq, time, hash) VALUES (1, 0, 0, '{'0' * 64}')")
    if op.get_context().dialect.name == "sqlite":
        for what in ("UPDATE", "DELETE"):
            op.execute(REFUSES_SQLITE.format(what=what))
    else:
        for statement in REFUSES_POSTGRESQL:
            op.execute(statement)
