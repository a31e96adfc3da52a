"""The tables of the people's database, as typed classes.

Lists of words (states, kinds) are strings with a check in code, not types of the database: a migration sees no new
member of a native one. Instants are kept in UTC and come back with their zone, also from SQLite, which drops it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[dt.datetime]):
    """An instant in UTC, with its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        """What is stored; an instant without a zone is a mistake of the program."""
        if value is None:
            return None
        assert value.tzinfo is not None, "an instant without a zone"
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:
        """What is read, with its zone."""
        if value is None:
            return None
        read: dt.datetime = value
        return read.replace(tzinfo=dt.UTC) if read.tzinfo is None else read.astimezone(dt.UTC)


class Base(DeclarativeBase):
    """Every table; names of constraints are made by one rule, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class User(Base):
    """A person or a service, by a name that no other has however it is written."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    plain: Mapped[str] = mapped_column(String(64), unique=True)
    """The name without what writing it changes (`plain_name`)."""
    kind: Mapped[str] = mapped_column(String(16))
    """person or service."""
    os_user: Mapped[str | None] = mapped_column(String(64), unique=True)
    """The operating system's user who is this one on the command line."""
    password_hash: Mapped[str | None] = mapped_column(String(200))
    subject: Mapped[str | None] = mapped_column(String(64), unique=True)
    """SHA-256 of issuer and subject at the provider that vouches for this one."""
    otp_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Secret of the second factor, sealed under the instance's key."""
    otp_confirmed: Mapped[bool] = mapped_column(default=False)
    otp_counter: Mapped[int] = mapped_column(BigInteger, default=0)
    """Counter of the last code that was accepted: none is accepted twice."""
    failures: Mapped[int] = mapped_column(default=0)
    """Sign-ins that failed since the last that did not."""
    closed_until: Mapped[dt.datetime | None] = mapped_column(Instant)
    """No sign-in before: it grows with each failure."""
    locked: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column()
    """Goes up by one at each change: of two who change a user at once the second is refused."""

    __mapper_args__ = {"version_id_col": version}


class UserRole(Base):
    """A role that a user has."""

    __tablename__ = "user_roles"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(64), primary_key=True)
    given_at: Mapped[dt.datetime] = mapped_column(Instant)
    given_by: Mapped[str] = mapped_column(String(64))


class UserAttribute(Base):
    """What is known of a user: region, product, entity, account (a loan's key), delegate_of, own_loan."""

    __tablename__ = "user_attributes"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[str] = mapped_column(String(200), primary_key=True)


class SignIn(Base):
    """A session of a person, or a token of a service; what the client holds is known by its hash alone."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    """Public: the trail names it."""
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    """session or token."""
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    second_factor: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    expires_at: Mapped[dt.datetime] = mapped_column(Instant)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    revoked_by: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64), default="")
    device: Mapped[str] = mapped_column(String(200), default="")


class QueuedOrder(Base):
    """An order that waits for another person, or was decided."""

    __tablename__ = "orders"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    """`command_ref` of its row in the ledger."""
    command: Mapped[str] = mapped_column(String(40))
    loan_key: Mapped[str] = mapped_column(String(200), index=True)
    value_date: Mapped[dt.date] = mapped_column()
    fields: Mapped[str] = mapped_column(Text)
    """All fields of its row as JSON, as a command file has them."""
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str] = mapped_column(String(40))
    comment: Mapped[str] = mapped_column(String(500), default="")
    maker: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(200))
    """`queue`, or the name of the file that brought it."""
    proposed_at: Mapped[dt.datetime] = mapped_column(Instant)
    expires_at: Mapped[dt.datetime] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(String(16), index=True)
    """proposed, approved, released, rejected, withdrawn, expired."""
    approvals_needed: Mapped[int] = mapped_column()
    roles_needed: Mapped[str] = mapped_column(Text)
    """JSON list of roles of which each who approves must have one; empty: any."""
    policy: Mapped[str] = mapped_column(String(100))
    """Version of the approval rules by which it waits."""
    known_at: Mapped[int] = mapped_column(BigInteger)
    """Version of the ledger that it was judged by when it was proposed."""
    file: Mapped[str | None] = mapped_column(String(200))
    """The command file that took it to the ledger."""
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}


class Decision(Base):
    """What somebody decided of an order."""

    __tablename__ = "decisions"
    __table_args__ = (UniqueConstraint("order_id", "actor_plain"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("orders.id"), index=True)
    actor: Mapped[str] = mapped_column(String(64))
    actor_plain: Mapped[str] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(16))
    """approved, rejected, withdrawn."""
    reason: Mapped[str] = mapped_column(String(500), default="")
    decided_at: Mapped[dt.datetime] = mapped_column(Instant)


class AuditHead(Base):
    """The last entry of the trail: the one row that whoever appends must hold."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    time: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))


class AuditEntry(Base):
    """An entry of the trail, with the names of OCSF; the database refuses to change or delete one."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_actor_user_name", "actor_user_name"),
        Index("ix_audit_loan_key", "loan_key"),
        Index("ix_audit_time", "time"),
    )

    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False
    )
    time: Mapped[int] = mapped_column(BigInteger)
    """Microseconds since 1970 in UTC."""
    class_uid: Mapped[int] = mapped_column()
    activity_id: Mapped[int] = mapped_column()
    activity_name: Mapped[str] = mapped_column(String(40))
    actor_user_name: Mapped[str] = mapped_column(String(64))
    actor_user_groups: Mapped[str] = mapped_column(Text)
    actor_session_uid: Mapped[str | None] = mapped_column(String(32))
    src_endpoint_ip: Mapped[str | None] = mapped_column(String(64))
    device_name: Mapped[str | None] = mapped_column(String(200))
    metadata_correlation_uid: Mapped[str | None] = mapped_column(String(64))
    entity_type: Mapped[str | None] = mapped_column(String(40))
    entity_uid: Mapped[str | None] = mapped_column(String(200))
    loan_key: Mapped[str | None] = mapped_column(String(200))
    status_id: Mapped[int] = mapped_column()
    status_detail: Mapped[str | None] = mapped_column(Text)
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))


class VaultKey(Base):
    """A key of the vault, itself under the master key: one wraps persons' keys, one makes tokens; by versions."""

    __tablename__ = "vault_keys"

    purpose: Mapped[str] = mapped_column(String(16), primary_key=True)
    """wrapping or tokens."""
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    wrapped: Mapped[bytes | None] = mapped_column(LargeBinary)
    """None: it was destroyed."""
    state: Mapped[str] = mapped_column(String(16))
    """current, retiring (another takes its place, and both are read), destroyed."""
    made_at: Mapped[dt.datetime] = mapped_column(Instant)


class Person(Base):
    """Somebody whom the vault knows, by a random token that other rooms keep in place of names."""

    __tablename__ = "persons"

    person: Mapped[str] = mapped_column(String(40), primary_key=True)
    ref: Mapped[str] = mapped_column(String(200), unique=True)
    """Key of who put the person in, as an application's number: in plain text, so nothing personal stands in it."""
    kind: Mapped[str] = mapped_column(String(16))
    """individual or business."""
    revision: Mapped[int] = mapped_column()
    """Of the last record."""
    made_at: Mapped[dt.datetime] = mapped_column(Instant)
    erased_at: Mapped[dt.datetime | None] = mapped_column(Instant)


class PersonKey(Base):
    """The key of a person, under a key of the vault: without it every record of the person is noise."""

    __tablename__ = "person_keys"
    __table_args__ = {"sqlite_with_rowid": False}

    person: Mapped[str] = mapped_column(ForeignKey("persons.person"), primary_key=True)
    version: Mapped[int] = mapped_column()
    """Of the key that wraps it."""
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)


class PersonRecord(Base):
    """What is known of a person, sealed under their key and bound to person and revision."""

    __tablename__ = "person_records"
    __table_args__ = {"sqlite_with_rowid": False}

    person: Mapped[str] = mapped_column(ForeignKey("persons.person"), primary_key=True)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[dt.datetime] = mapped_column(Instant)


class PersonToken(Base):
    """By what a person is found: a keyed digest of some fields of the last record, with its key's version."""

    __tablename__ = "person_tokens"
    __table_args__ = {"sqlite_with_rowid": False}

    person: Mapped[str] = mapped_column(ForeignKey("persons.person"), primary_key=True)
    field: Mapped[str] = mapped_column(String(32), primary_key=True)
    """What of `TOKENS`."""
    version: Mapped[int] = mapped_column()
    token: Mapped[str] = mapped_column(String(48), index=True)
