"""Connections to the people's database, its transactions and its migrations.

SQLite in the instance's folder, made by the first command that needs it, or PostgreSQL by `[people] database` of
`loanbook.toml`, or the variable `LOANBOOK_PEOPLE`. Whoever writes holds the database from the start of the
transaction, so that two never append to the trail at once.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from loanbook.core.errors import LedgerConflictError, LedgerError
from loanbook.core.store.instance import read_instance
from loanbook.core.store.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST = max(path.name.split("_", 1)[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
"""Revision that this loanbook reads and writes."""
_WRITES = "writes"
BUSY_SECONDS = 20
"""So long who writes waits for another."""
Clock = Callable[[], dt.datetime]


def now() -> dt.datetime:
    """The instant by the clock of this machine."""
    return dt.datetime.now(dt.UTC)


class PeopleError(LedgerError):
    """The people's database can't be opened, read or written as asked."""


class People:
    """The people's database of an instance, open."""

    def __init__(self, settings: Settings, clock: Clock = now) -> None:
        self.settings, self.clock = settings, clock
        self.rules = read_instance(settings.home).people
        self._engine = _engine(settings)
        try:
            with self._engine.begin() as connection:
                found = _revision(connection)
        except OperationalError as error:
            raise PeopleError(_unreachable(settings, error)) from None
        if found != NEWEST:
            migrated(self._engine)
        if path := settings.people_file:
            path.chmod(0o600)

    @property
    def engine(self) -> Engine:
        """The engine, for other modules of the room."""
        return self._engine

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that reads."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that writes, all of it or nothing; LedgerConflictError where another came first."""
        engine = self._engine.execution_options(**{_WRITES: True})
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
        except StaleDataError as error:
            raise LedgerConflictError(
                "somebody else changed it meanwhile; look at it again, then decide"
            ) from error
        except OperationalError as error:
            if "locked" in str(error) or "timeout" in str(error):
                raise LedgerConflictError(
                    f"the people's database stayed busy for {BUSY_SECONDS} s; try again"
                ) from error
            raise


def open_people(settings: Settings, clock: Clock = now) -> People:
    """The people's database of an instance; it is made where there is none."""
    return People(settings, clock)


def _engine(settings: Settings) -> Engine:
    path = settings.people_file
    if path is not None:
        _made(path, settings)
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _as_sqlite_should)
        event.listen(engine, "begin", _begun)
        return engine
    try:
        url = make_url(settings.people).set(drivername="postgresql+psycopg")
    except ArgumentError as error:
        raise PeopleError(
            "the address of the people's database is none: write postgresql://USER@HOST/NAME below "
            "[people] in loanbook.toml, or in LOANBOOK_PEOPLE"
        ) from error
    return create_engine(url, pool_pre_ping=True)


def _made(path: Path, settings: Settings) -> None:
    """The file's folder, for its owner alone."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise PeopleError(
            f"{path.parent} can't be written: {error.strerror}; make the folder writable, or name a "
            "PostgreSQL below [people] in loanbook.toml"
        ) from error


def _as_sqlite_should(connection: Any, _: Any) -> None:
    """Foreign keys hold, readers don't wait, and what is deleted is gone from the file."""
    connection.isolation_level = (
        None  # transactions begin where `_begun` says, not where the driver guesses
    )
    for pragma in (
        "foreign_keys = ON",
        "journal_mode = WAL",
        "secure_delete = ON",
        "cache_size = -131072",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begun(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])


def migrated(engine: Engine) -> str:
    """Bring the database to the newest revision; returns it. Safe to repeat, and beside another process."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    from loanbook.core.store.people.models import Base

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)

    def upgrade(revision: Any, _: Any) -> Any:
        known = {each.revision for each in script.walk_revisions()}
        current = revision[0] if revision else None
        if current is not None and current not in known:
            raise PeopleError(
                f"the people's database has revision {current}, this loanbook knows revisions up to {NEWEST}: it "
                "was written by a newer loanbook; update this one"
            )
        return script._upgrade_revs("head", revision)

    with (
        EnvironmentContext(config, script, fn=upgrade) as environment,
        engine.execution_options(**{_WRITES: True}).begin() as connection,
    ):
        if connection.dialect.name == "postgresql":  # SQLite's writer is alone already
            connection.execute(text("SELECT pg_advisory_xact_lock(7021001)"))
        environment.configure(
            connection=connection, target_metadata=Base.metadata, render_as_batch=True
        )
        environment.run_migrations()
    return NEWEST


def _unreachable(settings: Settings, error: DBAPIError) -> str:
    """Why the database can't be used, without the password that its address may hold."""
    told = " ".join(str(error.orig).split())
    where = re.sub(r"://[^/]*@", "://***@", settings.people) or str(settings.people_file)
    for secret in filter(None, re.findall(r"://[^/@:]*:(.*)@", settings.people)):
        told = told.replace(secret, "***")
    return (
        f"the people's database {where} can't be used: {told[:300]}; mend the address in LOANBOOK_PEOPLE or "
        "below [people] in loanbook.toml, and see that its server answers"
    )
